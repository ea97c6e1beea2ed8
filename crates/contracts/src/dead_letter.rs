//! The record of a dead letter: what was set aside, and why.

use std::str;

use domain::Timestamp;

use crate::{
    header::{
        DETAIL, DecodeError, Header, Headers, REASON, RECEIVED_AT, SCHEMA, SIZE, SOURCE, invalid,
    },
    wire_time,
};

/// How much of a frame a dead letter holds. Kafka takes records of up to 1 MB
/// unless told otherwise: half of it leaves room for headers and for a batch.
pub const PAYLOAD_SIZE_MAX_BYTES: usize = 512 * 1024;

/// How much of the explanation a dead letter holds: enough for a sentence and an excerpt.
pub const DETAIL_SIZE_MAX_BYTES: usize = 1024;

/// How long the word of a reason may be.
pub const REASON_SIZE_MAX_BYTES: usize = 64;

/// A frame or record that was not published.
///
/// On the wire: no key, the frame's beginning as value, and the headers
/// `schema`, `reason`, `detail`, `source`, `received_at`, and `size` when the
/// frame was longer than the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterRecord<'a> {
    /// Which rule it broke, in a word of [`REASON_SIZE_MAX_BYTES`] at most: small
    /// letters and `_`. Which words there are, the service that writes them says.
    pub reason: &'a str,
    /// What exactly was wrong; of a longer one only the first [`DETAIL_SIZE_MAX_BYTES`] are sent.
    pub detail: &'a str,
    /// The feed it came from.
    pub source: &'a str,
    /// When its frame had been read from the socket, to the millisecond.
    pub received_at: Timestamp,
    /// The frame's beginning; of a longer one only the first [`PAYLOAD_SIZE_MAX_BYTES`] are sent.
    pub payload: &'a [u8],
    /// The length of the whole frame, at least that of the payload.
    pub size_bytes: usize,
}

/// A [`DeadLetterRecord`] as bytes.
#[derive(Debug)]
pub struct EncodedDeadLetter<'a> {
    value: &'a [u8],
    reason: &'a str,
    detail: &'a str,
    source: &'a str,
    received_at: String,
    /// Given only when the value is not the whole frame.
    size: Option<String>,
}

impl<'a> DeadLetterRecord<'a> {
    /// The name and version of this record.
    pub const SCHEMA: &'static str = "match_ids_dead_letter/1";

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> EncodedDeadLetter<'a> {
        let value = &self.payload[..self.payload.len().min(PAYLOAD_SIZE_MAX_BYTES)];
        EncodedDeadLetter {
            value,
            reason: self.reason,
            detail: &self.detail[..self.detail.floor_char_boundary(DETAIL_SIZE_MAX_BYTES)],
            source: self.source,
            received_at: wire_time::encode(self.received_at),
            size: (self.size_bytes > value.len()).then(|| self.size_bytes.to_string()),
        }
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// [`DecodeError`], naming the header that is not as the schema says.
    pub fn decode(
        value: &'a [u8],
        headers: impl IntoIterator<Item = Header<'a>>,
    ) -> Result<Self, DecodeError> {
        let headers = Headers::try_new(headers, Self::SCHEMA)?;
        let reason = headers.text(REASON)?;
        let received_at = headers.text(RECEIVED_AT)?;
        Ok(Self {
            reason: if is_word(reason) {
                reason
            } else {
                return Err(invalid(
                    REASON,
                    reason.as_bytes(),
                    "a word in small letters",
                ));
            },
            detail: headers.text(DETAIL)?,
            source: headers.text(SOURCE)?,
            received_at: wire_time::decode(received_at.as_bytes())?,
            payload: value,
            size_bytes: match headers.find(SIZE) {
                None => value.len(),
                Some(size) => str::from_utf8(size)
                    .ok()
                    .and_then(|size| size.parse().ok())
                    .ok_or_else(|| invalid(SIZE, size, "a length in bytes"))?,
            },
        })
    }
}

fn is_word(reason: &str) -> bool {
    (1..=REASON_SIZE_MAX_BYTES).contains(&reason.len())
        && reason
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl EncodedDeadLetter<'_> {
    /// The frame's beginning.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.value
    }

    /// The headers, in the order they are sent.
    #[must_use]
    pub fn headers(&self) -> Vec<Header<'_>> {
        [
            (SCHEMA, Some(DeadLetterRecord::SCHEMA)),
            (REASON, Some(self.reason)),
            (DETAIL, Some(self.detail)),
            (SOURCE, Some(self.source)),
            (RECEIVED_AT, Some(&*self.received_at)),
            (SIZE, self.size.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| {
            let value = value?.as_bytes();
            Some(Header { name, value })
        })
        .collect()
    }
}
