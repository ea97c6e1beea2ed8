//! What the tests of the journal share.

use std::sync::Arc;

use health_kit::SystemClock;
use ingestion_application::ports::{Journal as _, JournalError, Recovered};
use ingestion_journal_adapter::FileJournal;
use ingestion_test_support::{journal::journal_contract::SOURCES, simulated_disk::SimulatedDisk};

/// Large enough for every test that does not ask for less.
pub(crate) const SIZE_MAX: u64 = 64 * 1024 * 1024;

/// A journal on `disk` that has not looked at it yet.
pub(crate) fn over(disk: &SimulatedDisk, size_max: u64) -> FileJournal {
    let seed = disk.changes();
    FileJournal::over(
        Arc::new(disk.clone()),
        size_max,
        &SOURCES,
        Arc::new(SystemClock),
        seed,
    )
}

/// A journal on `disk`, and what it has found there.
pub(crate) async fn recover(
    disk: &SimulatedDisk,
) -> Result<(FileJournal, Recovered), JournalError> {
    let journal = over(disk, SIZE_MAX);
    let recovered = journal.recover().await?;
    Ok((journal, recovered))
}
