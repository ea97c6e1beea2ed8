//! Steam's Web API, as far as it tells of matches: the sequence in which they ended.
//!
//! [`SteamUpstream::answer`] is the whole of it, without a socket and without waiting;
//! [`UpstreamServer`](crate::upstream::UpstreamServer) serves it on one. The matches are those of
//! a world. Each has its id from its start and its number in the sequence from its end, so ids
//! are not sorted; numbers are sparse, some matches are hidden for good, and some are told of
//! only when others with higher numbers have been told of for a while.

mod answers;
mod budget;
mod sequence;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{MatchId, Timestamp};

pub use self::budget::SteamLimits;
use self::{budget::Budget, sequence::Sequence};
use crate::{
    faults::UpgradeFault,
    trouble::{Trouble, UpstreamClock},
    upstream::{Answer, Answers, CallFault, Outcome},
    world::World,
};

/// What the upstream is like.
#[derive(Clone, Debug)]
pub struct SteamConfig {
    /// Where the matches are from.
    pub world: World,
    /// How many there are: those of the world that start first.
    pub matches: u32,
    /// What time it is there at the start.
    pub now: Timestamp,
    /// How many times faster than ours its clock runs, 0 for one that stands until it is put
    /// forward; its limits keep to ours.
    pub speed: u32,
    /// The keys that are accepted; every key if there are none.
    pub keys: Vec<String>,
    /// How often each key may call.
    pub limits: SteamLimits,
    /// Matches that are never told of, in thousandths.
    pub hidden_per_mille: u32,
    /// Matches that are told of late, in thousandths.
    pub late_per_mille: u32,
    /// How late at most.
    pub late_by_max: Duration,
    /// Decides on random faults.
    pub seed: u64,
    /// Faults to draw from.
    pub faults: Vec<CallFault>,
    /// Fraction of the calls, 0 to 1, that go wrong, if there are faults to draw from.
    pub fault_fraction: f64,
}

/// The API without its socket. Clones share the same one.
#[derive(Clone)]
pub struct SteamUpstream {
    shared: Arc<Shared>,
}

struct Shared {
    world: World,
    keys: Vec<String>,
    sequence: Sequence,
    state: Mutex<State>,
}

struct State {
    clock: UpstreamClock,
    trouble: Trouble,
    budget: Budget,
    calls: SteamCalls,
    told: BTreeSet<u64>,
}

/// What became of the calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SteamCalls {
    /// Requests of every kind.
    pub calls: u64,
    /// Answered with a page.
    pub answered: u64,
    /// Refused because there were too many.
    pub limited: u64,
    /// Refused because of their key.
    pub forbidden: u64,
    /// Went wrong by a fault.
    pub faults: u64,
}

impl SteamConfig {
    /// An upstream whose clock begins with the world, with the limits and the habits of the real one.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self {
            now: world.begin(),
            world,
            matches: 100_000,
            speed: 1,
            keys: Vec::new(),
            limits: SteamLimits::REAL,
            hidden_per_mille: 100,
            late_per_mille: 5,
            late_by_max: Duration::from_mins(30),
            seed: 1,
            faults: Vec::new(),
            fault_fraction: 0.0,
        }
    }
}

impl SteamUpstream {
    /// An upstream that nobody has called yet. It takes some microseconds for each match.
    #[must_use]
    pub fn new(config: SteamConfig) -> Self {
        let sequence = Sequence::of(&config);
        let state = State {
            clock: UpstreamClock::new(config.now, config.speed),
            trouble: Trouble::new(config.seed, config.faults, config.fault_fraction),
            budget: Budget::new(config.limits),
            calls: SteamCalls::default(),
            told: BTreeSet::new(),
        };
        Self {
            shared: Arc::new(Shared {
                world: config.world,
                keys: config.keys,
                sequence,
                state: Mutex::new(state),
            }),
        }
    }

    /// What time it is there.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.state().clock.now()
    }

    /// Puts the clock forward; it never goes back.
    pub fn advance_to(&self, time: Timestamp) {
        self.state().clock.advance_to(time);
    }

    /// Puts the clock forward to when every match has ended and is told of.
    pub fn advance_to_end(&self) {
        self.advance_to(self.shared.sequence.end());
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
    pub fn calls(&self) -> SteamCalls {
        self.state().calls
    }

    /// The truth: every match that whoever asks now can be told of, by its number in the sequence.
    #[must_use]
    pub fn exposed(&self) -> Vec<(u64, MatchId)> {
        self.shared.sequence.exposed(self.now())
    }

    /// Every match of a page that was sent so far, by its number in the sequence.
    #[must_use]
    pub fn told(&self) -> Vec<(u64, MatchId)> {
        let told = self.state().told.clone();
        let all = self.shared.sequence.exposed(self.shared.sequence.end());
        all.into_iter()
            .filter(|(number, _)| told.contains(number))
            .collect()
    }

    /// How many of them there are.
    #[must_use]
    pub fn told_count(&self) -> usize {
        self.state().told.len()
    }

    /// Answers `GET` of a path with its query, such as
    /// `/IDOTA2Match_570/GetMatchHistoryBySequenceNum/V001/?key=…&start_at_match_seq_num=…`.
    #[must_use]
    pub fn answer(&self, path_and_query: &str) -> Outcome {
        let mut state = self.state();
        state.calls.calls += 1;
        let fault = state.trouble.next();
        state.calls.faults += u64::from(fault.is_some());
        let answered = |answer| Outcome::Answer(answer, Duration::ZERO);
        match fault {
            Some(CallFault::Connection(UpgradeFault::AcceptThenClose)) => Outcome::Closed,
            Some(CallFault::Connection(UpgradeFault::Refuse {
                status,
                retry_after,
            })) => answered(answers::refusal(status, retry_after)),
            Some(CallFault::Connection(UpgradeFault::Slow(delay))) => {
                Outcome::Answer(self.look_up(&mut state, path_and_query), delay)
            }
            Some(CallFault::Empty) => answered(answers::page(&[], "")),
            // Nobody asks for one match here, or for a page of the other upstream.
            Some(CallFault::WrongId | CallFault::OddRow | CallFault::NullRow) | None => {
                answered(self.look_up(&mut state, path_and_query))
            }
        }
    }

    fn look_up(&self, state: &mut State, path_and_query: &str) -> Answer {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let argument = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let key = argument("key").unwrap_or_default();
        let is_known = self.shared.keys.is_empty() || self.shared.keys.iter().any(|it| it == key);
        if key.is_empty() || !is_known {
            state.calls.forbidden += 1;
            return answers::refusal(403, None);
        }
        if !state.budget.spend(key) {
            state.calls.limited += 1;
            return answers::refusal(429, None);
        }
        let number = |name: &str| argument(name).and_then(|value| value.parse::<u64>().ok());
        let rows = number("matches_requested")
            .unwrap_or(ROWS_MAX)
            .min(ROWS_MAX);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let now = state.clock.now();
        let Shared {
            sequence, world, ..
        } = &*self.shared;
        let answer = match path.trim_end_matches('/') {
            "/IDOTA2Match_570/GetMatchHistoryBySequenceNum/V001" => {
                let start = number("start_at_match_seq_num").unwrap_or(0);
                let found = sequence.from(start, rows, now);
                state.told.extend(found.iter().map(|entry| entry.number));
                answers::page_of(world, &found)
            }
            "/IDOTA2Match_570/GetMatchHistory/V001" => {
                answers::history_of(world, &sequence.newest(rows, now))
            }
            _ => return answers::refusal(404, None),
        };
        state.calls.answered += 1;
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held would be a bug of ours; the state is still the best there is.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most rows of a page.
const ROWS_MAX: u64 = 100;

impl Answers for SteamUpstream {
    fn answer(&self, path_and_query: &str) -> Outcome {
        self.answer(path_and_query)
    }
}
