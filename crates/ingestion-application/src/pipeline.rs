//! A feed and the backlog behind it, from their start to a safe end.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::{Backlog, BacklogError, ProcessMatchStream, SourceStatus, ports::SourceStreamConsumer};

/// So long the last write to the journal may take when there is no more time.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(800);

/// Carries the matches of one feed.
pub struct Pipeline {
    process: ProcessMatchStream,
    backlog: Arc<Backlog>,
}

/// Why the pipeline has not ended as it should.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PipelineError {
    /// It cannot go on; what is pending is in the journal.
    #[error("{0}; what is pending stays in the journal")]
    Stopped(#[from] BacklogError),
    /// Pending matches could not be written down in time.
    #[error("no more time: {0} matches were in memory only, and are lost with this process")]
    InMemoryOnly(u64),
}

impl Pipeline {
    /// Carries what is received into and out of `backlog`, and follows the
    /// feed's connection in `status`.
    #[must_use]
    pub fn new(backlog: Arc<Backlog>, status: Arc<SourceStatus>) -> Self {
        Self {
            process: ProcessMatchStream::new(Arc::clone(&backlog), status),
            backlog,
        }
    }

    /// Reads `feed` until `drain`, then waits for the last acknowledgement
    /// until `abort`; whatever is pending then goes to the journal.
    ///
    /// # Errors
    /// [`PipelineError::Stopped`] when the publisher has stopped for good, and
    /// [`PipelineError::InMemoryOnly`] when the journal did not take what is left.
    pub async fn run(
        &self,
        feed: &mut dyn SourceStreamConsumer,
        drain: CancellationToken,
        abort: CancellationToken,
    ) -> Result<(), PipelineError> {
        let carried = self.carry(feed, drain, abort).await;
        let in_memory_only = self.backlog.close(CLOSE_TIME_MAX).await;
        if in_memory_only > 0 {
            return Err(PipelineError::InMemoryOnly(in_memory_only));
        }
        Ok(carried?)
    }

    async fn carry(
        &self,
        feed: &mut dyn SourceStreamConsumer,
        drain: CancellationToken,
        abort: CancellationToken,
    ) -> Result<(), BacklogError> {
        let ingest = self.process.run(feed, drain.clone());
        tokio::pin!(ingest);
        let mut has_read_all = false;
        let drained = async {
            (&mut ingest).await;
            has_read_all = true;
            self.backlog.drained().await;
        };
        let stopped = tokio::select! {
            stopped = self.backlog.run() => stopped,
            () = drained => return Ok(()),
            () = abort.cancelled() => return Ok(()),
        };
        // What has been read is the service's, whatever has stopped.
        drain.cancel();
        if !has_read_all {
            abort.run_until_cancelled(ingest).await;
        }
        stopped
    }
}
