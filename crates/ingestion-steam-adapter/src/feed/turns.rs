//! Which pass makes the next call, and when.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Asked, PAUSE, SLEEP_MAX, SteamFeed};

/// A pause in which a page becomes almost full, where calls are scarce …
const ROWS_WANTED: u32 = 80;

/// … and the longest of them.
const PAUSE_MAX: Duration = Duration::from_secs(15);

impl SteamFeed {
    /// Waits until something is to be asked, and a key may. The second pass fills
    /// the pauses of the first one; where keys are slower than both, it has its
    /// turns, but none while the first one is late itself.
    pub(super) async fn due(&self) -> Asked {
        loop {
            let now = Instant::now();
            let Some(place) = &self.place else {
                if self.may_call(now, self.head.not_before).await {
                    return Asked::Newest;
                }
                continue;
            };
            let at = self.clock.now();
            let target = place.trail_target(at);
            let trail_wait = place.trail_wait(at).unwrap_or(SLEEP_MAX).min(SLEEP_MAX);
            let trail_from = (now + trail_wait).max(self.trail.not_before);
            let head_from = self.head.not_before;
            let is_head = if head_from.max(trail_from) <= now {
                self.is_head_behind && self.told.up_to().is_some() || self.head_turns > 0
            } else {
                head_from <= trail_from
            };
            let not_before = if is_head { head_from } else { trail_from };
            if !self.may_call(now, not_before).await {
                continue;
            }
            if is_head {
                return Asked::Head(place.head.saturating_add(self.head.skipped));
            }
            if let Some(target) = target {
                let start = place.trail.saturating_add(self.trail.skipped);
                return Asked::Trail { start, target };
            }
        }
    }

    /// Whether it is time and a key may call; waits until that can have changed.
    async fn may_call(&self, now: Instant, not_before: Instant) -> bool {
        let permitted = now + self.steam.wait().min(SLEEP_MAX);
        let due = not_before.max(permitted);
        if due <= now {
            return true;
        }
        sleep_until(due).await;
        false
    }

    /// How long the first pass waits at the end of the sequence, after a page of
    /// so many rows. While the second one has something to read, no call is spent
    /// on a few rows.
    pub(super) fn pause(&mut self, rows: usize) -> Duration {
        let now = Instant::now();
        let before = self.at_end.replace(now);
        let target = self.place.as_ref();
        let target = target.and_then(|place| place.trail_target(self.clock.now()));
        let (Some(before), Some(_)) = (before, target) else {
            return PAUSE;
        };
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).max(1);
        let full_after = (now - before) * ROWS_WANTED / rows;
        full_after.clamp(PAUSE, PAUSE_MAX)
    }
}
