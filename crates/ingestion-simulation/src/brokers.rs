//! What the brokers hold, and what goes wrong with them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::MatchId;
use ingestion_application::{
    Checkpoint, Receipt, ReceivedSummary, SourceName, SummaryKey, ports::Message,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

/// How often a client asks a broker that is away.
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The other instance, in the books of the brokers.
const RIVAL: u64 = 0;

/// What the brokers hold; it outlives every service.
pub(crate) struct Brokers(Mutex<State>);

pub(crate) struct State {
    pub(crate) rng: StdRng,
    pub(crate) matches: Vec<MatchId>,
    /// Who wrote each of them.
    pub(crate) writers: Vec<u64>,
    pub(crate) last_writer: u64,
    pub(crate) dead_letters: Vec<Message>,
    pub(crate) summaries: Vec<(MatchId, SummaryKey)>,
    pub(crate) checkpoints: HashMap<SourceName, Checkpoint>,
    /// Of the writer that may write; earlier ones are fenced.
    pub(crate) epoch: u64,
    pub(crate) is_away: bool,
    pub(crate) latency: Duration,
    /// How many of a hundred commits are done without the client hearing of it.
    pub(crate) acknowledgements_lost_percent: u32,
    /// How many of a hundred transactions end with a client that cannot go on.
    pub(crate) fatal_percent: u32,
}

impl Brokers {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            matches: Vec::new(),
            writers: Vec::new(),
            last_writer: RIVAL,
            dead_letters: Vec::new(),
            summaries: Vec::new(),
            checkpoints: HashMap::new(),
            epoch: 0,
            is_away: false,
            latency: Duration::from_millis(5),
            acknowledgements_lost_percent: 0,
            fatal_percent: 0,
        })))
    }

    pub(crate) fn set_away(&self, is_away: bool) {
        self.lock().is_away = is_away;
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    pub(crate) fn set_troubles(&self, acknowledgements_lost_percent: u32, fatal_percent: u32) {
        let mut state = self.lock();
        state.acknowledgements_lost_percent = acknowledgements_lost_percent;
        state.fatal_percent = fatal_percent;
    }

    /// Another writer begins, and whoever wrote before is fenced; it writes
    /// what of `ids` is not there yet.
    pub(crate) fn take_over(&self, ids: &[MatchId]) {
        let mut state = self.lock();
        state.epoch += 1;
        let there: HashSet<_> = state.matches.iter().copied().collect();
        let missing = ids.iter().filter(|id| !there.contains(id));
        state.matches.extend(missing);
        let count = state.matches.len();
        state.writers.resize(count, RIVAL);
    }

    /// Keeps the place of a feed, whoever asks.
    pub(crate) fn keep_place(&self, source: SourceName, place: &Checkpoint) {
        self.lock().checkpoints.insert(source, place.clone());
    }

    /// How often each match is among those of which consumers know more.
    pub(crate) fn summaries(&self) -> HashMap<MatchId, u32> {
        let mut counts = HashMap::new();
        for (id, _) in &self.lock().summaries {
            *counts.entry(*id).or_insert(0) += 1;
        }
        counts
    }

    pub(crate) fn are_away(&self) -> bool {
        self.lock().is_away
    }

    pub(crate) fn has(&self, id: MatchId) -> bool {
        self.lock().matches.contains(&id)
    }

    /// All matches that a consumer can read.
    pub(crate) fn matches(&self) -> Vec<MatchId> {
        self.lock().matches.clone()
    }

    pub(crate) fn dead_letters_count(&self) -> usize {
        self.lock().dead_letters.len()
    }

    /// Waits until a broker answers.
    pub(crate) async fn reach(&self) {
        let latency = self.lock().latency;
        sleep(latency).await;
        while self.lock().is_away {
            sleep(ASK_AGAIN_AFTER).await;
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic fails the whole run.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn commit(&mut self, batch: &[(Message, Option<Receipt>)], writer: u64) {
        for (message, _) in batch {
            match message {
                Message::Match(received) => {
                    self.matches.push(received.id);
                    self.writers.push(writer);
                }
                Message::Summary(told) => {
                    if told.is_id_new {
                        self.matches.push(told.summary.match_id);
                        self.writers.push(writer);
                    }
                    self.summaries.push((told.summary.match_id, key_of(told)));
                }
                Message::DeadLetter(_) => self.dead_letters.push(message.clone()),
            }
        }
    }

    pub(crate) fn has_summary(&self, told: &ReceivedSummary) -> bool {
        self.summaries
            .contains(&(told.summary.match_id, key_of(told)))
    }

    pub(crate) fn happens(&mut self, percent: u32) -> bool {
        percent > 0 && self.rng.random_range(0..100) < percent
    }
}

fn key_of(told: &ReceivedSummary) -> SummaryKey {
    SummaryKey::of(told.source.as_str(), &told.summary)
}
