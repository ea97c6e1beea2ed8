//! How far apart calls are.

use std::time::Duration;

use domain::Timestamp;
use opendota_client::{BudgetStatus, WindowStatus};

/// The calls that are left are spread evenly over the time for which they have
/// to last, of the minute and of the day: then some are left at the end of it.
/// Where there is no room, the client says when there is.
pub(crate) fn pace(budget: &BudgetStatus, now: Timestamp) -> Duration {
    spread(&budget.minute, now).max(spread(&budget.day, now))
}

fn spread(window: &WindowStatus, now: Timestamp) -> Duration {
    let left_ms = window.resets_at.as_unix_ms() - now.as_unix_ms();
    let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
    match window.room {
        Some(room @ 1..) => {
            // More than that many make no wait that a clock could tell.
            let room = u32::try_from(room).unwrap_or(u32::MAX);
            left / room
        }
        _ => Duration::ZERO,
    }
}

/// How many calls a day has for us, as far as that can be told.
pub(crate) fn calls_a_day(budget: &BudgetStatus) -> u64 {
    const MINUTES_A_DAY: u64 = 24 * 60;
    let of = |window: &WindowStatus| window.room.map(|room| window.used.saturating_add(room));
    let of_minutes = of(&budget.minute).map(|calls| calls.saturating_mul(MINUTES_A_DAY));
    let of_day = of(&budget.day);
    of_minutes
        .into_iter()
        .chain(of_day)
        .min()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDNIGHT: i64 = 1_776_038_400;

    fn window(used: u64, room: Option<u64>, seconds: i64) -> WindowStatus {
        WindowStatus {
            used,
            left: None,
            reserve: None,
            room,
            resets_at: Timestamp::from_unix_seconds(MIDNIGHT + seconds),
        }
    }

    fn check(minute: (u64, Option<u64>), day: (u64, Option<u64>), ms: u128, calls: u64) {
        let budget = BudgetStatus {
            minute: window(minute.0, minute.1, 60),
            day: window(day.0, day.1, 86_400),
        };
        let now = Timestamp::from_unix_seconds(MIDNIGHT);
        assert_eq!(pace(&budget, now).as_millis(), ms);
        assert_eq!(calls_a_day(&budget), calls);
    }

    #[test]
    fn calls_are_spread_over_what_is_left_of_the_minute_and_the_day() {
        // Without a key: a day of 3,000 with a reserve of 30%.
        check((0, Some(42)), (0, Some(2_100)), 41_142, 2_100);
        check((0, Some(42)), (2_000, Some(100)), 864_000, 2_100);
        // With a key there is no limit of the day.
        check((0, Some(210)), (7, None), 285, 302_400);
        check((200, Some(10)), (7, None), 6_000, 302_400);
        check((210, Some(0)), (7, None), 0, 302_400);
        check((0, None), (0, None), 0, u64::MAX);
        check((0, Some(u64::MAX)), (0, None), 0, u64::MAX);
    }
}
