//! What can go wrong with one call.

use std::{fmt, str::FromStr};

use crate::faults::{FaultParseError, UpgradeFault};

/// Something that goes wrong with one call of the upstream.
///
/// Read from text as the faults of an upgrade are, such as `refuse:429`, `refuse:502`,
/// `accept-then-close` and `slow:3s`, or as `wrong-id`, `odd-row`, `null-row` or `empty`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// What can happen to any request. A refusal with 429 has the body of the limit of a minute,
    /// any other a page of HTML from whoever stands in front.
    Connection(UpgradeFault),
    /// The details of another match than the one asked for.
    WrongId,
    /// A page with a row in its middle whose start is a word, and a further row that is none.
    OddRow,
    /// A page with a row in its middle of which only the id is not null, and one that is null.
    NullRow,
    /// A list without rows, as if there were none.
    Empty,
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(fault) => fault.fmt(f),
            Self::WrongId => f.write_str("wrong-id"),
            Self::OddRow => f.write_str("odd-row"),
            Self::NullRow => f.write_str("null-row"),
            Self::Empty => f.write_str("empty"),
        }
    }
}

impl FromStr for CallFault {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "wrong-id" => Ok(Self::WrongId),
            "odd-row" => Ok(Self::OddRow),
            "null-row" => Ok(Self::NullRow),
            "empty" => Ok(Self::Empty),
            other => other.parse().map(Self::Connection),
        }
    }
}
