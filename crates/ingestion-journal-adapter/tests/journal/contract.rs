//! The promises of the port, on real files and on a simulated disk.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use health_kit::SystemClock;
use ingestion_application::ports::Journal;
use ingestion_journal_adapter::{FileJournal, JournalSettings};
use ingestion_test_support::{
    journal::journal_contract::{self, SOURCES, Target},
    simulated_disk::SimulatedDisk,
};

use crate::support::{SIZE_MAX, over};

struct OnFiles {
    settings: JournalSettings,
    journal: Mutex<Option<Arc<FileJournal>>>,
}

impl OnFiles {
    fn open(&self) {
        let mut journal = self.journal.lock().expect("no test panics here");
        // The folder belongs to one at a time.
        *journal = None;
        let opened = FileJournal::open(&self.settings, &SOURCES, Arc::new(SystemClock));
        *journal = Some(Arc::new(opened.expect("the folder is free")));
    }
}

#[async_trait]
impl Target for OnFiles {
    fn journal(&self) -> Arc<dyn Journal> {
        let journal = self.journal.lock().expect("no test panics here");
        journal.clone().expect("it has been opened")
    }

    async fn reopen(&self) {
        self.open();
    }
}

#[tokio::test]
async fn files_keep_the_contract() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let target = OnFiles {
        settings: JournalSettings {
            dir: folder.path().join("not/there/yet"),
            size_max: SIZE_MAX,
        },
        journal: Mutex::default(),
    };
    target.open();
    journal_contract::check(&target).await;
}

struct OnSimulatedDisk {
    disk: SimulatedDisk,
    journal: Mutex<Arc<FileJournal>>,
}

#[async_trait]
impl Target for OnSimulatedDisk {
    fn journal(&self) -> Arc<dyn Journal> {
        let journal = self.journal.lock().expect("no test panics here");
        Arc::clone(&*journal) as _
    }

    async fn reopen(&self) {
        // Worse than what the contract asks for.
        self.disk.restart();
        let mut journal = self.journal.lock().expect("no test panics here");
        *journal = Arc::new(over(&self.disk, SIZE_MAX));
    }
}

#[tokio::test]
async fn a_disk_that_loses_power_keeps_the_contract() {
    for seed in 0..100 {
        let disk = SimulatedDisk::new(seed);
        let target = OnSimulatedDisk {
            journal: Mutex::new(Arc::new(over(&disk, SIZE_MAX))),
            disk,
        };
        journal_contract::check(&target).await;
    }
}
