//! What reading, writing and recovery share.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ingestion_application::ports::JournalError;

use crate::{
    format::message::Sources,
    health::JournalHealth,
    index::Index,
    settings::Limits,
    storage::{Storage, is_no_room},
};

pub(crate) struct Log {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) limits: Limits,
    pub(crate) sources: Sources,
    pub(crate) health: Arc<JournalHealth>,
    pub(crate) index: Mutex<Index>,
}

impl Log {
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        // No update of the index can panic half way.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a disk says, for the person who must do something about it.
    pub(crate) fn explain(&self, action: &str, file: &str, error: &io::Error) -> JournalError {
        let place = self.storage.place();
        if is_no_room(error) {
            return JournalError::Full {
                reason: format!(
                    "the disk of {place} has no room, {file} cannot be {action}: {error}; \
                     make room there"
                ),
            };
        }
        let advice = match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => "mount that disk for writing",
            io::ErrorKind::PermissionDenied => "let this user write there",
            io::ErrorKind::NotFound => "nobody but this process may remove files there",
            _ => "check that disk",
        };
        JournalError::Failed {
            reason: format!("{file} in {place} cannot be {action}: {error}; {advice}"),
        }
    }
}
