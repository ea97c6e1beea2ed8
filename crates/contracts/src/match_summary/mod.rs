//! The record of a summary: what one source knew of a match at one moment.
//!
//! `wire` writes the value, `decode` judges and reads it.

mod decode;
mod field;
mod wire;

use domain::{MatchSummary, Timestamp};

pub use decode::{judge_receipt, judge_start};

use crate::{
    header::{Header, RECEIVED_AT, SCHEMA, SOURCE},
    rejected_record::RejectedRecord,
    wire_time,
};

/// A summary, with where and when it was received.
///
/// On the wire: the id of the match in decimal as key, what is known of it as a
/// JSON object, and the headers `schema`, `source` and `received_at`. What is
/// not known is not there; a reader takes `null` for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchSummaryRecord<'a> {
    /// What the source knew.
    pub summary: MatchSummary,
    /// Which source, in a word of [`SOURCE_SIZE_MAX_BYTES`](Self::SOURCE_SIZE_MAX_BYTES) at most.
    pub source: &'a str,
    /// When its answer had been fetched, to the millisecond.
    pub received_at: Timestamp,
}

/// A [`MatchSummaryRecord`] as bytes.
#[derive(Debug)]
pub struct EncodedMatchSummary<'a> {
    key: String,
    value: Vec<u8>,
    source: &'a str,
    received_at: String,
}

impl<'a> MatchSummaryRecord<'a> {
    /// The name and version of this record.
    pub const SCHEMA: &'static str = "match_summary/1";

    /// How long the name of a source may be.
    pub const SOURCE_SIZE_MAX_BYTES: usize = 64;

    /// Writes the record. The start of the match is written in whole seconds.
    #[must_use]
    pub fn encode(&self) -> EncodedMatchSummary<'a> {
        EncodedMatchSummary {
            key: self.summary.match_id.to_string(),
            value: wire::encode(&self.summary),
            source: self.source,
            received_at: wire_time::encode(self.received_at),
        }
    }

    /// The value of a record of `summary`, as [`encode`](Self::encode) writes it:
    /// the same words give the same bytes.
    #[must_use]
    pub fn value_of(summary: &MatchSummary) -> Vec<u8> {
        wire::encode(summary)
    }

    /// Which source a record is of, for readers who need not know what it says:
    /// key and value are not judged.
    ///
    /// # Errors
    /// What is wrong with the schema, or with the header `source`.
    pub fn source_of(
        headers: impl IntoIterator<Item = Header<'a>>,
    ) -> Result<&'a str, RejectedRecord> {
        decode::source_of(headers)
    }

    /// Reads a record back. A record without a value has none of its bytes.
    ///
    /// Fields and headers that are not known are ignored. An integer may be
    /// written as a float without a fraction, except for `match_id`. An account
    /// id of 0 or 4294967295 is that of an anonymous player, and hero 0 none.
    ///
    /// # Errors
    /// The first rule that is broken, in this order: the schema; the value as
    /// [`find_match_id_in_bytes`](crate::find_match_id_in_bytes) judges it; the
    /// key; the headers `source` and `received_at` (`field_invalid`);
    /// `start_time`; the other fields in the order in which they are written.
    pub fn decode(
        key: Option<&[u8]>,
        value: &[u8],
        headers: impl IntoIterator<Item = Header<'a>>,
    ) -> Result<Self, RejectedRecord> {
        decode::decode(key, value, headers)
    }

    /// Reads a line of a file, which is a value and may say in a further field,
    /// `received_at`, when the answer of `source` had been fetched.
    ///
    /// A line that does not say so counts as fetched when its match ended, or
    /// when it began if the end is not known: nobody has fetched it earlier, so
    /// whatever was fetched from somewhere else comes after it, and the same
    /// line gives the same record whenever it is read and from whichever copy.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), without headers and key. `read_at` is now:
    /// without `received_at` a match starts at most a day after it.
    pub fn decode_line(
        line: &[u8],
        source: &'a str,
        read_at: Timestamp,
    ) -> Result<Self, RejectedRecord> {
        decode::decode_line(line, source, read_at)
    }
}

impl EncodedMatchSummary<'_> {
    /// The id of the match in decimal.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// What is known, as JSON.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The headers, in the order they are sent.
    #[must_use]
    pub fn headers(&self) -> [Header<'_>; 3] {
        [
            (SCHEMA, MatchSummaryRecord::SCHEMA),
            (SOURCE, self.source),
            (RECEIVED_AT, &self.received_at),
        ]
        .map(|(name, value)| Header {
            name,
            value: value.as_bytes(),
        })
    }
}
