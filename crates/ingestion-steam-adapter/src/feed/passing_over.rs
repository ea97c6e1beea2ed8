//! What happens when the second pass falls too far behind.

use domain::Timestamp;
use ingestion_application::ports::{FeedEvent, PassedOver};

use super::SteamFeed;
use crate::{place::TRAIL_DELAY, told::Told};

/// Matches of more than two hours: the second pass is an hour behind at any rate.
const BEHIND_MIN: u64 = 131_072;

/// How many matches may be between the two passes, where so many ids are remembered.
///
/// A process that dies forgets what the first pass has found, and the next one
/// hands all of it over again. A quarter of the window is for what other feeds
/// tell of meanwhile.
pub(super) const fn behind_max(dedup_window_size: usize) -> u64 {
    let covered = dedup_window_size as u64 / 4 * 3;
    if covered < BEHIND_MIN {
        BEHIND_MIN
    } else {
        covered
    }
}

impl SteamFeed {
    /// How many matches the next process would hand over again.
    fn behind(&self) -> u64 {
        let place = self.place.as_ref();
        let trail = place.map_or(0, |place| place.trail);
        // What an earlier process has found is not known, but how many numbers it took.
        let unknown = self.resumed_at.saturating_sub(trail) / self.spacing;
        self.seen.count().saturating_add(unknown)
    }

    fn is_too_far_behind(&self) -> bool {
        self.behind() > self.behind_max || self.seen.is_full()
    }

    /// Lets the second pass go on near the first one if it is too far behind. What
    /// it leaves out is told.
    pub(super) fn bound_trail(&mut self, now: Timestamp) {
        if !self.is_too_far_behind() {
            return;
        }
        let from = match self.told.up_to() {
            Some(up_to) => up_to,
            // It is soon known where that is.
            None if !self.seen.is_full() => return,
            None => self.told.since().unwrap_or(now),
        };
        let first = self.place.as_ref().map_or(0, |place| place.trail);
        let mut to = now;
        // Where it was an hour ago, and if that is too far, where it is.
        for _ in 0..2 {
            let Some(place) = &mut self.place else {
                return;
            };
            to = place.pass_over(now);
            let trail = place.trail;
            self.seen.forget_below(trail);
            if !self.is_too_far_behind() {
                break;
            }
        }
        // What ended by then had appeared an hour later.
        let appeared = to.saturating_add(TRAIL_DELAY).min(now);
        let passed = PassedOver {
            from,
            to: appeared.max(from),
        };
        let next = self.place.as_ref().map_or(first, |place| place.trail);
        tracing::warn!(
            first,
            last = next.saturating_sub(1),
            "calls do not suffice for the second pass: it does not look for matches among these \
             numbers that appeared late"
        );
        self.told = Told::from_now(to);
        self.ready.push_back(FeedEvent::PassedOver(passed));
    }
}
