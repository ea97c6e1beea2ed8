//! What is consumed, and what is wrong with what cannot be.

use std::fmt;

use bytes::Bytes;
use domain::{MatchId, MatchSummary};

use crate::ports::TopicPartition;

/// A record as consumed, judged by whoever knows its schema.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it is from.
    pub from: TopicPartition,
    /// Its place there.
    pub offset: i64,
    /// What it says, or what is wrong with it.
    pub content: Result<Content, Invalid>,
    /// Its bytes, for the case that it is set aside.
    pub raw: RawRecord,
}

/// The bytes of a record.
#[derive(Debug, Clone, Default)]
pub struct RawRecord {
    /// Its key; none is not the same as an empty one.
    pub key: Option<Bytes>,
    /// Its value; none is not the same as an empty one.
    pub value: Option<Bytes>,
    /// Its headers, in their order.
    pub headers: Vec<(String, Bytes)>,
}

impl RawRecord {
    /// The bytes of its value; where there is none, none.
    #[must_use]
    pub fn value_bytes(&self) -> &[u8] {
        self.value.as_deref().unwrap_or_default()
    }
}

/// What a record says.
#[derive(Debug, Clone)]
pub enum Content {
    /// A match is over, and somebody knows something of it.
    Summary(Box<Answer>),
    /// A match is over; whether anybody knows more has to be found out.
    Id(MatchId),
}

/// What one source knew of a match at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it knew.
    pub summary: MatchSummary,
    /// Its name, such as `opendota_pages`.
    pub source: Box<str>,
    /// The time at which its answer had been fetched, in milliseconds, and a
    /// checksum of what it said. Of two rows with one key the higher one counts.
    pub version: u64,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Which rule it breaks.
    pub reason: DeadLetterReason,
    /// What exactly, for the person who reads it.
    pub detail: String,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// Why a record is a dead letter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DeadLetterReason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DeadLetterReason {
            /// Every reason, in the order of this list.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in records, metrics and answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The reason of a word; none if there is none.
            #[must_use]
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
            }
        }
    };
}

reasons! {
    /// It does not say its schema.
    SchemaMissing = "schema_missing",
    /// Its schema, or its version of it, is none that is read here.
    SchemaUnknown = "schema_unknown",
    /// Its value is no UTF-8 text.
    NotUtf8 = "not_utf8",
    /// Its value is no JSON.
    NotJson = "not_json",
    /// Its value is JSON, and no object.
    NotAnObject = "not_an_object",
    /// It names no match.
    MatchIdMissing = "match_id_missing",
    /// What it names is no match id.
    MatchIdInvalid = "match_id_invalid",
    /// It names its match twice.
    MatchIdTwice = "match_id_twice",
    /// Its key names another match than its value.
    KeyDiffers = "key_differs",
    /// It does not say when the match began, or not a time that can be.
    StartTimeInvalid = "start_time_invalid",
    /// Another field does not hold what it must; the detail names it.
    FieldInvalid = "field_invalid",
    /// The warehouse does not take it.
    RefusedByWarehouse = "refused_by_warehouse",
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
