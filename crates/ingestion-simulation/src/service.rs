//! The service, put together as it ships, on a simulated machine.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::MatchId;
use ingestion_application::{
    Backlog, BacklogLimits, BacklogSettings, Feed, FoundMatch, Ledger, Pipeline, PipelineError,
    SourceName,
    ports::{FeedReader, Journal, ReceivedBatch},
};
use ingestion_journal_adapter::{FileJournal, storage::Storage};
use ingestion_opendota_adapter::stream::{MatchStream, SOURCE, StreamFormat, StreamSettings};
use ingestion_test_support::{
    simulated_disk::SimulatedDisk, simulated_network::SimulatedConnector,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Bug, Violation,
    broker::ModelPublisher,
    brokers::Brokers,
    clock::{SimulatedClock, elapsed_ms},
    planted::{BuggyJournal, UnsyncedStorage, WatchedFeed},
    run::FINISHED_MS,
    sequence::{self, SequenceFeed},
    upstream::Upstream,
    verdict::judge_connections,
};

/// The name of its host.
pub(crate) const HOST: &str = "service";
pub(crate) const JOURNAL_SIZE_MAX: u64 = 96 * 1024;
/// Room for the journal, and what it leaves to others.
pub(crate) const DISK_CAPACITY: u64 = 1 << 30;
/// A sync that takes longer is the disk's trouble, not the service's.
///
/// What is received may wait for a write that fills a segment, makes another and
/// goes on there, for acknowledgements that make one as well and remove one, and
/// for such a write of its own: eight syncs, in a second less the 200 ms after
/// which it is written.
const SLOW_SYNC: Duration = Duration::from_millis(100);
/// The journal is written again so long after the disk works again.
const TRIED_AGAIN_WITHIN_MS: u64 = 700;
/// With neither Kafka nor the journal, feeds are read no longer than this.
const READ_ON_MS_MAX: u64 = 1000;
/// Both feeds of a service that has two.
const SOURCES: [SourceName; 2] = [SOURCE, SourceName::new("second_stream")];
/// One of so many seeds has two feeds.
const SEEDS_PER_TWO_FEEDS: u64 = 4;
/// One of so many has a feed that keeps its place beside the first one.
const SEEDS_PER_SEQUENCE: u64 = 3;
/// What is received so short before a loss of power may be lost.
const UNPROTECTED_MS: u64 = 1000;
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
const LIMITS: BacklogLimits = BacklogLimits {
    head_weight_max: 30,
    spill_weight: 15,
    tail_weight_max: 60,
    send_batch: 8,
    write_batch: 60,
    write_batch_weight_max: 100,
    acknowledgements_kept_max: 1000,
    ..BacklogLimits::DEFAULT
};

/// Everything that outlives a process, and who watches it.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) disk: Arc<SimulatedDisk>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    starts: u64,
    running: Option<Running>,
    /// Matches that were received and must be in the topic, with the time of receipt.
    received: HashMap<MatchId, u64>,
    invalid_at_ms: Vec<u64>,
    /// Received for the first time by this process.
    newly_received: Vec<(MatchId, u64)>,
    violation: Option<Violation>,
    /// When something was received, with neither Kafka nor the journal to take it.
    unsafe_since_ms: Option<u64>,
    /// Whether the disk has refused something since this process began.
    disk_was_in_trouble: bool,
    disk: DiskTroubles,
}

/// What is wrong with the disk.
#[derive(Default)]
struct DiskTroubles {
    is_full: bool,
    is_failing: bool,
    is_slow: bool,
    sync_time: Duration,
    /// What has begun in trouble may go on until then.
    slow_until_ms: u64,
    /// Since when anything of it is so.
    since_ms: Option<u64>,
}

struct Running {
    ledger: Arc<Ledger>,
    drain: CancellationToken,
    is_ending: Arc<AtomicBool>,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> Arc<Self> {
        let disk = SimulatedDisk::new(seed);
        disk.set_capacity(DISK_CAPACITY);
        Arc::new(Self {
            seed,
            bug,
            brokers: Brokers::new(seed),
            upstream: Upstream::new(seed),
            disk: Arc::new(disk),
            state: Mutex::default(),
        })
    }

    /// One life of the process.
    pub(crate) async fn live(self: Arc<Self>) -> io::Result<()> {
        let clock = SimulatedClock::shared();
        let start = {
            let mut state = self.lock();
            state.starts += 1;
            state.newly_received.clear();
            state.unsafe_since_ms = None;
            state.disk_was_in_trouble = state.disk.since_ms.is_some();
            state.starts
        };
        let seed = self.seed.wrapping_mul(1000).wrapping_add(start);
        let ledger = Arc::new(Ledger::new(Arc::clone(&clock)));
        let is_ending = Arc::new(AtomicBool::new(false));
        let publisher = ModelPublisher::new(Arc::clone(&self.brokers), self.bug);
        let (_, work) = Backlog::new(
            BacklogSettings {
                dedup_window_size: 100_000,
                has_summaries: true,
                may_stand_by: false,
                limits: self.limits(),
            },
            self.journal(seed, &is_ending),
            publisher.clone(),
            Arc::clone(&ledger),
            Arc::clone(&clock),
        );
        let feeds = SOURCES.into_iter().take(self.feeds());
        let feeds = feeds.map(|source| {
            let feed = self.feed(source, seed);
            Feed::new(feed, IDLE_TIMEOUT, Arc::clone(&clock))
        });
        let sequence = self.has_sequence().then(|| {
            let brokers = Arc::clone(&self.brokers);
            let feed = SequenceFeed::new(brokers, self.bug, FINISHED_MS, seed);
            Feed::new(Box::new(feed), IDLE_TIMEOUT, Arc::clone(&clock))
        });
        let pipeline = Pipeline::new(work, feeds.chain(sequence).collect());
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        self.lock().running = Some(Running {
            ledger,
            drain: drain.clone(),
            is_ending,
        });
        let deadline = async {
            drain.cancelled().await;
            tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
            abort.cancel();
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = pipeline.run(drain.clone(), abort.clone()) => ended,
            () = async { publisher.run().await; std::future::pending().await } => return Ok(()),
            () = deadline => return Ok(()),
        };
        self.ended(&ended);
        Ok(())
    }

    fn feeds(&self) -> usize {
        let has_two = self.seed % SEEDS_PER_TWO_FEEDS == SEEDS_PER_TWO_FEEDS - 1;
        1 + usize::from(has_two)
    }

    /// Whether there is a feed that keeps its place as well.
    pub(crate) fn has_sequence(&self) -> bool {
        self.seed % SEEDS_PER_SEQUENCE == SEEDS_PER_SEQUENCE / 2
    }

    /// Whether everything of that feed is in the topics.
    pub(crate) fn is_sequence_done(&self) -> bool {
        let last = sequence::ended(FINISHED_MS) - 1;
        !self.has_sequence() || self.brokers.has(sequence::id_at(last))
    }

    fn limits(&self) -> BacklogLimits {
        match self.bug {
            Some(Bug::ReadOnWhileTheJournalIsLate) => BacklogLimits {
                protected_within: Duration::MAX,
                ..LIMITS
            },
            _ => LIMITS,
        }
    }

    fn journal(&self, seed: u64, is_ending: &Arc<AtomicBool>) -> Arc<dyn Journal> {
        let disk: Arc<dyn Storage> = self.disk.clone();
        let storage = match self.bug {
            Some(Bug::NothingIsSynced) => Arc::new(UnsyncedStorage(disk)),
            _ => disk,
        };
        let journal = FileJournal::over(
            storage,
            JOURNAL_SIZE_MAX,
            &[SOURCES[0], SOURCES[1], sequence::SOURCE],
            SimulatedClock::shared(),
            seed,
        );
        Arc::new(BuggyJournal {
            journal: Arc::new(journal),
            bug: self.bug,
            unwritten: Mutex::default(),
            is_ending: Arc::clone(is_ending),
        })
    }

    fn feed(self: &Arc<Self>, source: SourceName, seed: u64) -> Box<dyn FeedReader> {
        let make = move || -> Box<dyn FeedReader> {
            let stream = MatchStream::try_over(
                &settings(),
                Arc::new(SimulatedConnector),
                SimulatedClock::shared(),
                seed,
            );
            Box::new(stream.expect("the settings are valid"))
        };
        let world = Arc::clone(self);
        Box::new(WatchedFeed {
            source,
            feed: make(),
            make,
            see: move |batch: &ReceivedBatch| world.see(batch),
            bug: self.bug,
            held: None,
            has_data: None,
        })
    }

    fn see(&self, batch: &ReceivedBatch) {
        let now_ms = elapsed_ms();
        let mut state = self.lock();
        self.judge_reading(batch, now_ms, &mut state);
        for frame in &batch.frames {
            match frame {
                Ok(found) if !state.received.contains_key(&found.id()) => {
                    state.received.insert(found.id(), now_ms);
                    state.newly_received.push((found.id(), now_ms));
                }
                Ok(_) => {}
                Err(_) => state.invalid_at_ms.push(now_ms),
            }
        }
    }

    /// Whether the service still reads though nothing takes what it has read.
    fn judge_reading(&self, batch: &ReceivedBatch, now_ms: u64, state: &mut State) {
        // At its end it hands over what it had read before.
        let is_ending = |running: &Running| running.drain.is_cancelled();
        let is_safe = !self.brokers.are_away()
            || !state.disk.is_failing
            || state.running.as_ref().is_none_or(is_ending);
        if is_safe {
            state.unsafe_since_ms = None;
            return;
        }
        let is_new = |frame: &Result<FoundMatch, _>| match frame {
            Ok(found) => {
                let id = found.id();
                !state.received.contains_key(&id) && !self.brokers.has(id)
            }
            Err(_) => true,
        };
        if let Some(since_ms) = state.unsafe_since_ms {
            if now_ms > since_ms + READ_ON_MS_MAX {
                let violation = Violation::ReadOn(now_ms - since_ms);
                state.violation.get_or_insert(violation);
            }
        } else if batch.frames.iter().any(is_new) {
            state.unsafe_since_ms = Some(now_ms);
        }
    }

    /// The process is about to lose power.
    ///
    /// What was received within the last second may be lost; and with a disk
    /// that is in trouble, what was received until the service stopped reading.
    pub(crate) fn crashes(&self, now_ms: u64) {
        let mut state = self.lock();
        state.disk.judge(now_ms);
        let trouble_since_ms = state.disk.since_ms;
        let is_excused = |at_ms: u64| {
            at_ms + UNPROTECTED_MS >= now_ms
                || trouble_since_ms.is_some_and(|since_ms| since_ms <= at_ms + UNPROTECTED_MS)
        };
        let newly_received = std::mem::take(&mut state.newly_received);
        for (id, at_ms) in newly_received {
            if is_excused(at_ms) {
                state.received.remove(&id);
            }
        }
        state.invalid_at_ms.retain(|at_ms| !is_excused(*at_ms));
        state.running = None;
    }

    /// Asks the process to end; whether there is one.
    pub(crate) fn asks_to_end(&self) -> bool {
        let state = self.lock();
        if let Some(running) = &state.running {
            running.is_ending.store(true, Ordering::Relaxed);
            running.drain.cancel();
        }
        state.running.is_some()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.lock().running.is_some()
    }

    /// No broker answers from now on, or they do so again.
    pub(crate) fn brokers_are_away(&self, are_away: bool) {
        self.brokers.set_away(are_away);
        self.lock().unsafe_since_ms = None;
    }

    /// The disk has no room from now on, or has it again.
    pub(crate) fn disk_is_full(&self, is_full: bool, now_ms: u64) {
        self.change_disk(now_ms, |disk| {
            disk.is_full = is_full;
            disk.heals_until(now_ms);
        });
    }

    /// The disk refuses to write from now on, or does so no more.
    pub(crate) fn disk_is_failing(&self, is_failing: bool, now_ms: u64) {
        self.change_disk(now_ms, |disk| {
            disk.is_failing = is_failing;
            disk.heals_until(now_ms);
        });
    }

    /// A sync takes so long from now on.
    pub(crate) fn disk_syncs_in(&self, time: Duration, now_ms: u64) {
        self.change_disk(now_ms, |disk| {
            let longest = u64::try_from(disk.sync_time.as_millis()).unwrap_or(u64::MAX);
            disk.slow_until_ms = disk.slow_until_ms.max(now_ms + 2 * longest);
            disk.is_slow = time > SLOW_SYNC;
            disk.sync_time = time;
        });
    }

    fn change_disk(&self, now_ms: u64, change: impl FnOnce(&mut DiskTroubles)) {
        let mut state = self.lock();
        state.disk.judge(now_ms);
        change(&mut state.disk);
        state.disk.judge(now_ms);
        state.disk_was_in_trouble |= state.disk.since_ms.is_some();
        state.unsafe_since_ms = None;
    }

    fn ended(&self, ended: &Result<(), PipelineError>) {
        let mut state = self.lock();
        state.running = None;
        if let Err(PipelineError::InMemoryOnly(count)) = ended
            && !state.disk_was_in_trouble
        {
            let what = format!("{count} matches were in memory only, with a disk that works");
            state.violation.get_or_insert(Violation::BadEnd(what));
        } else if matches!(ended, Err(PipelineError::InMemoryOnly(_))) {
            // It has said so, with their number.
            for (id, _) in std::mem::take(&mut state.newly_received) {
                state.received.remove(&id);
            }
            state.invalid_at_ms.clear();
        }
    }

    /// Looks at the ledger, as somebody who asks.
    pub(crate) fn look(&self, now_ms: u64) -> Result<(), Violation> {
        let mut state = self.lock();
        state.disk.judge(now_ms);
        if let Some(violation) = &state.violation {
            return Err(violation.clone());
        }
        if let Some(running) = &state.running {
            let figures = running.ledger.figures();
            figures.check().map_err(|_| Violation::Imbalance(figures))?;
        }
        judge_connections(&self.upstream.connections_at_ms(), now_ms, self.feeds())?;
        let bytes = self.journal_bytes();
        if bytes > JOURNAL_SIZE_MAX {
            return Err(Violation::JournalTooLarge(bytes));
        }
        Ok(())
    }

    /// What the running process says is pending.
    pub(crate) fn figures(&self) -> Option<ingestion_application::LedgerFigures> {
        let state = self.lock();
        state
            .running
            .as_ref()
            .map(|running| running.ledger.figures())
    }

    /// Everything that must be in the topic.
    pub(crate) fn received(&self) -> HashMap<MatchId, u64> {
        self.lock().received.clone()
    }

    /// How many invalid frames must be in the dead-letter topic.
    pub(crate) fn invalid_count(&self) -> usize {
        self.lock().invalid_at_ms.len()
    }

    fn journal_bytes(&self) -> u64 {
        let names = self.disk.names();
        let lengths = names.iter().map(|name| self.disk.file(name).len() as u64);
        lengths.sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic fails the whole run.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskTroubles {
    /// A journal that has failed is tried again only now and then.
    fn heals_until(&mut self, now_ms: u64) {
        self.slow_until_ms = self.slow_until_ms.max(now_ms + TRIED_AGAIN_WITHIN_MS);
    }

    fn judge(&mut self, now_ms: u64) {
        if self.is_full || self.is_failing || self.is_slow || now_ms < self.slow_until_ms {
            self.since_ms.get_or_insert(now_ms);
        } else {
            self.since_ms = None;
        }
    }
}

pub(crate) fn settings() -> StreamSettings {
    StreamSettings {
        urls: vec![Upstream::url().into()],
        format: StreamFormat::Object,
        subscribe: None,
        headers: Vec::new(),
        ca_file: None,
        heartbeat: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(3),
        idle_timeout: IDLE_TIMEOUT,
        backoff_min: Duration::from_millis(500),
        backoff_max: Duration::from_secs(5),
        message_size_max: 1 << 20,
        proxy_variables: Vec::new(),
    }
}
