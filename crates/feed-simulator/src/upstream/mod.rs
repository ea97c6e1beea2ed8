//! The HTTP API of matches, told from the same world as the feed.
//!
//! [`Upstream::answer`] is the whole of it, without a socket and without waiting;
//! [`UpstreamServer`] serves it on one. Shapes are those of recorded answers: keys are absent
//! where a replay was not parsed, a rank may be a float, and who is refused is not told for how
//! long.

mod answers;
mod fault;
mod limits;
mod pages;
mod server;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{MatchId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use self::answers::refusal;
pub use self::{
    fault::CallFault,
    limits::Limits,
    pages::PageList,
    server::{Answers, UpstreamServer},
};
use self::{
    limits::{Budget, Refusal},
    pages::Lists,
};
use crate::{
    faults::UpgradeFault,
    trouble::{Trouble, UpstreamClock},
    world::World,
};

/// What an upstream is like.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Where the matches are from.
    pub world: World,
    /// What time it is there at the start: matches that end later are not known yet.
    pub now: Timestamp,
    /// How many matches there are, those of the world that start first; none for a world
    /// without beginning and end.
    pub matches: Option<u32>,
    /// Matches that lists never have, in thousandths.
    pub hidden_per_mille: u32,
    /// Matches that lists have late, in thousandths.
    pub late_per_mille: u32,
    /// How late at most.
    pub late_by_max: Duration,
    /// How often it may be called.
    pub limits: Limits,
    /// Decides on random faults.
    pub seed: u64,
    /// Faults to draw from.
    pub faults: Vec<CallFault>,
    /// Fraction of the calls, 0 to 1, that go wrong, if there are faults to draw from.
    pub fault_fraction: f64,
}

/// The API without its socket. Clones share the same one.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
}

struct Shared {
    world: World,
    lists: Lists,
    state: Mutex<State>,
}

struct State {
    clock: UpstreamClock,
    trouble: Trouble,
    budget: Budget,
    calls: CallCounts,
    /// Ids of rows of public matches, in a world that has an end.
    told: BTreeSet<i64>,
}

/// A call on its way to an answer.
struct Call {
    now: Timestamp,
    spent: Result<(), Refusal>,
    fault: Option<CallFault>,
    headers: Vec<(&'static str, String)>,
}

/// What became of the calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCounts {
    /// Requests of every kind.
    pub calls: u64,
    /// Answered as they should be, 404 among them.
    pub answered: u64,
    /// Those of them that asked for what is not there, or not yet.
    pub not_found: u64,
    /// Refused because the limit of the minute was reached.
    pub minute_limited: u64,
    /// Refused because the limit of the day was reached.
    pub day_limited: u64,
    /// Went wrong by a fault.
    pub faults: u64,
}

/// An answer before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, or a page of whoever stands in front.
    pub body: String,
}

/// What a call comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This answer, after so long.
    Answer(Answer, Duration),
    /// The connection is closed without one.
    Closed,
}

impl Answers for Upstream {
    fn answer(&self, path_and_query: &str) -> Outcome {
        self.answer(path_and_query)
    }
}

impl UpstreamConfig {
    /// An upstream with the limits of callers without a key, and without faults.
    #[must_use]
    pub fn new(world: World, now: Timestamp) -> Self {
        Self {
            world,
            now,
            matches: None,
            hidden_per_mille: 0,
            late_per_mille: 0,
            late_by_max: Duration::from_mins(30),
            limits: Limits::WITHOUT_KEY,
            seed: 1,
            faults: Vec::new(),
            fault_fraction: 0.0,
        }
    }
}

impl Upstream {
    /// An upstream that nobody has called yet.
    #[must_use]
    pub fn new(config: UpstreamConfig) -> Self {
        let lists = Lists::of(&config);
        let state = State {
            clock: UpstreamClock::new(config.now, 1),
            trouble: Trouble::new(config.seed, config.faults, config.fault_fraction),
            budget: Budget::new(config.limits),
            calls: CallCounts::default(),
            told: BTreeSet::new(),
        };
        Self {
            shared: Arc::new(Shared {
                lists,
                world: config.world,
                state: Mutex::new(state),
            }),
        }
    }

    /// What time it is there: tokio's clock, put forward by [`advance_to`](Self::advance_to).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.state().clock.now()
    }

    /// Puts the clock forward; it never goes back.
    pub fn advance_to(&self, time: Timestamp) {
        self.state().clock.advance_to(time);
    }

    /// Makes the next calls go through these, one each, `None` for a good answer.
    pub fn script(&self, faults: impl IntoIterator<Item = Option<CallFault>>) {
        self.state().trouble.script(faults);
    }

    /// Makes every call go wrong, until [`recover`](Self::recover).
    pub fn fail(&self, fault: CallFault) {
        self.state().trouble.stand(Some(fault));
    }

    /// Ends what [`fail`](Self::fail) began.
    pub fn recover(&self) {
        self.state().trouble.stand(None);
    }

    /// What became of the calls so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.state().calls
    }

    /// Every match that a list has by now, in a world that has an end: the truth that whoever
    /// reads pages is compared with.
    #[must_use]
    pub fn exposed(&self, list: PageList) -> Vec<MatchId> {
        self.shared.lists.exposed(list, self.now())
    }

    /// How many matches of [`PageList::Public`] were on a page that was sent so far, in a world
    /// that has an end.
    #[must_use]
    pub fn told_count(&self) -> usize {
        self.state().told.len()
    }

    /// Answers `GET` of a path with its query, such as `/api/matches/8769000001`. Every call
    /// counts against the limits, also one that is refused.
    #[must_use]
    pub fn answer(&self, path_and_query: &str) -> Outcome {
        let call = self.begin();
        match &call.fault {
            Some(CallFault::Connection(UpgradeFault::AcceptThenClose)) => Outcome::Closed,
            Some(CallFault::Connection(UpgradeFault::Refuse {
                status,
                retry_after,
            })) => {
                let answer = answers::refusal(*status, retry_after.as_deref());
                Outcome::Answer(answer, Duration::ZERO)
            }
            Some(CallFault::Connection(UpgradeFault::Slow(delay))) => {
                Outcome::Answer(self.finish(&call, path_and_query), *delay)
            }
            Some(CallFault::Empty) => Outcome::Answer(answers::empty(), Duration::ZERO),
            Some(CallFault::WrongId | CallFault::OddRow | CallFault::NullRow) | None => {
                Outcome::Answer(self.finish(&call, path_and_query), Duration::ZERO)
            }
        }
    }

    /// Counts a call, and decides what it goes through.
    fn begin(&self) -> Call {
        let mut state = self.state();
        let now = state.clock.now();
        let spent = state.budget.spend(now);
        let fault = state.trouble.next();
        state.calls.calls += 1;
        state.calls.faults += u64::from(fault.is_some());
        Call {
            now,
            spent,
            fault,
            headers: state.budget.headers(),
        }
    }

    /// Answers a call as far as the limits let it.
    fn finish(&self, call: &Call, path_and_query: &str) -> Answer {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let (status, body) = match call.spent {
            Err(refusal) => (429, json!({ "error": refusal.message() }).to_string()),
            Ok(()) => self.look_up(path, query, call),
        };
        if call.fault.is_none() {
            self.state().calls.count(status, call.spent);
        }
        Answer {
            status,
            headers: call.headers.clone(),
            body,
        }
    }

    fn look_up(&self, path: &str, query: &str, call: &Call) -> (u16, String) {
        let world = &self.shared.world;
        if let Some(list) = PageList::of(path) {
            let mut rows = self.shared.lists.page(list, query, call.now);
            if list == PageList::Public && call.fault.is_none() && self.shared.lists.has_end() {
                let ids = rows.iter().filter_map(|row| row["match_id"].as_i64());
                self.state().told.extend(ids);
            }
            match call.fault {
                Some(CallFault::OddRow) => pages::spoil(&mut rows),
                Some(CallFault::NullRow) => pages::empty_row(&mut rows),
                _ => {}
            }
            return (200, Value::Array(rows).to_string());
        }
        let Some(id) = path.strip_prefix("/api/matches/") else {
            return answers::not_found();
        };
        let Some(id) = id
            .parse()
            .ok()
            .and_then(|id: i64| MatchId::try_new(id).ok())
        else {
            return (400, json!({ "error": "invalid match id" }).to_string());
        };
        let told = if call.fault == Some(CallFault::WrongId) {
            MatchId::try_new(id.get() % i64::MAX + 1).expect("at least 1")
        } else {
            id
        };
        answers::details(world, id, told, call.now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held would be a bug of ours; the state is still the best there is.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallCounts {
    fn count(&mut self, status: u16, spent: Result<(), Refusal>) {
        match spent {
            Err(Refusal::Minute) => self.minute_limited += 1,
            Err(Refusal::Day) => self.day_limited += 1,
            Ok(()) => {
                self.answered += 1;
                self.not_found += u64::from(status == 404);
            }
        }
    }
}
