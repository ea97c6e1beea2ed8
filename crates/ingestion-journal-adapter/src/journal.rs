//! The port, over a storage.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use health_kit::{Clock, HealthCheck, HealthReporter};
use ingestion_application::{
    SourceName,
    ports::{Journal, JournalEntry, JournalError, JournalFigures, Recovered},
};
use rand::{
    SeedableRng, TryRng,
    rngs::{StdRng, SysRng},
};
use tokio::runtime::Handle;

use crate::{
    JournalSettings, OpenError,
    format::message::Sources,
    health::JournalHealth,
    index::Index,
    log::Log,
    reader, recovery,
    settings::Limits,
    storage::{FileStorage, Storage},
    writer::Writer,
};

/// A journal in files, a log of segments.
///
/// Beside what the port promises:
/// - in memory there is at most a bit for an open entry, two bytes where their
///   sequences are scattered, and a place for every 16 KiB or more;
/// - damage is counted by what was durable once. An entry that is damaged
///   after it was acknowledged counts as well, for nobody can tell; what a
///   crash has cut short was never promised and does not count;
/// - damage that has been reported is overwritten, and not reported again;
/// - of an entry of more than 64 MiB the beginning is kept.
pub struct FileJournal {
    log: Log,
    writer: tokio::sync::Mutex<Writer>,
}

impl FileJournal {
    /// Takes the folder for this process. `known_sources` are the feeds there may be.
    ///
    /// # Errors
    /// [`OpenError`] by what its user must do.
    pub fn open(
        settings: &JournalSettings,
        known_sources: &[SourceName],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let storage = FileStorage::open(&settings.dir)?;
        storage.check_versions()?;
        let seed = SysRng
            .try_next_u64()
            .expect("the system has random numbers");
        let storage = Arc::new(storage);
        Ok(Self::over(
            storage,
            settings.size_max,
            known_sources,
            clock,
            seed,
        ))
    }

    /// A journal of at most `size_max` bytes on any storage; `seed` decides
    /// the salts of its checksums.
    pub fn over(
        storage: Arc<dyn Storage>,
        size_max: u64,
        known_sources: &[SourceName],
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let log = Log {
            limits: Limits::new(size_max),
            sources: Sources::new(known_sources),
            health: Arc::new(JournalHealth::new(storage.place(), clock)),
            index: Mutex::new(Index::default()),
            storage,
        };
        let writer = Writer::new(StdRng::seed_from_u64(seed));
        Self {
            log,
            writer: tokio::sync::Mutex::new(writer),
        }
    }
}

#[async_trait]
impl Journal for FileJournal {
    async fn recover(&self) -> Result<Recovered, JournalError> {
        let mut writer = self.writer.lock().await;
        let recovered = recovery::recover(&self.log, &mut writer).await;
        self.look_at_disk().await;
        let result = recovered.as_ref().map(|_| ());
        self.log.health.take_append(&result.map_err(Clone::clone));
        recovered
    }

    async fn append(&self, entries: &[JournalEntry]) -> Result<(), JournalError> {
        let writing = self.log.health.begin_write();
        let result = self.writer.lock().await.append(&self.log, entries).await;
        drop(writing);
        self.log.health.take_append(&result);
        result
    }

    async fn acknowledge(&self, sequences: &[u64]) -> Result<(), JournalError> {
        let mut writer = self.writer.lock().await;
        let result = writer.acknowledge(&self.log, sequences).await;
        self.log.health.take_acknowledge(&result);
        if self.log.health.is_full() && writer.has_room_again(&self.log).await {
            // Nobody may have anything to append for a while.
            self.log.health.take_append(&Ok(()));
        }
        result
    }

    async fn read(&self, from: u64, count: usize) -> Result<Vec<JournalEntry>, JournalError> {
        reader::read(&self.log, from, count).await
    }

    fn figures(&self) -> JournalFigures {
        self.log.index().figures(self.log.limits.full_at)
    }
}

impl FileJournal {
    /// Compares the room on the disk with what the journal may need of it.
    fn look_at_disk(&self) -> impl Future<Output = ()> + Send + 'static {
        let (storage, health) = (Arc::clone(&self.log.storage), Arc::clone(&self.log.health));
        let (held, size_max) = (self.log.index().bytes(), self.log.limits.size_max);
        async move {
            // Whoever cannot say it now says so when it is written.
            if let Ok(disk) = storage.space().await {
                health.take_space(disk, held, size_max);
            }
            health.end_look();
        }
    }
}

impl HealthReporter for FileJournal {
    fn checks(&self) -> Vec<HealthCheck> {
        // The answer does not wait for a disk, so it is of the look before.
        if let Ok(runtime) = Handle::try_current()
            && self.log.health.begin_look()
        {
            runtime.spawn(self.look_at_disk());
        }
        let JournalFigures { bytes, room, .. } = self.figures();
        let full = (room == 0).then_some((bytes, self.log.limits.size_max));
        self.log.health.take_full(full);
        vec![self.log.health.check()]
    }
}
