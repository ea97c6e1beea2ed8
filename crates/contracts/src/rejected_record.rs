//! Why a consumer sets a record aside.

use domain::MatchId;
use thiserror::Error;

use crate::{NoMatchId, shown};

/// How large the value of a record may be; whoever reads sets a larger one aside
/// and looks no further.
pub const RECORD_SIZE_MAX_BYTES: usize = 1024 * 1024;

/// Why a record is not what its topic promises. It never becomes so by waiting:
/// it is set aside as a dead letter, and its neighbours go on.
///
/// [`reason`](Self::reason) is the word for headers and metrics; the text of the
/// error is the detail for people, a line that shows little of what the record holds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RejectedRecord {
    /// The header that says what the record is, is not there.
    #[error("the record has no header schema")]
    SchemaMissing,
    /// A schema, or a version of it, that this reader does not know.
    #[error("the schema is {found}, this reader knows {known}")]
    SchemaUnknown {
        /// The schema of the record, shortened.
        found: String,
        /// The schema of the reader.
        known: &'static str,
    },
    /// The value holds no match id.
    #[error(transparent)]
    NoMatchId(#[from] NoMatchId),
    /// The key is not the match id in decimal, so the record may be in the wrong partition.
    #[error("{}, and match_id {id}", describe_key(key.as_deref()))]
    KeyDiffers {
        /// The key, shortened, if the record has one.
        key: Option<String>,
        /// The id that the value holds.
        id: MatchId,
    },
    /// The start of the match is not there, no time, or none at which a match can have started.
    #[error("start_time {0}")]
    StartTimeInvalid(String),
    /// Something else is not what it has to be.
    #[error("{field} {detail}")]
    FieldInvalid {
        /// Which, such as `players[3].kills`; for a header its name.
        field: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl RejectedRecord {
    /// The words of all reasons, in the order in which a record is judged.
    pub const REASONS: [&'static str; 11] = [
        "schema_missing",
        "schema_unknown",
        "not_utf8",
        "not_json",
        "not_an_object",
        "match_id_twice",
        "match_id_missing",
        "match_id_invalid",
        "key_differs",
        "start_time_invalid",
        "field_invalid",
    ];

    /// The word for the reason, one of [`REASONS`](Self::REASONS).
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::SchemaMissing => "schema_missing",
            Self::SchemaUnknown { .. } => "schema_unknown",
            Self::NoMatchId(why) => why.reason(),
            Self::KeyDiffers { .. } => "key_differs",
            Self::StartTimeInvalid(_) => "start_time_invalid",
            Self::FieldInvalid { .. } => "field_invalid",
        }
    }
}

/// Checks that the key of a record is the id that its value holds.
pub(crate) fn judge_key(key: Option<&[u8]>, id: MatchId) -> Result<(), RejectedRecord> {
    if key.is_some_and(|key| key == id.to_string().as_bytes()) {
        return Ok(());
    }
    Err(RejectedRecord::KeyDiffers {
        key: key.map(shown::bytes),
        id,
    })
}

fn describe_key(key: Option<&str>) -> String {
    match key {
        None => "the record has no key".to_owned(),
        Some(key) => format!("the key is {key:?}"),
    }
}
