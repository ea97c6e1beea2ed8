//! A part of the sequence, as a range of a backfill.

use std::sync::Arc;

use async_trait::async_trait;
use etl_application::{
    backfill::SequencePart,
    ports::{BackfillOrigin, BackfillPiece, OriginError},
};
use std::time::Duration;
use steam_client::CallError;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    piece::{piece, read_position},
    turns::SteamTurns,
    walk::SequenceWalk,
};

/// The name of these answers in the tables.
pub const SOURCE: &str = "steam_sequence";

/// Pages that are asked for ahead; what of them is not loaded is asked for again.
const AHEAD_MAX: usize = 1;
/// Waits that nobody has heard of yet; further ones say the same.
const WAITS_MAX: usize = 4;
/// To wait for a turn is how the share is kept, and nothing to tell.
const WAIT_TOLD_MIN: Duration = Duration::from_mins(2);

/// Matches of a part of the sequence, page by page from its beginning up.
pub struct SteamRange {
    pieces: mpsc::Receiver<BackfillPiece>,
    waits: mpsc::Receiver<String>,
    goes_on: bool,
    walk: JoinHandle<()>,
}

impl SteamRange {
    /// Begins to ask, at a position that a range of the same part gave before, or
    /// at the beginning if that is empty. Needs a runtime.
    #[must_use]
    pub fn open(turns: Arc<SteamTurns>, part: SequencePart, at: &str) -> Self {
        let place = read_position(at);
        let (wait, waits) = mpsc::channel(WAITS_MAX);
        let (sender, pieces) = mpsc::channel(AHEAD_MAX);
        let mut walk = SequenceWalk::new(turns, part, place);
        let walk = tokio::spawn(async move {
            let say = |error: &CallError| {
                if let Some(text) = told(error) {
                    // Whoever has not heard of the last waits knows enough.
                    let _ = wait.try_send(text);
                }
            };
            while let Some(page) = walk.next(&say).await {
                if sender.send(piece(page, part)).await.is_err() {
                    return;
                }
            }
        });
        Self {
            pieces,
            waits,
            goes_on: at.is_empty() || place.is_some(),
            walk,
        }
    }
}

impl Drop for SteamRange {
    fn drop(&mut self) {
        self.walk.abort();
    }
}

#[async_trait]
impl BackfillOrigin for SteamRange {
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

/// What whoever waits is to know; nothing of what passes by itself.
fn told(error: &CallError) -> Option<String> {
    Some(match error {
        CallError::NoRoom { retry_in } | CallError::Limited { retry_in } => {
            if *retry_in < WAIT_TOLD_MIN {
                return None;
            }
            let minutes = retry_in.as_secs() / 60;
            format!("no call is permitted for {minutes} minutes")
        }
        CallError::Refused { detail, .. } => {
            format!("the upstream refuses our calls: {detail}; see STEAM_API_KEYS")
        }
        CallError::Unavailable { detail, .. } => format!("the upstream does not answer: {detail}"),
        CallError::TooLarge { .. } | CallError::InVain { .. } => {
            format!("the upstream does not tell of some matches, which are left out: {error}")
        }
    })
}
