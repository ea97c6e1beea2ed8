//! Whose turn it is to call, and how many calls all ranges take together.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use etl_application::backfill::BackfillShare;
use health_kit::Clock;
use steam_client::{CALLS_PER_DAY, CallError, Page, Steam};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// A longer wait than this is no pace of a key, but a limit or an outage: it is
/// not followed by a rest.
const PACE_MAX: Duration = Duration::from_mins(1);

/// Calls of the ranges of a process, one at a time.
///
/// Nobody knows how many calls a key bears. So the share is one of time: a call
/// works from its beginning until the next one is permitted, and is followed by
/// a rest in proportion. Of the calls of a day they take no more than the share,
/// either.
pub struct SteamTurns {
    client: Arc<Steam>,
    share: BackfillShare,
    clock: Arc<dyn Clock>,
    not_before: Mutex<Instant>,
}

impl SteamTurns {
    /// Nobody has called yet. Whoever else has the same keys calls through a
    /// client of its own.
    #[must_use]
    pub fn new(client: Arc<Steam>, share: BackfillShare, clock: Arc<dyn Clock>) -> Self {
        Self {
            client,
            share,
            clock,
            not_before: Mutex::new(Instant::now()),
        }
    }

    /// As [`Steam::matches_from`], when it is its turn.
    pub(crate) async fn matches_from(&self, start: u64, rows: u8) -> Result<Page, CallError> {
        self.take_turn(async || self.client.matches_from(start, rows).await)
            .await
    }

    /// As [`Steam::newest_sequence_number`], when it is its turn.
    pub(crate) async fn newest_number(&self) -> Result<u64, CallError> {
        self.take_turn(async || self.client.newest_sequence_number().await)
            .await
    }

    async fn take_turn<T>(
        &self,
        call: impl AsyncFnOnce() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let mut not_before = self.not_before.lock().await;
        sleep_until(*not_before).await;
        if let Some(retry_in) = self.day_is_used_up() {
            return Err(CallError::NoRoom { retry_in });
        }
        let begun = Instant::now();
        let answer = call().await;
        let wait = self.client.wait();
        let has_worked = wait <= PACE_MAX && !matches!(answer, Err(CallError::Unavailable { .. }));
        if has_worked {
            let worked = begun.elapsed() + wait;
            *not_before = begun + worked + self.share.rest_after(worked);
        }
        answer
    }

    /// How long until there are calls again, if the share of this day has none left.
    fn day_is_used_up(&self) -> Option<Duration> {
        let keys = self.client.keys();
        let all = u64::from(CALLS_PER_DAY) * keys.len() as u64;
        let left: u64 = keys.iter().map(|key| u64::from(key.day_left)).sum();
        let share = all * u64::from(self.share.percent()) / 100;
        (!keys.is_empty() && all - left >= share).then(|| until_midnight(self.clock.now()))
    }
}

fn until_midnight(now: Timestamp) -> Duration {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let left_ms = DAY_MS - now.as_unix_ms().rem_euclid(DAY_MS);
    Duration::from_millis(left_ms.unsigned_abs())
}
