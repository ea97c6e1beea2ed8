//! What keeps a backlog going.

use std::sync::Arc;

use super::{Backlog, BacklogError};

/// The work of a [`Backlog`], which is done once.
///
/// A backlog that two did the work of would publish twice what an earlier
/// process has left in the journal, and the ledger would not show it: so there
/// is one of these for each backlog, it cannot be copied, and to run takes it.
///
/// ```compile_fail,E0382
/// async fn both(work: ingestion_application::BacklogWork) {
///     tokio::join!(work.run(), work.run());
/// }
/// ```
pub struct BacklogWork {
    backlog: Arc<Backlog>,
}

impl BacklogWork {
    pub(super) fn new(backlog: Arc<Backlog>) -> Self {
        Self { backlog }
    }

    /// What is worked on.
    #[must_use]
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// Does the work until it is dropped: takes over what earlier runs have
    /// left, sends, and keeps on disk what has to be there.
    ///
    /// Dropping it loses nothing; [`Backlog::close`] comes next.
    ///
    /// # Errors
    /// When the publisher has stopped for good.
    pub async fn run(self) -> Result<(), BacklogError> {
        self.backlog.recover().await;
        tokio::select! {
            stopped = self.backlog.send_for_ever() => stopped,
            stopped = self.backlog.keep_checkpoints_for_ever() => stopped,
            () = self.backlog.write_for_ever() => Ok(()),
            () = self.backlog.watch_for_ever() => Ok(()),
        }
    }
}
