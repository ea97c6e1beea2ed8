//! Whose wish is granted when.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::MatchId;
use domain::Timestamp;
use health_kit::Clock;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::settling::{Settling, Told};
use super::status::{CallOutcome, DetailStatus};
use crate::LoadStatus;
use crate::ports::{
    Details, DetailsError, FactStore, MatchDetails, StoreError, Wish, WishQueue, WishState,
};
use crate::storing::Storing;

/// Wishes that wait at most; behind them those of lowest priority are given up.
pub const WISHES_WAITING_MAX: u64 = 1_000_000;

/// Between two looks at the wishes at least so many times what one took: with a
/// million of them it is not cheap.
const LOOK_SHARE: u32 = 20;
/// Wishes looked at in one go: those asked for before the next look.
const LINE_MAX: usize = 500;
/// Wishes that one statement ends without a call.
const ENDED_MAX: usize = 10_000;
/// Answers are stored together when they are so many, or the first is so old.
const TOLD_MAX: usize = 100;
const TOLD_WAIT: Duration = Duration::from_secs(1);
/// Who says that there is room at once is not asked in a circle.
const CALLS_PAUSE_MIN: Duration = Duration::from_secs(1);
/// How long calls under way are waited for at the end; what they bring is asked
/// for again otherwise.
const END_MAX: Duration = Duration::from_secs(5);

/// What asking for details needs of the world.
pub struct DetailParts {
    /// What the upstream is called in metrics and answers.
    pub upstream: &'static str,
    /// Who is asked; nobody if none: wishes are kept in order all the same.
    pub details: Option<Arc<dyn MatchDetails>>,
    /// Where wishes wait.
    pub queue: Arc<dyn WishQueue>,
    /// Where answers are kept.
    pub facts: Arc<dyn FactStore>,
    /// Who tells what the warehouse does.
    pub load: Arc<LoadStatus>,
    /// Says when it is whose turn.
    pub clock: Arc<dyn Clock>,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetailSettings {
    /// How often a match is asked for before its wish is given up.
    pub attempts_max: u8,
    /// How many calls are under way at a time.
    pub parallel: usize,
    /// How many wishes wait at most.
    pub waiting_max: u64,
    /// How often the wishes are looked at.
    pub look_every: Duration,
}

/// Asks for what is wished for, by priority and within the budget.
pub struct DetailWorker {
    details: Option<Arc<dyn MatchDetails>>,
    queue: Arc<dyn WishQueue>,
    clock: Arc<dyn Clock>,
    settings: DetailSettings,
    status: Arc<DetailStatus>,
    settling: Settling,
    /// Wishes whose turn it is.
    line: VecDeque<Wish>,
    calls: JoinSet<(Wish, Result<Details, DetailsError>)>,
    /// What calls came to, not settled yet, and since when.
    told: Vec<(Wish, Told)>,
    told_since: Option<Instant>,
    /// Matches under way or not settled.
    busy: BTreeSet<MatchId>,
    look_at: Instant,
    /// No calls are made before.
    calls_at: Instant,
    /// Whether the last call found nobody who would talk to us.
    is_silent: bool,
}

impl DetailWorker {
    /// Puts it together; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(parts: DetailParts, settings: DetailSettings) -> Self {
        let DetailParts {
            upstream,
            details,
            queue,
            facts,
            load,
            clock,
        } = parts;
        let now = Instant::now();
        Self {
            status: Arc::new(DetailStatus::new(upstream, details.clone(), &clock)),
            settling: Settling {
                storing: Storing::of_the_past(facts, load),
                queue: Arc::clone(&queue),
                attempts_max: settings.attempts_max,
            },
            details,
            queue,
            clock,
            settings,
            line: VecDeque::new(),
            calls: JoinSet::new(),
            told: Vec::new(),
            told_since: None,
            busy: BTreeSet::new(),
            look_at: now,
            calls_at: now,
            is_silent: false,
        }
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> Arc<DetailStatus> {
        Arc::clone(&self.status)
    }

    /// Asks until `drain` is cancelled; then waits a little for the calls under
    /// way, at most until `abort` is cancelled. What is not settled then waits
    /// for the next run.
    pub async fn run(mut self, drain: CancellationToken, abort: CancellationToken) {
        let late = async {
            drain.cancelled().await;
            sleep(END_MAX).await;
        };
        tokio::select! {
            () = self.work(&drain) => {}
            () = abort.cancelled() => {}
            () = late => {}
        }
    }

    async fn work(&mut self, drain: &CancellationToken) {
        while !drain.is_cancelled() {
            if Instant::now() >= self.look_at {
                self.look().await;
            }
            self.start_calls();
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                () = drain.cancelled() => {}
                Some(done) = self.calls.join_next() => self.take(done),
                () = sleep_until(wake_at) => {}
            }
            if self.is_told_enough() {
                self.settle().await;
            }
        }
        while let Some(done) = self.calls.join_next().await {
            self.take(done);
        }
        self.settle().await;
    }

    /// Ends what needs no call, counts, and sees whose turn it is.
    async fn look(&mut self) {
        let begun = Instant::now();
        let looked = async {
            self.end_known().await?;
            self.count().await?;
            self.line_up().await
        };
        if let Err(why) = looked.await {
            tracing::debug!(why, "the wishes could not be looked at");
        }
        let pause = self
            .settings
            .look_every
            .max(begun.elapsed().saturating_mul(LOOK_SHARE));
        self.look_at = Instant::now() + pause;
    }

    async fn end_known(&self) -> Result<(), String> {
        let now = self.clock.now();
        while self.end(self.queue.end_known(now, ENDED_MAX)).await? == ENDED_MAX {}
        Ok(())
    }

    async fn count(&self) -> Result<(), String> {
        loop {
            let counts = self.queue.counts().await;
            let counts = counts.map_err(|error| error.to_string())?;
            let waiting = counts.of_state(WishState::Waiting);
            self.status.counted(counts);
            if waiting <= self.settings.waiting_max {
                return Ok(());
            }
            let surplus = self.queue.end_surplus(self.settings.waiting_max, ENDED_MAX);
            self.end(surplus).await?;
        }
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
        if !self.may_call() {
            return Ok(());
        }
        let count_max = LINE_MAX + self.busy.len();
        let due = self.queue.due(self.clock.now(), count_max).await;
        let due = due.map_err(|error| error.to_string())?.into_iter();
        let free = due.filter(|wish| !self.busy.contains(&wish.match_id));
        self.line = free.collect();
        Ok(())
    }

    fn may_call(&self) -> bool {
        self.details.is_some() && Instant::now() >= self.calls_at
    }

    fn start_calls(&mut self) {
        let Some(details) = self.details.clone().filter(|_| self.may_call()) else {
            return;
        };
        // One call finds out whether it answers again.
        let parallel = if self.is_silent {
            1
        } else {
            self.settings.parallel
        };
        while self.calls.len() < parallel
            && let Some(wish) = self.line.pop_front()
        {
            self.busy.insert(wish.match_id);
            let details = Arc::clone(&details);
            self.calls
                .spawn(async move { (wish, details.fetch(wish.match_id).await) });
        }
    }

    /// When there is something to do without any call coming back.
    fn wake_at(&self) -> Instant {
        let settle_at = self.told_since.map(|since| since + TOLD_WAIT);
        let calls_at = (self.details.is_some() && !self.line.is_empty() && !self.may_call())
            .then_some(self.calls_at);
        let first = settle_at.into_iter().chain(calls_at).min();
        first.map_or(self.look_at, |first| first.min(self.look_at))
    }

    fn take(&mut self, done: Result<(Wish, Result<Details, DetailsError>), JoinError>) {
        let (wish, result) = match done {
            Ok(done) => done,
            // A panic there is one here: it would be asked for again at once.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return,
        };
        let told = match result {
            Ok(details) => self.answered(wish, details),
            Err(DetailsError::NotFound) => self.vain(CallOutcome::NotFound),
            Err(DetailsError::Wrong { detail }) => {
                tracing::warn!(match.id = wish.match_id.get(), detail, "an answer about a match is wrong");
                self.vain(CallOutcome::Wrong)
            }
            Err(DetailsError::Unavailable { detail, until }) => {
                self.is_silent = true;
                self.status.called(CallOutcome::Unavailable);
                self.status.silent(&detail);
                self.pause(until);
                Told::Nothing
            }
            Err(DetailsError::NoRoom { until }) => {
                self.pause(until);
                return self.put_back(wish);
            }
            Err(DetailsError::Refused { detail, until }) => {
                self.is_silent = true;
                self.status.called(CallOutcome::Refused);
                self.status.refused(&detail);
                self.pause(until);
                return self.put_back(wish);
            }
        };
        self.told_since.get_or_insert_with(Instant::now);
        self.told.push((wish, told));
    }

    fn answered(&mut self, wish: Wish, details: Details) -> Told {
        let is_enough = if wish.reason.is_for_the_replay() {
            details.is_parsed
        } else {
            details.answer.summary.whole().is_some()
        };
        let outcome = if is_enough {
            CallOutcome::Fetched
        } else {
            CallOutcome::Partial
        };
        self.talked(outcome);
        Told::Answer {
            answer: Box::new(details.answer),
            is_enough,
        }
    }

    fn vain(&mut self, outcome: CallOutcome) -> Told {
        self.talked(outcome);
        Told::InVain
    }

    fn talked(&mut self, outcome: CallOutcome) {
        self.is_silent = false;
        self.status.called(outcome);
        self.status.answers();
    }

    /// Makes no calls before the upstream, or whoever speaks for it, permits them.
    fn pause(&mut self, until: Timestamp) {
        let ms = until.as_unix_ms() - self.clock.now().as_unix_ms();
        let pause = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        let until = Instant::now() + pause.max(CALLS_PAUSE_MIN);
        self.calls_at = self.calls_at.max(until);
    }

    /// It was not asked for: it keeps its turn.
    fn put_back(&mut self, wish: Wish) {
        self.busy.remove(&wish.match_id);
        self.line.push_front(wish);
    }

    fn is_told_enough(&self) -> bool {
        let is_old = |since: Instant| since.elapsed() >= TOLD_WAIT;
        self.told.len() >= TOLD_MAX
            || self.told_since.is_some_and(is_old)
            || (self.calls.is_empty() && !self.told.is_empty())
    }

    async fn settle(&mut self) {
        self.told_since = None;
        let told = std::mem::take(&mut self.told);
        let ids: Vec<_> = told.iter().map(|(wish, _)| wish.match_id).collect();
        self.settling.settle(told, self.clock.now()).await;
        for id in ids {
            self.busy.remove(&id);
        }
    }
}
