//! From the rows of a page to frames.

use contracts::NoMatchId;
use domain::{MatchId, MatchSummary, Timestamp};
use ingestion_application::{DeadLetterReason, FoundMatch, ports::InvalidFrame};
use steam_client::{OddMatch, SteamMatch};

use crate::place::TRAIL_DELAY;

/// What stands in a page.
pub(crate) type Row = Result<SteamMatch, OddMatch>;
/// What becomes of it.
pub(crate) type Frame = Result<FoundMatch, Box<InvalidFrame>>;

/// Its number in the sequence, if it has one.
pub(crate) fn number(row: &Row) -> Option<u64> {
    match row {
        Ok(found) => found.sequence_number,
        Err(odd) => odd.sequence_number,
    }
}

/// Whether it had ended so long before it was read that whatever belongs near it
/// has appeared.
pub(crate) fn is_old(row: &Row, now: Timestamp) -> bool {
    end(row).is_some_and(|end| now.saturating_since(end) >= TRAIL_DELAY)
}

/// When it had ended at the earliest, if that is told.
pub(crate) fn end(row: &Row) -> Option<Timestamp> {
    let summary = row.as_ref().ok()?.summary.as_ref().ok()?;
    let seconds = summary.duration_seconds.map_or(0, i64::from);
    let start = summary.start_time.unix_seconds();
    Some(Timestamp::from_unix_seconds(start.saturating_add(seconds)))
}

/// The frame that a row makes; it had been fetched by now.
pub(crate) fn frame(row: Row, now: Timestamp) -> Frame {
    match row {
        Ok(SteamMatch { id, summary, .. }) => Ok(found(id, summary, now)),
        Err(odd) => Err(Box::new(invalid(odd))),
    }
}

/// What is known of a match, or its id alone where that cannot be told on.
fn found(id: MatchId, summary: Result<MatchSummary, String>, now: Timestamp) -> FoundMatch {
    let judged = summary.and_then(|summary| {
        let seconds = u32::try_from(summary.start_time.unix_seconds()).unwrap_or_default();
        contracts::judge_start(seconds, now).map_err(|detail| format!("start_time {detail}"))?;
        Ok(summary)
    });
    match judged {
        Ok(summary) => summary.into(),
        Err(detail) => {
            tracing::warn!(match.id = id.get(), "only the id of the match goes on: {detail}");
            id.into()
        }
    }
}

fn invalid(odd: OddMatch) -> InvalidFrame {
    // By the rules of every frame; what they take, the client has refused for its form.
    let reason = match contracts::find_match_id_in_bytes(&odd.payload) {
        Err(NoMatchId::NotUtf8 { .. }) => DeadLetterReason::NotUtf8,
        Err(NoMatchId::NotJson(_)) => DeadLetterReason::NotJson,
        Err(NoMatchId::NotAnObject) => DeadLetterReason::NotAnObject,
        Err(NoMatchId::Twice) => DeadLetterReason::MatchIdTwice,
        Err(NoMatchId::Missing) => DeadLetterReason::MatchIdMissing,
        Err(NoMatchId::Invalid(_)) | Ok(_) => DeadLetterReason::MatchIdInvalid,
    };
    InvalidFrame {
        reason,
        detail: odd.detail,
        payload: odd.payload,
    }
}
