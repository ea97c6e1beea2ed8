//! When an upstream is asked again.

use std::time::Duration;

use domain::Timestamp;

use super::rules::spread;
use crate::WishReason;
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
/// own fault, others have their turn meanwhile. Twice as long each time that
/// others were answered, but at most a day.
const STEP_ASIDE: Duration = Duration::from_mins(10);
const STEP_ASIDE_MAX: Duration = Duration::from_hours(24);

/// So many calls come to nothing while others are answered, then it is given up:
/// over four to five days, if nothing else holds it up.
const FAILURES_MAX: u64 = 12;

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

/// What becomes of it by a call that came to nothing although others are answered.
pub(super) fn after_failure(wish: Wish, now: Timestamp) -> Wish {
    let failures = wish.failures() + 1;
    if failures >= FAILURES_MAX {
        return Wish {
            reason: WishReason::Unanswered,
            state: WishState::GivenUp,
            ..wish
        };
    }
    Wish {
        next_try: later(now, aside(&wish, failures, now)),
        ..wish
    }
}

/// For how long a wish steps aside whose call came to nothing, as all of them do.
pub(super) fn aside_in_silence(wish: &Wish, now: Timestamp) -> Duration {
    aside(wish, wish.failures().max(1), now)
}

fn aside(wish: &Wish, failures: u64, now: Timestamp) -> Duration {
    let doublings = u32::try_from(failures - 1).unwrap_or(u32::MAX).min(16);
    let aside = STEP_ASIDE.saturating_mul(1 << doublings);
    let seed = wish.match_id.get().cast_unsigned() ^ now.as_unix_ms().cast_unsigned();
    jittered(aside.min(STEP_ASIDE_MAX), seed)
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

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_742_731_200);

    fn wish() -> Wish {
        Wish {
            match_id: MatchId::try_new(1).expect("it is above zero"),
            reason: WishReason::Missing,
            priority: WishReason::Missing.priority(),
            attempts: 0,
            state: WishState::Waiting,
            next_try: NOW,
            version: 0,
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
    fn whom_nobody_answers_uses_up_no_attempt_and_ends_though() {
        let mut wish = wish();
        let mut hours = 0.0;
        for failures in 1..FAILURES_MAX {
            let now = wish.next_try;
            wish = after_failure(wish, now);
            wish.version = wish.version_after();
            assert_eq!((wish.state, wish.attempts), (WishState::Waiting, 0));
            assert_eq!(wish.failures(), failures);
            let ms = wish.next_try.as_unix_ms() - now.as_unix_ms();
            let minutes = Duration::from_millis(ms.unsigned_abs()).as_secs_f64() / 60.0;
            let expected = (10.0 * f64::from(1_u32 << (failures - 1))).min(24.0 * 60.0);
            let range = expected * 0.75..=expected * 1.25;
            assert!(range.contains(&minutes), "{minutes} after {failures}");
            hours += minutes / 60.0;
        }
        assert!((86.0..144.0).contains(&hours), "{hours}");
        let ended = after_failure(wish, wish.next_try);
        assert_eq!((ended.state, ended.attempts), (WishState::GivenUp, 0));
        assert_eq!(ended.reason, WishReason::Unanswered);
    }

    #[test]
    fn an_attempt_is_no_failure() {
        let mut wish = after_attempt(wish(), 6, NOW);
        wish.version = wish.version_after();
        assert_eq!(wish.failures(), 0);
        let aside = aside_in_silence(&wish, NOW);
        assert!((450..=750).contains(&aside.as_secs()), "{aside:?}");
    }
}
