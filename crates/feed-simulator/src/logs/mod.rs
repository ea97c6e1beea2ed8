//! The log of the services as server-sent events, told from the same world.
//!
//! Whoever asks for `/logs` is told each line from then on, and nothing of what was said before:
//! the log keeps nothing. A match shows up when it has been inserted from the API, some time after
//! its end, and often again: when more is known of it, or because it was inserted twice. Old
//! matches show up, too. Lines of other services share the log, in colours and with numbers of
//! all sorts in them. After some minutes the answer ends.

mod lines;
mod plan;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{MatchId, Timestamp};
use tokio::{sync::watch, time::Instant};

pub use self::lines::LogLines;
use self::plan::{PlannedLine, plan};
use crate::{
    faults::UpgradeFault,
    trouble::{Trouble, UpstreamClock},
    upstream::{Answer, Answers, CallFault, Outcome, refusal},
    world::World,
};

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// What the log is like.
#[derive(Clone, Debug)]
pub struct LogsConfig {
    /// Where the matches are from.
    pub world: World,
    /// How many there are: those of the world that start first.
    pub matches: u32,
    /// What time it is there at the start.
    pub now: Timestamp,
    /// How many times faster than ours its clock runs.
    pub speed: u32,
    /// By our clock, after so long each answer ends.
    pub close_after: Duration,
    /// Decides on random faults.
    pub seed: u64,
    /// Faults of requests to draw from.
    pub faults: Vec<CallFault>,
    /// Fraction of the requests, 0 to 1, that go wrong, if there are faults to draw from.
    pub fault_fraction: f64,
}

/// The log without its socket. Clones share the same one.
#[derive(Clone)]
pub struct LogsUpstream {
    shared: Arc<Shared>,
}

struct Shared {
    /// By the time at which each is said.
    lines: Vec<PlannedLine>,
    close_after: Duration,
    state: Mutex<State>,
    /// Told when open answers have to look at the state again.
    control: watch::Sender<()>,
}

struct State {
    clock: UpstreamClock,
    trouble: Trouble,
    /// Drawn for a request that is about to be answered.
    drawn: VecDeque<CallFault>,
    figures: LogFigures,
    told: BTreeSet<MatchId>,
    is_silent: bool,
    /// How often all open answers were ended.
    cuts: u64,
    /// Bytes handed in, for every answer that is open then.
    said: Vec<Vec<u8>>,
}

/// What became of requests and lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFigures {
    /// Requests of every kind.
    pub requests: u64,
    /// Those that were answered with the log.
    pub answers: u64,
    /// Answers that are open now.
    pub open: u64,
    /// Most that were open at a time.
    pub open_most: u64,
    /// Requests that went wrong by a fault.
    pub faults: u64,
    /// Lines that tell of a match, each time one was told.
    pub told: u64,
    /// Lines of other kinds, each time one was told.
    pub others: u64,
}

impl LogsConfig {
    /// A log that begins an hour after its world, when matches end as fast as they begin.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self {
            now: Timestamp::from_unix_ms(world.begin().as_unix_ms() + HOUR_MS),
            world,
            matches: 100_000,
            speed: 1,
            close_after: Duration::from_mins(5),
            seed: 1,
            faults: Vec::new(),
            fault_fraction: 0.0,
        }
    }
}

impl LogsUpstream {
    /// A log that nobody has asked for yet. It takes some microseconds for each match.
    #[must_use]
    pub fn new(config: LogsConfig) -> Self {
        let state = State {
            clock: UpstreamClock::new(config.now, config.speed),
            trouble: Trouble::new(config.seed, config.faults, config.fault_fraction),
            drawn: VecDeque::new(),
            figures: LogFigures::default(),
            told: BTreeSet::new(),
            is_silent: false,
            cuts: 0,
            said: Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                lines: plan(&config.world, config.matches),
                close_after: config.close_after,
                state: Mutex::new(state),
                control: watch::Sender::new(()),
            }),
        }
    }

    /// What time it is there.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.state().clock.now()
    }

    /// Puts the clock forward: all that would have been said meanwhile is said now, to whoever
    /// is there. It never goes back.
    pub fn advance_to(&self, time: Timestamp) {
        self.change(|state| state.clock.advance_to(time));
    }

    /// When the last line is said.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        let last = self.shared.lines.last();
        Timestamp::from_unix_ms(last.map_or(i64::MIN, |line| line.at_ms))
    }

    /// Makes the next requests go through these, one each, `None` for a good answer.
    pub fn script(&self, faults: impl IntoIterator<Item = Option<CallFault>>) {
        self.state().trouble.script(faults);
    }

    /// Makes every request go wrong, until [`recover`](Self::recover).
    pub fn fail(&self, fault: CallFault) {
        self.state().trouble.stand(Some(fault));
    }

    /// Ends what [`fail`](Self::fail) began.
    pub fn recover(&self) {
        self.state().trouble.stand(None);
    }

    /// Ends all answers that are open.
    pub fn end_answers(&self) {
        self.change(|state| state.cuts += 1);
    }

    /// Begins or ends a silence: what would have been said in it is never said.
    pub fn set_silent(&self, is_silent: bool) {
        self.change(|state| state.is_silent = is_silent);
    }

    /// Sends these bytes, as they are, to every answer that is open.
    pub fn say(&self, bytes: impl Into<Vec<u8>>) {
        self.change(|state| state.said.push(bytes.into()));
    }

    /// What became of requests and lines so far.
    #[must_use]
    pub fn figures(&self) -> LogFigures {
        self.state().figures
    }

    /// The truth: every match that somebody has been told of so far.
    #[must_use]
    pub fn told(&self) -> Vec<MatchId> {
        self.state().told.iter().copied().collect()
    }

    /// Every match that whoever had listened all the time would have been told of by now.
    #[must_use]
    pub fn exposed(&self) -> Vec<MatchId> {
        let now_ms = self.now().as_unix_ms();
        let said = self
            .shared
            .lines
            .iter()
            .take_while(|line| line.at_ms <= now_ms);
        let exposed: BTreeSet<_> = said.filter_map(PlannedLine::told).collect();
        exposed.into_iter().collect()
    }

    /// Counts a request, and decides what it goes through; the log if nothing goes wrong.
    fn open(&self, path_and_query: &str) -> Option<LogLines> {
        let fault = {
            let mut state = self.state();
            state.figures.requests += 1;
            let fault = state.trouble.next();
            state.figures.faults += u64::from(fault.is_some());
            fault
        };
        let wait = match fault {
            Some(CallFault::Connection(UpgradeFault::Slow(wait))) => wait,
            Some(fault) => {
                self.state().drawn.push_back(fault);
                return None;
            }
            None => Duration::ZERO,
        };
        let path = path_and_query.split('?').next();
        (path == Some("/logs")).then(|| LogLines::open(self.clone(), Instant::now() + wait))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held would be a bug of ours; the state is still the best there is.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.shared.control.send_replace(());
    }
}

impl Answers for LogsUpstream {
    fn answer(&self, _path: &str) -> Outcome {
        let drawn = self.state().drawn.pop_front();
        let answer = match drawn {
            Some(CallFault::Connection(UpgradeFault::AcceptThenClose)) => return Outcome::Closed,
            Some(CallFault::Connection(UpgradeFault::Refuse {
                status,
                retry_after,
            })) => refusal(status, retry_after.as_deref()),
            // A page of HTML where the log should be.
            Some(_) => Answer {
                status: 200,
                ..refusal(520, None)
            },
            None => refusal(404, None),
        };
        Outcome::Answer(answer, Duration::ZERO)
    }

    fn stream(&self, path: &str) -> Option<LogLines> {
        self.open(path)
    }
}
