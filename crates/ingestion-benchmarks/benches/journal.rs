//! What the journal costs an entry, beside redb as the general store that
//! could stand in its place: `cargo bench -p ingestion-benchmarks --bench journal`.
//!
//! Both write the same entries in batches of 1,000, each made durable, into
//! files on the same disk, in turn; then everything is let go again. The
//! journal is recovered in between.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use domain::{MatchId, Timestamp};
use health_kit::SystemClock;
use ingestion_application::{
    ReceivedMatch, SourceName,
    ports::{Journal as _, JournalEntry, Message},
};
use ingestion_benchmarks::Usage;
use ingestion_journal_adapter::{FileJournal, JournalSettings};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use tokio::time::Instant;

const COUNT: u64 = 1_000_000;
const BATCH: usize = 1000;
const ROUNDS: usize = 3;
const SOURCE: SourceName = SourceName::new("opendota");
const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");

#[tokio::main]
async fn main() -> Result<()> {
    let entries: Vec<_> = (1..=COUNT).map(entry).collect::<Result<_>>()?;
    println!("{COUNT} entries in batches of {BATCH}, each synced");
    for _ in 0..ROUNDS {
        bench_journal(&entries).await?;
        bench_redb(&entries)?;
    }
    Ok(())
}

fn entry(sequence: u64) -> Result<JournalEntry> {
    let raw = i64::try_from(sequence)?;
    Ok(JournalEntry {
        sequence,
        message: Message::Match(ReceivedMatch {
            id: MatchId::try_new(8_943_000_000 + raw)?,
            source: SOURCE,
            received_at: Timestamp::from_unix_ms(1_776_027_022_000 + raw),
        }),
    })
}

async fn bench_journal(entries: &[JournalEntry]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = JournalSettings {
        dir: folder.path().to_owned(),
        size_max: 1024 * 1024 * 1024,
    };
    let open = || FileJournal::open(&settings, &[SOURCE], Arc::new(SystemClock));
    let journal = open()?;
    journal.recover().await?;

    let start = Measure::start()?;
    for batch in entries.chunks(BATCH) {
        journal.append(batch).await?;
    }
    start.report("journal", "append", entries.len(), folder.path())?;
    drop(journal);

    let journal = open()?;
    let start = Measure::start()?;
    let recovered = journal.recover().await?;
    ensure!(recovered.total() == COUNT, "{recovered:?}");
    start.report("journal", "recover", entries.len(), folder.path())?;

    let start = Measure::start()?;
    let mut from = 0;
    let mut count = 0;
    loop {
        let read = journal.read(from, BATCH).await?;
        let Some(last) = read.last() else { break };
        from = last.sequence + 1;
        count += read.len();
    }
    ensure!(count == entries.len(), "{count} entries read");
    start.report("journal", "read", entries.len(), folder.path())?;

    let start = Measure::start()?;
    for batch in entries.chunks(BATCH) {
        let sequences: Vec<_> = batch.iter().map(|entry| entry.sequence).collect();
        journal.acknowledge(&sequences).await?;
    }
    start.report("journal", "acknowledge", entries.len(), folder.path())
}

fn bench_redb(entries: &[JournalEntry]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let database = Database::create(folder.path().join("redb"))?;

    let start = Measure::start()?;
    for batch in entries.chunks(BATCH) {
        let transaction = database.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        for entry in batch {
            table.insert(entry.sequence, value(entry)?.as_slice())?;
        }
        drop(table);
        transaction.commit()?;
    }
    start.report("redb", "append", entries.len(), folder.path())?;

    let start = Measure::start()?;
    let mut count = 0;
    for found in database.begin_read()?.open_table(TABLE)?.iter()? {
        let (_, value) = found?;
        count += usize::from(value.value().len() > 8);
    }
    ensure!(count == entries.len(), "{count} entries read");
    start.report("redb", "read", entries.len(), folder.path())?;

    let start = Measure::start()?;
    for batch in entries.chunks(BATCH) {
        let mut transaction = database.begin_write()?;
        // What the journal does: it need not be durable at once.
        transaction.set_durability(redb::Durability::None)?;
        let mut table = transaction.open_table(TABLE)?;
        for entry in batch {
            table.remove(entry.sequence)?;
        }
        drop(table);
        transaction.commit()?;
    }
    start.report("redb", "acknowledge", entries.len(), folder.path())
}

/// The same content as in the journal.
fn value(entry: &JournalEntry) -> Result<Vec<u8>> {
    let Message::Match(received) = &entry.message else {
        anyhow::bail!("only matches are measured");
    };
    let mut value = received.id.get().to_le_bytes().to_vec();
    value.extend(received.received_at.as_unix_ms().to_le_bytes());
    value.extend(received.source.as_str().as_bytes());
    Ok(value)
}

struct Measure {
    start: Instant,
    cpu_seconds: f64,
}

impl Measure {
    fn start() -> Result<Self> {
        Ok(Self {
            start: Instant::now(),
            cpu_seconds: Usage::of_process("self")?.cpu_seconds,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn report(self, store: &str, work: &str, count: usize, folder: &Path) -> Result<()> {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = Usage::of_process("self")?.cpu_seconds - self.cpu_seconds;
        let mut bytes = 0;
        for file in std::fs::read_dir(folder).context("the folder is there")? {
            bytes += file?.metadata()?.len();
        }
        println!(
            "{store:>8} {work:>12}: {:>9.0} entries/s, {:.2} us CPU an entry, {:>5.1} MB on disk",
            count as f64 / seconds,
            cpu / count as f64 * 1e6,
            bytes as f64 / 1e6
        );
        Ok(())
    }
}
