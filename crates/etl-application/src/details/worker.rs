//! Whose wish is granted when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::{MatchId, Timestamp};
use health_kit::Clock;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::attempts::aside_in_silence;
use super::settling::{Settling, Told};
use super::status::{CallCounter as _, CallOutcome, DetailStatus, Part};
use crate::LoadStatus;
use crate::ports::{Details, DetailsError, FactStore, MatchDetails, Wish, WishQueue};
use crate::storing::Storing;

mod looking;

/// Wishes that wait at most; behind them those of lowest priority are given up.
pub const WISHES_WAITING_MAX: u64 = 1_000_000;

/// Answers are stored together when they are so many, or the first is so old.
const TOLD_MAX: usize = 100;
const TOLD_WAIT: Duration = Duration::from_secs(1);
/// A longer pause makes a line too old to go by.
const LINE_PAUSE_MAX: Duration = Duration::from_secs(2);
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
    /// Wishes whose calls came to nothing, as all did then, and until when others
    /// have their turn. Nothing is known against them, so it is written nowhere.
    aside: BTreeMap<MatchId, Instant>,
    /// When each part of looking after wishes is due.
    look_at: BTreeMap<Part, Instant>,
    /// Before that no further line is asked for, whatever happens.
    line_rests_until: Instant,
    /// No calls are made before.
    calls_at: Instant,
    upstream: Upstream,
}

/// What the last call has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upstream {
    /// There was none yet.
    Unknown,
    /// Somebody answers.
    Answers,
    /// Nobody does, or nobody will talk to us.
    Silent,
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
            aside: BTreeMap::new(),
            look_at: [Part::Known, Part::Line, Part::Counts]
                .map(|part| (part, now))
                .into(),
            line_rests_until: now,
            calls_at: now,
            upstream: Upstream::Unknown,
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
            self.look().await;
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

    fn may_call(&self) -> bool {
        self.details.is_some() && Instant::now() >= self.calls_at
    }

    fn start_calls(&mut self) {
        let Some(details) = self.details.clone().filter(|_| self.may_call()) else {
            return;
        };
        // One call finds out whether it answers again.
        let parallel = match self.upstream {
            Upstream::Silent => 1,
            Upstream::Unknown | Upstream::Answers => self.settings.parallel,
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
        let look_at = self.next_look().map(|(at, _)| at);
        let calls_at = (self.details.is_some() && !self.line.is_empty() && !self.may_call())
            .then_some(self.calls_at);
        let first = settle_at.into_iter().chain(look_at).chain(calls_at).min();
        first.expect("known wishes are always looked for")
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
                self.status.called(CallOutcome::Unavailable);
                self.status.silent(&detail);
                self.pause(until);
                match std::mem::replace(&mut self.upstream, Upstream::Silent) {
                    Upstream::Answers => Told::Nothing,
                    Upstream::Unknown | Upstream::Silent => return self.step_aside(&wish),
                }
            }
            Err(DetailsError::NoRoom { until }) => {
                self.put_back(wish);
                return self.pause(until);
            }
            Err(DetailsError::Refused { detail, until }) => {
                self.upstream = Upstream::Silent;
                self.status.called(CallOutcome::Refused);
                self.status.refused(&detail);
                self.put_back(wish);
                return self.pause(until);
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
        self.upstream = Upstream::Answers;
        self.status.called(outcome);
        self.status.answers();
    }

    /// Makes no calls before the upstream, or whoever speaks for it, permits them;
    /// after a long pause by a new line, for this one does not know what happens
    /// meanwhile.
    fn pause(&mut self, until: Timestamp) {
        let ms = until.as_unix_ms() - self.clock.now().as_unix_ms();
        let pause = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        let until = Instant::now() + pause.max(CALLS_PAUSE_MIN);
        self.calls_at = self.calls_at.max(until);
        if pause > LINE_PAUSE_MAX {
            self.line.clear();
            let look_at = self.calls_at.max(self.line_rests_until);
            self.look_at.insert(Part::Line, look_at);
        }
    }

    /// It was not asked for: it keeps its turn.
    fn put_back(&mut self, wish: Wish) {
        self.busy.remove(&wish.match_id);
        self.line.push_front(wish);
    }

    /// Nobody was answered: others have their turn first, and it stays as it is.
    fn step_aside(&mut self, wish: &Wish) {
        let aside = aside_in_silence(wish, self.clock.now());
        self.aside.insert(wish.match_id, Instant::now() + aside);
        self.busy.remove(&wish.match_id);
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
