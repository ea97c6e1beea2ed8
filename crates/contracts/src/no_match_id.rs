//! The rules for a match id in JSON, the same for frames of feeds and for records.
//!
//! One object, the key `match_id` once, its value an integer token within the
//! range of a [`MatchId`]. What else the object holds is checked for syntax.

use domain::MatchId;
use thiserror::Error;

use crate::{
    json::{Document, Member, find_members},
    shown,
};

/// Why a text holds no match id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoMatchId {
    /// It is no text at all.
    #[error("no UTF-8 from byte {valid_up_to} on")]
    NotUtf8 {
        /// How many bytes are.
        valid_up_to: usize,
    },
    /// It is not one JSON value; the place and the rule it breaks.
    #[error("{0}")]
    NotJson(String),
    /// It is JSON of another kind.
    #[error("JSON, but not an object")]
    NotAnObject,
    /// The object has the key more than once, whatever its values are.
    #[error("the key match_id is given more than once")]
    Twice,
    /// The object does not have the key.
    #[error("the object has no key match_id")]
    Missing,
    /// The value is no integer token in range; what it is, shortened.
    #[error("match_id is {0}, not an integer in 1..={max}", max = i64::MAX)]
    Invalid(String),
}

impl NoMatchId {
    /// The word for the reason, in the headers of dead letters and in metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotUtf8 { .. } => "not_utf8",
            Self::NotJson(_) => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::Twice => "match_id_twice",
            Self::Missing => "match_id_missing",
            Self::Invalid(_) => "match_id_invalid",
        }
    }
}

/// Finds the match id of a JSON object.
///
/// # Errors
/// The first of these that applies: [`NotJson`](NoMatchId::NotJson),
/// [`NotAnObject`](NoMatchId::NotAnObject), [`Twice`](NoMatchId::Twice),
/// [`Missing`](NoMatchId::Missing), [`Invalid`](NoMatchId::Invalid).
pub fn find_match_id(text: &str) -> Result<MatchId, NoMatchId> {
    let [member] = find_members_of(text, &["match_id"])?;
    judge(member)
}

/// Finds the match id of a JSON object in any bytes.
///
/// # Errors
/// [`NotUtf8`](NoMatchId::NotUtf8), or as [`find_match_id`].
pub fn find_match_id_in_bytes(bytes: &[u8]) -> Result<MatchId, NoMatchId> {
    find_match_id(text(bytes)?)
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, NoMatchId> {
    str::from_utf8(bytes).map_err(|e| NoMatchId::NotUtf8 {
        valid_up_to: e.valid_up_to(),
    })
}

/// Finds the members called `names` of the object that `text` should be; what else it holds is
/// checked for syntax, and may have any size.
///
/// # Errors
/// [`NotJson`](NoMatchId::NotJson) or [`NotAnObject`](NoMatchId::NotAnObject).
pub fn find_members_of<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<[Member<'a>; N], NoMatchId> {
    match find_members(text, names) {
        Ok(Document::Object(members)) => Ok(members),
        Ok(Document::NoObject) => Err(NoMatchId::NotAnObject),
        Err(e) => Err(NoMatchId::NotJson(e.to_string())),
    }
}

/// The id that an object holds under `match_id`.
pub(crate) fn judge(member: Member<'_>) -> Result<MatchId, NoMatchId> {
    match member {
        Member::Once(value) => {
            match_id(value).ok_or_else(|| NoMatchId::Invalid(shown::value(value)))
        }
        Member::Repeated => Err(NoMatchId::Twice),
        Member::Missing => Err(NoMatchId::Missing),
    }
}

/// The id that a JSON value stands for, if it is an integer token in range.
fn match_id(value: &str) -> Option<MatchId> {
    // JSON has no leading zeros and no plus sign, so digits are all there is to an id.
    let raw = value.bytes().try_fold(0_i64, |id, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        id.checked_mul(10)?.checked_add(digit)
    })?;
    MatchId::try_new(raw).ok()
}
