//! A range that an upstream tells page by page.

use async_trait::async_trait;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::ports::{BackfillOrigin, BackfillPiece, OriginError};

/// Pieces that are asked for ahead; what of them is not loaded is asked for again.
const AHEAD_MAX: usize = 1;
/// Waits that nobody has heard of yet; further ones say the same.
const WAITS_MAX: usize = 4;

/// A range that a task of its own walks along, a piece ahead of whoever reads it. The task ends with it.
pub struct WalkedRange {
    pieces: mpsc::Receiver<BackfillPiece>,
    waits: mpsc::Receiver<String>,
    goes_on: bool,
    walk: JoinHandle<()>,
}

/// Whom a walk tells of what it found.
#[derive(Debug, Clone)]
pub struct WalkReader {
    pieces: mpsc::Sender<BackfillPiece>,
    waits: mpsc::Sender<String>,
}

impl WalkedRange {
    /// Begins a walk, which ends with its range or when [`WalkReader::found`] says so. Needs a runtime.
    /// `goes_on` is what [`BackfillOrigin::goes_on`] answers.
    pub fn begin<W>(goes_on: bool, walk: impl FnOnce(WalkReader) -> W) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (found, pieces) = mpsc::channel(AHEAD_MAX);
        let (waiting, waits) = mpsc::channel(WAITS_MAX);
        let reader = WalkReader {
            pieces: found,
            waits: waiting,
        };
        Self {
            pieces,
            waits,
            goes_on,
            walk: tokio::spawn(walk(reader)),
        }
    }
}

impl WalkReader {
    /// Waits until the piece can be read; whether anybody still does.
    pub async fn found(&self, piece: BackfillPiece) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// Says what the walk waits for.
    pub fn waits(&self, detail: String) {
        // Whoever has not heard of the last waits knows enough.
        let _ = self.waits.try_send(detail);
    }
}

impl Drop for WalkedRange {
    fn drop(&mut self) {
        self.walk.abort();
    }
}

#[async_trait]
impl BackfillOrigin for WalkedRange {
    fn goes_on(&self) -> bool {
        self.goes_on
    }

    async fn next(&mut self) -> Result<Option<BackfillPiece>, OriginError> {
        let piece = tokio::select! {
            biased;
            Some(detail) = self.waits.recv() => return Err(OriginError::Unavailable { detail }),
            piece = self.pieces.recv() => piece,
        };
        // A walk that panicked has not come to its end.
        if piece.is_none()
            && let Err(error) = (&mut self.walk).await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        Ok(piece)
    }
}
