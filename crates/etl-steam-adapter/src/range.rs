//! A part of the sequence, as a range of a backfill.

use std::{sync::Arc, time::Duration};

use etl_application::backfill::{SequencePart, WalkedRange};
use steam_client::CallError;

use crate::{
    piece::{piece, read_position},
    turns::SteamTurns,
    walk::SequenceWalk,
};

/// The name of these answers in the tables.
pub const SOURCE: &str = "steam_sequence";

/// To wait for a turn is how the share is kept, and nothing to tell.
const WAIT_TOLD_MIN: Duration = Duration::from_mins(2);

/// Begins to ask for the matches of a part of the sequence, page by page from its beginning up: at a position
/// that a range of the same part gave before, or at the beginning if that is empty. Needs a runtime.
#[must_use]
pub fn walk_sequence(turns: Arc<SteamTurns>, part: SequencePart, at: &str) -> WalkedRange {
    let place = read_position(at);
    let mut walk = SequenceWalk::new(turns, part, place);
    WalkedRange::begin(at.is_empty() || place.is_some(), async move |reader| {
        let say = |error: &CallError| {
            if let Some(detail) = told(error) {
                reader.waits(detail);
            }
        };
        while let Some(page) = walk.next(&say).await {
            if !reader.found(piece(page, part)).await {
                return;
            }
        }
    })
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
