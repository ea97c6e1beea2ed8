//! When an upstream is asked again.

use std::time::Duration;

use domain::Timestamp;

use super::rules::spread;
use crate::ports::{Wish, WishState};

/// How long after the first one each attempt is, if nothing holds it up; later
/// ones are three days apart.
const AFTER_FIRST: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
    Duration::from_hours(72),
];
const LATER: Duration = Duration::from_hours(72);

/// About how long a wish steps aside whose call came to nothing: if that was its
/// own fault, others have their turn meanwhile.
const STEP_ASIDE: Duration = Duration::from_mins(10);

/// From an attempt to the next, `attempts` having been made.
fn gap(attempts: u8) -> Duration {
    let next = usize::from(attempts);
    let pair = AFTER_FIRST.get(next).zip(AFTER_FIRST.get(next - 1));
    pair.map_or(LATER, |(next, last)| next.saturating_sub(*last))
}

/// What becomes of a wish by an attempt that did not bring what is wanted.
pub(super) fn after_attempt(wish: Wish, attempts_max: u8, now: Timestamp) -> Wish {
    let attempts = wish.attempts.saturating_add(1);
    if attempts >= attempts_max {
        return Wish {
            attempts,
            state: WishState::GivenUp,
            ..wish
        };
    }
    Wish {
        attempts,
        next_try: later(now, gap(attempts)),
        ..wish
    }
}

/// What becomes of it by a call that was none, for nobody answered.
pub(super) fn stepped_aside(wish: Wish, now: Timestamp) -> Wish {
    let seed = wish.match_id.get().cast_unsigned() ^ now.as_unix_ms().cast_unsigned();
    Wish {
        next_try: later(now, jittered(STEP_ASIDE, seed)),
        ..wish
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(now.as_unix_ms().saturating_add(by_ms))
}

/// Between three and five quarters of it.
fn jittered(duration: Duration, seed: u64) -> Duration {
    let per_mille = 750 + u32::try_from(spread(seed) % 501).unwrap_or_default();
    duration * per_mille / 1000
}

#[cfg(test)]
mod tests {
    use domain::MatchId;

    use super::*;
    use crate::WishReason;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_742_731_200);

    fn wish() -> Wish {
        Wish {
            match_id: MatchId::try_new(1).expect("it is above zero"),
            reason: WishReason::Missing,
            priority: WishReason::Missing.priority(),
            attempts: 0,
            state: WishState::Waiting,
            next_try: NOW,
            version: 1,
        }
    }

    #[test]
    fn attempts_are_as_far_apart_as_the_contract_says() {
        let mut wish = wish();
        let mut hours = vec![0.0];
        while wish.state == WishState::Waiting {
            wish = after_attempt(wish, 8, wish.next_try);
            let ms = wish.next_try.as_unix_ms() - NOW.as_unix_ms();
            hours.push(Duration::from_millis(ms.unsigned_abs()).as_secs_f64() / 3600.0);
        }
        let ten_minutes = 1.0 / 6.0;
        let expected = [0.0, ten_minutes, 1.0, 6.0, 24.0, 72.0, 144.0, 216.0, 216.0];
        assert_eq!(hours, expected);
        assert_eq!((wish.attempts, wish.state), (8, WishState::GivenUp));
    }

    #[test]
    fn whom_nobody_answers_uses_up_no_attempt() {
        let aside = stepped_aside(wish(), NOW);
        let expected = Wish {
            next_try: aside.next_try,
            ..wish()
        };
        assert_eq!(aside, expected);
        let by_ms = aside.next_try.as_unix_ms() - NOW.as_unix_ms();
        assert!((450_000..=750_000).contains(&by_ms), "{by_ms}");
    }
}
