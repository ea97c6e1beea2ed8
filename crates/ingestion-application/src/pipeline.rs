//! Feeds and the backlog behind them, from their start to a safe end.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::{Backlog, BacklogError, BacklogWork, Feed, Gaps, read_feeds::read_feeds};

/// So long the last write to the journal may take when there is no more time.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(800);

/// Carries the matches of all feeds.
pub struct Pipeline {
    feeds: Vec<Feed>,
    backlog: Arc<Backlog>,
    work: BacklogWork,
    gaps: Option<Arc<Gaps>>,
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
    /// Carries what `feeds` receive into the backlog and out of it; without
    /// any feed, what is handed in and what an earlier process has left.
    ///
    /// # Panics
    /// When two feeds have the same source: their figures could not be told apart.
    #[must_use]
    pub fn new(work: BacklogWork, feeds: Vec<Feed>) -> Self {
        for (nth, feed) in feeds.iter().enumerate() {
            let is_first = feeds[..nth].iter().all(|it| it.source() != feed.source());
            assert!(is_first, "every feed has a source of its own");
        }
        Self {
            feeds,
            backlog: Arc::clone(work.backlog()),
            work,
            gaps: None,
        }
    }

    /// The same with an account of what the feeds have missed, which it has made up for.
    #[must_use]
    pub fn with_gaps(self, gaps: Arc<Gaps>) -> Self {
        Self {
            gaps: Some(gaps),
            ..self
        }
    }

    /// Reads the feeds until `drain`, then waits for the last acknowledgement
    /// until `abort`; whatever is pending then goes to the journal.
    ///
    /// # Errors
    /// [`PipelineError::Stopped`] when the publisher has stopped for good, and
    /// [`PipelineError::InMemoryOnly`] when the journal did not take what is left.
    pub async fn run(
        self,
        drain: CancellationToken,
        abort: CancellationToken,
    ) -> Result<(), PipelineError> {
        let Self {
            mut feeds,
            backlog,
            work,
            gaps,
        } = self;
        let gaps = gaps.as_deref();
        let carried = carry(&mut feeds, &backlog, gaps, work, drain, abort).await;
        let in_memory_only = backlog.close(CLOSE_TIME_MAX).await;
        if in_memory_only > 0 {
            return Err(PipelineError::InMemoryOnly(in_memory_only));
        }
        Ok(carried?)
    }
}

async fn carry(
    feeds: &mut [Feed],
    backlog: &Backlog,
    gaps: Option<&Gaps>,
    work: BacklogWork,
    drain: CancellationToken,
    abort: CancellationToken,
) -> Result<(), BacklogError> {
    let reading = read_feeds(feeds, backlog, gaps, drain.clone());
    tokio::pin!(reading);
    let mut has_read_all = false;
    let drained = async {
        (&mut reading).await;
        has_read_all = true;
        if let Some(gaps) = gaps {
            gaps.keep_last(backlog);
        }
        backlog.drained().await;
    };
    let closing_gaps = async {
        if let Some(gaps) = gaps {
            gaps.work(backlog).await;
        }
        std::future::pending::<()>().await;
    };
    let stopped = tokio::select! {
        stopped = work.run() => stopped,
        () = drained => return Ok(()),
        () = closing_gaps => unreachable!("it has no end"),
        () = abort.cancelled() => return Ok(()),
    };
    // What has been read is the service's, whatever has stopped.
    drain.cancel();
    if !has_read_all {
        abort.run_until_cancelled(reading).await;
    }
    stopped
}
