//! Why something was set aside instead of published.

use std::fmt;

/// Why a frame or record is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadLetterReason {
    /// Its bytes are not UTF-8.
    NotUtf8,
    /// Its text is not one JSON value.
    NotJson,
    /// It is JSON, but not an object.
    NotAnObject,
    /// The object has no `match_id`.
    MatchIdMissing,
    /// `match_id` is not an integer in the range of a [`MatchId`](domain::MatchId).
    MatchIdInvalid,
    /// `match_id` is given more than once, so nobody can tell which one is meant.
    MatchIdTwice,
    /// Kafka refused the record for good: to send it again would change nothing.
    RefusedByKafka,
}

impl DeadLetterReason {
    /// Every reason, in the order of [`index`](Self::index).
    pub const ALL: [Self; 7] = [
        Self::NotUtf8,
        Self::NotJson,
        Self::NotAnObject,
        Self::MatchIdMissing,
        Self::MatchIdInvalid,
        Self::MatchIdTwice,
        Self::RefusedByKafka,
    ];

    /// The word used in record headers, metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::MatchIdMissing => "match_id_missing",
            Self::MatchIdInvalid => "match_id_invalid",
            Self::MatchIdTwice => "match_id_twice",
            Self::RefusedByKafka => "refused_by_kafka",
        }
    }

    /// Its place in [`ALL`](Self::ALL), for tables with one row a reason.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_its_index() {
        for (index, reason) in DeadLetterReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index, "{reason}");
        }
    }
}
