//! The record of a match id: what the topic of raw match ids holds.

use std::io::Write as _;

use domain::{MatchId, Timestamp};
use serde::Deserialize;

use crate::{
    header::{DecodeError, Header, Headers, RECEIVED_AT, SCHEMA, SOURCE},
    no_match_id::find_match_id_in_bytes,
    rejected_record::{RejectedRecord, judge_key},
    wire_time,
};

/// `{"match_id":`, the largest id and `}`.
const VALUE_SIZE_MAX_BYTES: usize = PREFIX.len() + 19 + 1;
const PREFIX: &[u8] = b"{\"match_id\":";

/// A match id, with where and when it was received.
///
/// On the wire: the id in decimal as key, `{"match_id":N}` as value, and the
/// headers `schema`, `source` and `received_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchIdRecord<'a> {
    /// Which match.
    pub id: MatchId,
    /// The feed that told of it.
    pub source: &'a str,
    /// When its frame had been read from the socket, to the millisecond.
    pub received_at: Timestamp,
}

/// What a consumer needs of a [`MatchIdRecord`]: the id, and the rest if it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedMatchId<'a> {
    /// Which match.
    pub id: MatchId,
    /// The feed that told of it, if the record says so readably.
    pub source: Option<&'a str>,
    /// When its frame had been read, if the record says so readably.
    pub received_at: Option<Timestamp>,
}

/// A [`MatchIdRecord`] as bytes.
#[derive(Debug)]
pub struct EncodedMatchId<'a> {
    /// The value; the key is the piece of it that is the id.
    value: [u8; VALUE_SIZE_MAX_BYTES],
    value_size_bytes: usize,
    source: &'a str,
    received_at: String,
}

impl<'a> MatchIdRecord<'a> {
    /// The name and version of this record.
    pub const SCHEMA: &'static str = "match_ids_raw/1";

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> EncodedMatchId<'a> {
        let mut value = [0; VALUE_SIZE_MAX_BYTES];
        let mut rest = &mut value[..];
        rest.write_all(PREFIX)
            .and_then(|()| write!(rest, "{}}}", self.id))
            .expect("the buffer holds the largest id");
        let value_size_bytes = VALUE_SIZE_MAX_BYTES - rest.len();
        EncodedMatchId {
            value,
            value_size_bytes,
            source: self.source,
            received_at: wire_time::encode(self.received_at),
        }
    }

    /// Reads a record back. The key is for partitioning and says nothing new.
    ///
    /// # Errors
    /// [`DecodeError`], naming the header or the value that is not as the schema says.
    pub fn decode(
        value: &[u8],
        headers: impl IntoIterator<Item = Header<'a>>,
    ) -> Result<Self, DecodeError> {
        let headers = Headers::try_new(headers, Self::SCHEMA)?;
        let received_at = headers.text(RECEIVED_AT)?;
        Ok(Self {
            id: Self::decode_id(value)?,
            source: headers.text(SOURCE)?,
            received_at: wire_time::decode(received_at.as_bytes())?,
        })
    }

    /// Reads a record of anybody's, and says why it has to be set aside.
    ///
    /// # Errors
    /// The first rule that is broken, in this order: the schema; the value as
    /// [`find_match_id_in_bytes`] judges it; the key.
    pub fn judge(
        key: Option<&[u8]>,
        value: &[u8],
        headers: impl IntoIterator<Item = Header<'a>>,
    ) -> Result<ReceivedMatchId<'a>, RejectedRecord> {
        let headers = Headers::judge(headers, Self::SCHEMA)?;
        let id = find_match_id_in_bytes(value)?;
        judge_key(key, id)?;
        Ok(ReceivedMatchId {
            id,
            source: headers.text(SOURCE).ok(),
            received_at: headers
                .find(RECEIVED_AT)
                .and_then(|received_at| wire_time::decode(received_at).ok()),
        })
    }

    /// Reads the id alone, for whoever needs nothing else.
    ///
    /// # Errors
    /// [`DecodeError::ValueInvalid`] when `value` holds no match id.
    pub fn decode_id(value: &[u8]) -> Result<MatchId, DecodeError> {
        #[derive(Deserialize)]
        struct Value {
            match_id: i64,
        }
        let invalid = |detail: String| DecodeError::ValueInvalid {
            schema: Self::SCHEMA,
            detail,
        };
        let value: Value = serde_json::from_slice(value).map_err(|e| invalid(e.to_string()))?;
        MatchId::try_new(value.match_id).map_err(|e| invalid(e.to_string()))
    }
}

impl EncodedMatchId<'_> {
    /// The id in decimal.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.value[PREFIX.len()..self.value_size_bytes - 1]
    }

    /// The id as JSON.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value[..self.value_size_bytes]
    }

    /// The headers, in the order they are sent.
    #[must_use]
    pub fn headers(&self) -> [Header<'_>; 3] {
        [
            (SCHEMA, MatchIdRecord::SCHEMA),
            (SOURCE, self.source),
            (RECEIVED_AT, &self.received_at),
        ]
        .map(|(name, value)| Header {
            name,
            value: value.as_bytes(),
        })
    }
}
