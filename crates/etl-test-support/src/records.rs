//! Records of both topics: what they say by the contract, and those that no
//! simulated source tells of its own accord.

use bytes::Bytes;
use contracts::{Header, MatchIdRecord, MatchSummaryRecord, RejectedRecord, version};
use domain::{MatchId, MatchSummary, Timestamp};
use etl_application::{Answer, Content, DeadLetterReason, Invalid, RawRecord};
use rand::{RngExt as _, rngs::StdRng};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What a record of the topic of summaries says, or what is wrong with it.
///
/// # Errors
/// The first rule of the contract that it breaks.
pub fn judge_summary(raw: &RawRecord) -> Result<Content, Invalid> {
    let record = MatchSummaryRecord::decode(raw.key.as_deref(), raw.value_bytes(), headers(raw));
    let record = record.map_err(|rejected| invalid(&rejected))?;
    Ok(Content::Summary(Box::new(Answer {
        version: version(record.received_at, raw.value_bytes()),
        source: record.source.into(),
        summary: record.summary,
    })))
}

/// What a record of the topic of bare ids says, or what is wrong with it.
///
/// # Errors
/// The first rule of the contract that it breaks.
pub fn judge_id(raw: &RawRecord) -> Result<Content, Invalid> {
    let record = MatchIdRecord::judge(raw.key.as_deref(), raw.value_bytes(), headers(raw));
    let record = record.map_err(|rejected| invalid(&rejected))?;
    Ok(Content::Id(record.id))
}

/// A later answer of the same source that has the match a day earlier or later.
#[must_use]
pub fn moved(answer: &Answer, rng: &mut StdRng) -> RawRecord {
    let days = if rng.random_bool(0.5) { 1 } else { -1 };
    let start_ms = answer.summary.start_time.as_unix_ms() + days * DAY_MS;
    let summary = MatchSummary {
        start_time: Timestamp::from_unix_ms(start_ms),
        ..answer.summary.clone()
    };
    told(summary, &answer.source, received_ms(answer) + 2 * DAY_MS)
}

/// What somebody says who knows a start and nothing else, of a match that may be nobody else's.
///
/// # Panics
/// Never: the ids that it draws can be those of matches.
#[must_use]
pub fn thin(answer: &Answer, rng: &mut StdRng) -> RawRecord {
    let id = match rng.random_range(0..2) {
        0 => answer.summary.match_id,
        _ => MatchId::try_new(rng.random_range(1..1_000_000)).expect("it is positive"),
    };
    let summary = MatchSummary::new(id, answer.summary.start_time);
    told(summary, "thin", received_ms(answer))
}

/// The record of a bare id; one in ten has to be set aside.
#[must_use]
pub fn id(raw: i64, rng: &mut StdRng) -> RawRecord {
    let is_valid = !rng.random_bool(0.1);
    let value = if is_valid {
        format!("{{\"match_id\":{raw}}}")
    } else {
        "nothing".to_owned()
    };
    RawRecord {
        key: Some(raw.to_string().into()),
        value: Some(value.into()),
        headers: vec![("schema".to_owned(), MatchIdRecord::SCHEMA.into())],
    }
}

fn received_ms(answer: &Answer) -> i64 {
    i64::try_from(answer.version >> 16).expect("it was a time")
}

fn told(summary: MatchSummary, source: &str, received_ms: i64) -> RawRecord {
    let record = MatchSummaryRecord {
        summary,
        source,
        received_at: Timestamp::from_unix_ms(received_ms),
    };
    let encoded = record.encode();
    let headers = encoded.headers();
    let headers =
        headers.map(|header| (header.name.to_owned(), Bytes::copy_from_slice(header.value)));
    RawRecord {
        key: Some(Bytes::copy_from_slice(encoded.key())),
        value: Some(Bytes::copy_from_slice(encoded.value())),
        headers: headers.into(),
    }
}

fn headers(raw: &RawRecord) -> impl Iterator<Item = Header<'_>> {
    let headers = raw.headers.iter();
    headers.map(|(name, value)| Header { name, value })
}

fn invalid(rejected: &RejectedRecord) -> Invalid {
    let reason = DeadLetterReason::of_word(rejected.reason());
    Invalid {
        reason: reason.expect("each reason of the contract is one of loading"),
        detail: rejected.to_string(),
    }
}
