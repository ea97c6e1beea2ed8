//! Which dead letters are meant, and which of them go through the pipeline again.

use std::{
    collections::HashSet,
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use domain::Timestamp;

use crate::{DeadLetterReason, REDRIVE, SourceName, ports::ArchivedLetter};

/// Chooses among dead letters; without a rule it takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only those with one of these reasons; all when there are none.
    pub reasons: Vec<DeadLetterReason>,
    /// Only those received then or later.
    pub since: Option<Timestamp>,
    /// Only those received before then.
    pub until: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// Whether `letter` is meant.
    #[must_use]
    pub fn matches(&self, letter: &ArchivedLetter) -> bool {
        let account = letter.account.as_ref();
        let at = account.map_or(letter.written_at, |account| account.received_at);
        let has_reason = self.reasons.is_empty()
            || account.is_ok_and(|account| self.reasons.contains(&account.reason));
        has_reason
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
    }
}

/// Why a dead letter is not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRedriven {
    /// It has come back from a redrive, or its like has.
    CameBack,
    /// Only its beginning was kept.
    Incomplete,
    /// It is no record of ours.
    Unreadable,
    /// It is of a feed that is not known here, so nobody could judge it.
    SourceUnknown,
}

impl NotRedriven {
    /// Every reason, in the order of [`index`](Self::index).
    pub const ALL: [Self; 4] = [
        Self::CameBack,
        Self::Incomplete,
        Self::Unreadable,
        Self::SourceUnknown,
    ];

    /// Its place in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for NotRedriven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CameBack => "came back from an earlier redrive",
            Self::Incomplete => "only their beginning was kept",
            Self::Unreadable => "no records of this service",
            Self::SourceUnknown => "of a feed that this version does not know",
        })
    }
}

/// Sees to it that nothing is redriven in a circle.
///
/// What comes back from a redrive has [`REDRIVE`] as its source. Neither it
/// nor the letter that it came from, which has the same bytes, is sent again.
pub struct Redrive {
    /// Whether what came back is sent again all the same.
    again: bool,
    /// Whose letters can be judged.
    sources: Vec<SourceName>,
    /// The bytes that came back, by their hash: 64 bits are enough to tell a
    /// billion of them apart, and an error costs no more than a skipped letter.
    came_back: HashSet<u64>,
    hasher: RandomState,
}

impl Redrive {
    /// So many letters that came back are remembered, in about 36 MB.
    pub const CAME_BACK_MAX: usize = 2_000_000;

    /// Knows of nothing that came back; with `again` it will not ask. Only what
    /// is of one of `sources` can be judged anew.
    #[must_use]
    pub fn new(again: bool, sources: &[SourceName]) -> Self {
        Self {
            again,
            sources: sources.to_vec(),
            came_back: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Takes note of a letter before the first is judged; whether there was room for that.
    pub fn note(&mut self, letter: &ArchivedLetter) -> bool {
        if is_marked(letter) {
            self.came_back.insert(self.hasher.hash_one(&letter.payload));
        }
        self.came_back.len() <= Self::CAME_BACK_MAX
    }

    /// Whether `letter` may be sent again.
    ///
    /// # Errors
    /// The reason why not.
    pub fn judge(&self, letter: &ArchivedLetter) -> Result<(), NotRedriven> {
        let Ok(account) = &letter.account else {
            return Err(NotRedriven::Unreadable);
        };
        if account.size_bytes > letter.payload.len() {
            return Err(NotRedriven::Incomplete);
        }
        if !self.sources.iter().any(|it| it.as_str() == account.source) {
            return Err(NotRedriven::SourceUnknown);
        }
        let hash = self.hasher.hash_one(&letter.payload);
        let is_back = is_marked(letter) || self.came_back.contains(&hash);
        if is_back && !self.again {
            return Err(NotRedriven::CameBack);
        }
        Ok(())
    }
}

fn is_marked(letter: &ArchivedLetter) -> bool {
    let account = letter.account.as_ref();
    account.is_ok_and(|account| account.source == REDRIVE.as_str())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{REPLAY, ports::LetterAccount};

    const SOURCES: [SourceName; 3] = [SourceName::new("feed"), REPLAY, REDRIVE];

    fn letter(source: &str, payload: &'static str) -> ArchivedLetter {
        ArchivedLetter {
            partition: 0,
            offset: 0,
            written_at: Timestamp::from_unix_ms(1_000),
            passed: 1,
            payload: Bytes::from_static(payload.as_bytes()),
            account: Ok(LetterAccount {
                reason: DeadLetterReason::NotJson,
                detail: "at byte 0".to_owned(),
                source: source.to_owned(),
                received_at: Timestamp::from_unix_ms(500),
                size_bytes: payload.len(),
            }),
        }
    }

    fn unreadable() -> ArchivedLetter {
        ArchivedLetter {
            account: Err("no header schema".to_owned()),
            ..letter("feed", "foreign")
        }
    }

    #[test]
    fn a_filter_goes_by_reason_and_time_of_receipt() {
        use DeadLetterReason::{MatchIdInvalid, NotJson};
        let check = |reasons: &[DeadLetterReason], since, until, ours, foreign| {
            let filter = DeadLetterFilter {
                reasons: reasons.to_vec(),
                since: Option::map(since, Timestamp::from_unix_ms),
                until: Option::map(until, Timestamp::from_unix_ms),
            };
            assert_eq!(filter.matches(&letter("feed", "x")), ours, "{filter:?}");
            assert_eq!(filter.matches(&unreadable()), foreign, "{filter:?}");
        };
        check(&[], None, None, true, true);
        check(&[NotJson], None, None, true, false);
        check(&[MatchIdInvalid], None, None, false, false);
        check(&[MatchIdInvalid, NotJson], None, None, true, false);
        // What is unreadable has only the time it was written.
        check(&[], Some(500), None, true, true);
        check(&[], Some(501), None, false, true);
        check(&[], None, Some(500), false, false);
        check(&[], None, Some(501), true, false);
        check(&[], Some(0), Some(1_001), true, true);
    }

    #[test]
    fn what_came_back_is_not_sent_again_nor_is_what_it_came_from() {
        let (first, marked, other) = (
            letter("feed", "PING"),
            letter("redrive", "PING"),
            letter("replay", "PONG"),
        );
        let mut redrive = Redrive::new(false, &SOURCES);
        assert_eq!(redrive.judge(&first), Ok(()));
        for found in [&first, &other, &marked, &unreadable()] {
            assert!(redrive.note(found));
        }
        assert_eq!(redrive.judge(&first), Err(NotRedriven::CameBack));
        assert_eq!(redrive.judge(&marked), Err(NotRedriven::CameBack));
        assert_eq!(redrive.judge(&other), Ok(()));
        let unaware = Redrive::new(false, &SOURCES);
        assert_eq!(unaware.judge(&marked), Err(NotRedriven::CameBack));
        assert_eq!(Redrive::new(true, &SOURCES).judge(&marked), Ok(()));
    }

    #[test]
    fn what_cannot_be_whole_is_not_sent_again() {
        let redrive = Redrive::new(false, &SOURCES);
        let mut cut = letter("feed", "the beginning");
        if let Ok(account) = &mut cut.account {
            account.size_bytes += 1;
        }
        assert_eq!(redrive.judge(&cut), Err(NotRedriven::Incomplete));
        assert_eq!(redrive.judge(&unreadable()), Err(NotRedriven::Unreadable));
        let foreign = letter("steam", "whole");
        assert_eq!(redrive.judge(&foreign), Err(NotRedriven::SourceUnknown));
        for (index, reason) in NotRedriven::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index, "{reason}");
        }
    }
}
