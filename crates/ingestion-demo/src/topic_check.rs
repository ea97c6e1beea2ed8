//! Reads the topic along and keeps a digest of what is in it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;
use contracts::MatchIdRecord;
use feed_simulator::IdDigest;
use ingestion_application::IngestionStatus;
use kafka_kit::embedded::{ReadFrom, TopicReader};

use super::gate::Gate;

/// Behind by so many matches the feed waits. All partitions together keep
/// about ten times as many.
const LAG_MAX: u64 = 100_000;
/// Behind by so few it goes on.
const LAG_MIN: u64 = LAG_MAX / 2;
const READ_MAX: usize = 20_000;
const READ_WAIT: Duration = Duration::from_millis(50);
/// Without a new record for so long the topic has no more.
const EMPTY_READS_MAX: u32 = 60;

/// The topic, followed by a thread of its own.
pub(super) struct TopicCheck {
    thread: thread::JoinHandle<IdDigest>,
    /// How many records the topic must hold in the end; unknown while the demo runs.
    expected: Arc<AtomicU64>,
}

const UNKNOWN: u64 = u64::MAX;

impl TopicCheck {
    /// Follows `topic`, and holds the feed back through `gate` when it cannot keep up.
    pub(super) fn start(
        bootstrap_servers: &str,
        topic: &str,
        ingestion: Arc<IngestionStatus>,
        gate: Arc<Gate>,
    ) -> anyhow::Result<Self> {
        let reader = TopicReader::open(bootstrap_servers, topic, ReadFrom::Beginning)?;
        let expected = Arc::new(AtomicU64::new(UNKNOWN));
        let thread = thread::Builder::new()
            .name("topic-check".to_owned())
            .spawn({
                let expected = Arc::clone(&expected);
                move || follow(&reader, &ingestion, &gate, &expected)
            });
        Ok(Self {
            thread: thread.context("starting the reader of the topic")?,
            expected,
        })
    }

    /// The digest of the whole topic, which should hold `published` records.
    pub(super) async fn finish(self, published: u64) -> IdDigest {
        self.expected.store(published, Ordering::Relaxed);
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        match joined {
            Ok(Ok(digest)) => digest,
            // The digest of nothing differs from what was sent.
            _ => IdDigest::default(),
        }
    }
}

fn follow(
    reader: &TopicReader,
    ingestion: &IngestionStatus,
    gate: &Gate,
    expected: &AtomicU64,
) -> IdDigest {
    let mut digest = IdDigest::default();
    let mut empty_reads = 0;
    loop {
        let ids = match reader.read_values(READ_MAX, READ_WAIT, MatchIdRecord::decode_id) {
            Ok(ids) => ids,
            Err(error) => {
                tracing::error!("the topic holds a record that is no match: {error}");
                return IdDigest::default();
            }
        };
        for id in &ids {
            digest.add(id.get());
        }
        let expected = expected.load(Ordering::Relaxed);
        if expected == UNKNOWN {
            keep_pace(ingestion, gate, digest.count());
            continue;
        }
        empty_reads = if ids.is_empty() { empty_reads + 1 } else { 0 };
        // One more look after the last: a record too many must show.
        let complete = digest.count() >= expected && empty_reads > 0;
        if complete || empty_reads > EMPTY_READS_MAX {
            return digest;
        }
    }
}

fn keep_pace(ingestion: &IngestionStatus, gate: &Gate, read: u64) {
    // What is pending will be published, whether the feed waits or not.
    let ledger = ingestion.snapshot().ledger;
    let lag = (ledger.published + ledger.pending).saturating_sub(read);
    if lag > LAG_MAX {
        gate.close();
    } else if lag < LAG_MIN {
        gate.open();
    }
}
