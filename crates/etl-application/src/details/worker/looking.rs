//! What is looked after between calls: one part at a time.

use std::time::Duration;

use domain::MatchId;
use tokio::time::Instant;

use super::DetailWorker;
use crate::details::status::Part;
use crate::ports::{StoreError, WishState};

/// Between two looks at the wishes at least so many times what one took: with a
/// million of them it is not cheap.
const LOOK_SHARE: u32 = 20;
/// The same for counting them, which reads all that ever were; but to count once
/// a minute is enough.
const COUNT_SHARE: u32 = 3_000;
const COUNT_PAUSE: Duration = Duration::from_mins(1);
/// Wishes looked at in one go: those asked for before the next look.
const LINE_MAX: usize = 500;
/// Wishes that one statement ends without a call.
const ENDED_MAX: usize = 10_000;

impl DetailWorker {
    /// Looks after what has been due for longest, if anything is: one part, so
    /// that calls go on in between, and none waits for another that fails.
    pub(super) async fn look(&mut self) {
        let begun = Instant::now();
        let Some((at, part)) = self.next_look() else {
            return;
        };
        if at > begun {
            return;
        }
        let looked = match part {
            Part::Known => self.end_known().await,
            Part::Line => self.line_up().await.map(|()| false),
            Part::Counts => self.count().await.map(|()| false),
            Part::Surplus => self.end_surplus().await,
        };
        let now = Instant::now();
        let took = now - begun;
        let share = match part {
            Part::Counts => took.saturating_mul(COUNT_SHARE).min(COUNT_PAUSE),
            _ => Duration::ZERO,
        };
        let share = share.max(took.saturating_mul(LOOK_SHARE));
        // Where there may be more of them, only others have their turn first.
        let pause = match looked {
            Ok(true) => Duration::ZERO,
            _ => share.max(self.settings.look_every),
        };
        if part == Part::Line {
            self.line_rests_until = now + share;
        }
        if part == Part::Surplus && looked == Ok(false) {
            self.look_at.remove(&part);
        } else {
            self.look_at.insert(part, now + pause);
        }
        self.status.looked(part, looked.map(|_| ()));
    }

    /// What is to be looked after next, and when.
    pub(super) fn next_look(&self) -> Option<(Instant, Part)> {
        let parts = self.look_at.iter().map(|(part, at)| (*at, *part));
        let calls_at = self.calls_at;
        let parts = parts.filter_map(|(at, part)| match part {
            Part::Line if self.details.is_none() => None,
            Part::Line => Some((at.max(calls_at), part)),
            _ => Some((at, part)),
        });
        parts.min()
    }

    /// Whether there may be more.
    async fn end_known(&self) -> Result<bool, String> {
        let known = self.queue.end_known(self.clock.now(), ENDED_MAX);
        Ok(self.end(known).await? == ENDED_MAX)
    }

    async fn count(&mut self) -> Result<(), String> {
        let at = self.clock.now();
        let counts = self.queue.counts().await;
        let counts = counts.map_err(|error| error.to_string())?;
        if counts.of_state(WishState::Waiting) > self.settings.waiting_max {
            self.look_at.insert(Part::Surplus, Instant::now());
        }
        self.status.counted(counts, at);
        Ok(())
    }

    /// Whether there may be more.
    async fn end_surplus(&self) -> Result<bool, String> {
        let surplus = self.queue.end_surplus(self.settings.waiting_max, ENDED_MAX);
        Ok(self.end(surplus).await? == ENDED_MAX)
    }

    async fn end(
        &self,
        ended: impl Future<Output = Result<usize, StoreError>>,
    ) -> Result<usize, String> {
        let ended = ended.await;
        match &ended {
            // To have looked says nothing of whether it stores.
            Ok(0) => {}
            Ok(_) => self.settling.storing.status.stored(),
            Err(error) => self.settling.storing.status.failed(error),
        }
        ended.map_err(|error| error.to_string())
    }

    async fn line_up(&mut self) -> Result<(), String> {
        let now = Instant::now();
        self.aside.retain(|_, until| *until > now);
        let count_max = LINE_MAX + self.busy.len() + self.aside.len();
        let due = self.queue.due(self.clock.now(), count_max).await;
        let due = due.map_err(|error| error.to_string())?.into_iter();
        let is_free = |id: MatchId| !self.busy.contains(&id) && !self.aside.contains_key(&id);
        self.line = due.filter(|wish| is_free(wish.match_id)).collect();
        Ok(())
    }
}
