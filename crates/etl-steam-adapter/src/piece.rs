//! What of a page belongs to a range, as the tables take it.

use contracts::{MatchSummaryRecord, NoMatchId};
use domain::{MatchSummary, Timestamp};
use etl_application::{
    Answer, DeadLetterReason, Invalid,
    backfill::{SequencePart, Span},
    ports::{BackfillPiece, Place},
};
use steam_client::{OddMatch, Page, SteamMatch};

use crate::{range::SOURCE, walk::WalkPage};

/// When a match ended, if that is known.
pub(crate) fn ended(found: &SteamMatch) -> Option<Timestamp> {
    found.summary.as_ref().ok().map(end_of)
}

/// The first match of a page of which that is known, by its number.
pub(crate) fn first_end(page: &Page) -> Option<(u64, Timestamp)> {
    let known = page.matches.iter().flatten();
    let known = known.filter_map(|found| found.sequence_number.zip(ended(found)));
    known.min_by_key(|(number, _)| *number)
}

fn end_of(summary: &MatchSummary) -> Timestamp {
    let seconds = summary.duration_seconds.map_or(0, i64::from);
    Timestamp::from_unix_seconds(summary.start_time.unix_seconds() + seconds)
}

/// What of a page of the walk belongs to a part of the sequence.
pub(crate) fn piece(found: WalkPage, part: SequencePart) -> BackfillPiece {
    let WalkPage {
        page,
        asked,
        next,
        calls,
    } = found;
    let mut piece = BackfillPiece {
        position: write_position(next),
        done: done(part, next, &page),
        calls,
        ..BackfillPiece::default()
    };
    for (nth, row) in (1..).zip(page.matches) {
        if is_outside(part, &row) {
            continue;
        }
        let place = match &row {
            Ok(found) => Place::Match(found.id),
            Err(_) => Place::SequenceRow {
                from: asked,
                number: nth,
            },
        };
        match answer(row, page.fetched_at) {
            Ok((answer, size_bytes)) => {
                piece.size_bytes += size_bytes;
                piece.answers.push((place, answer));
            }
            Err(invalid) => piece.invalid.push((place, invalid)),
        }
    }
    piece
}

fn is_outside(part: SequencePart, row: &Result<SteamMatch, OddMatch>) -> bool {
    match part {
        SequencePart::Numbers { from, to } => {
            let number = match row {
                Ok(found) => found.sequence_number,
                Err(odd) => odd.sequence_number,
            };
            number.is_some_and(|number| number < from || number >= to)
        }
        SequencePart::Times(Span { from, to }) => {
            let ended = row.as_ref().ok().and_then(ended);
            ended.is_some_and(|ended| ended < from || ended >= to)
        }
    }
}

/// What is stored of a row, and how large it is as a record; or why nothing is.
fn answer(
    row: Result<SteamMatch, OddMatch>,
    fetched_at: Timestamp,
) -> Result<(Answer, usize), Invalid> {
    let found = row.map_err(|odd| Invalid {
        reason: reason(&odd),
        detail: odd.detail,
    })?;
    let invalid = |reason| move |detail| Invalid { reason, detail };
    let summary = found
        .summary
        .map_err(invalid(DeadLetterReason::FieldInvalid))?;
    let start = u32::try_from(summary.start_time.unix_seconds()).unwrap_or_default();
    contracts::judge_start(start, fetched_at)
        .map_err(|detail| format!("start_time {detail}"))
        .map_err(invalid(DeadLetterReason::StartTimeInvalid))?;
    // As a record would have it: who reads it there says the same of it.
    let record = MatchSummaryRecord {
        summary: summary.clone(),
        source: SOURCE,
        received_at: fetched_at,
    };
    let record = record.encode();
    let answer = Answer {
        summary,
        source: SOURCE.into(),
        version: contracts::version(fetched_at, record.value()),
    };
    Ok((answer, record.value().len()))
}

/// By the rules of every record; what they take, the client has refused for its form.
fn reason(odd: &OddMatch) -> DeadLetterReason {
    match contracts::find_match_id_in_bytes(&odd.payload) {
        Err(NoMatchId::NotUtf8 { .. }) => DeadLetterReason::NotUtf8,
        Err(NoMatchId::NotJson(_)) => DeadLetterReason::NotJson,
        Err(NoMatchId::NotAnObject) => DeadLetterReason::NotAnObject,
        Err(NoMatchId::Twice) => DeadLetterReason::MatchIdTwice,
        Err(NoMatchId::Missing) => DeadLetterReason::MatchIdMissing,
        Err(NoMatchId::Invalid(_)) | Ok(_) => DeadLetterReason::MatchIdInvalid,
    }
}

fn done(part: SequencePart, next: u64, page: &Page) -> Option<f64> {
    let share = |reached: i64, from: i64, to: i64| {
        let (whole, reached) = (to.saturating_sub(from), reached.saturating_sub(from));
        #[expect(clippy::cast_precision_loss, reason = "it is shown in percent")]
        let share = reached as f64 / whole.max(1) as f64;
        share.clamp(0.0, 1.0)
    };
    match part {
        SequencePart::Numbers { from, to } => {
            let [next, from, to] = [next, from, to].map(u64::cast_signed);
            Some(share(next, from, to))
        }
        SequencePart::Times(Span { from, to }) => {
            let ends = page.matches.iter().flatten().filter_map(ended);
            let [from, to] = [from, to].map(Timestamp::as_unix_ms);
            Some(share(ends.max()?.as_unix_ms(), from, to))
        }
    }
}

pub(crate) fn write_position(next: u64) -> String {
    format!("next={next}")
}

pub(crate) fn read_position(text: &str) -> Option<u64> {
    text.strip_prefix("next=")?.parse().ok()
}
