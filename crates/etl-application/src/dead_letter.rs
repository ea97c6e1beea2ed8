//! What has been set aside, which of it is meant, and what of it is read again.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use domain::Timestamp;

use crate::{DeadLetterReason, RawRecord, ports::TopicPartition};

/// A dead letter, where it is kept.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The partition it is in.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// How many places have been passed with it.
    pub passed: u64,
    /// When it was set aside.
    pub set_aside_at: Timestamp,
    /// The record as it was consumed; all that there is, if the letter is not readable.
    pub record: RawRecord,
    /// What is known of it; otherwise what cannot be read of it.
    pub account: Result<LetterAccount, String>,
}

/// Why a dead letter is one, and where it had been consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterAccount {
    /// Which rule it broke.
    pub reason: DeadLetterReason,
    /// What exactly was wrong.
    pub detail: String,
    /// The partition it was in.
    pub from: TopicPartition,
    /// Its place there.
    pub offset: i64,
}

/// Chooses among dead letters; without a rule it takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only those with one of these reasons; all when there are none.
    pub reasons: Vec<DeadLetterReason>,
    /// Only those set aside then or later.
    pub since: Option<Timestamp>,
    /// Only those set aside before then.
    pub until: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// Whether `letter` is meant.
    #[must_use]
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let account = letter.account.as_ref();
        let at = letter.set_aside_at;
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
    /// The same record was set aside at two places of its topic.
    CameBack,
    /// The same record is sent already.
    Repeated,
    /// It does not say where it is from.
    Unreadable,
    /// Nobody would read it there.
    TopicNotRead,
}

impl NotRedriven {
    /// Every reason.
    pub const ALL: [Self; 4] = [
        Self::CameBack,
        Self::Repeated,
        Self::Unreadable,
        Self::TopicNotRead,
    ];
}

impl fmt::Display for NotRedriven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CameBack => {
                "came back from an earlier redrive, or written twice; --again sends them once"
            }
            Self::Repeated => "the same as one that is sent",
            Self::Unreadable => "no dead letters of this service",
            Self::TopicNotRead => "of a topic that this service does not read",
        })
    }
}

/// Sees to it that nothing is redriven in a circle.
///
/// A record is sent as it was, so nothing on it says that it was sent. What is
/// set aside again stands at another place of its topic, though: a record that
/// has been at two places is sent no more, unless the user says so.
pub struct Redrive {
    /// Whether what came back is sent again all the same.
    again: bool,
    /// Which topics are read.
    topics: Vec<String>,
    /// Of each record the hash of its first place, and whether it has been at
    /// another one. A hash of 64 bits is enough to tell a billion records
    /// apart, and an error costs no more than a skipped letter.
    known: HashMap<u64, (u64, bool)>,
    sent: HashSet<u64>,
    hasher: RandomState,
}

impl Redrive {
    /// So many records are remembered, in about 150 MB.
    pub const RECORDS_MAX: usize = 2_000_000;

    /// Knows of no letter; with `again` it need not. Only what is of one of
    /// `topics` is read again.
    #[must_use]
    pub fn new(again: bool, topics: Vec<String>) -> Self {
        Self {
            again,
            topics,
            known: HashMap::new(),
            sent: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Takes note of a letter before the first is judged; whether there was room for that.
    pub fn note(&mut self, letter: &DeadLetter) -> bool {
        let Ok(account) = &letter.account else {
            return true;
        };
        let record = self.hash(letter, account);
        let place = self
            .hasher
            .hash_one((account.from.partition, account.offset));
        let (first, is_elsewhere) = self.known.entry(record).or_insert((place, false));
        *is_elsewhere |= *first != place;
        self.known.len() <= Self::RECORDS_MAX
    }

    /// Whether `letter` may be sent again; it is as good as sent then.
    ///
    /// # Errors
    /// The reason why not.
    pub fn judge(&mut self, letter: &DeadLetter) -> Result<(), NotRedriven> {
        let account = letter.account.as_ref();
        let account = account.map_err(|_| NotRedriven::Unreadable)?;
        if !self
            .topics
            .iter()
            .any(|topic| **topic == *account.from.topic)
        {
            return Err(NotRedriven::TopicNotRead);
        }
        let record = self.hash(letter, account);
        if !self.again
            && self
                .known
                .get(&record)
                .is_some_and(|(_, came_back)| *came_back)
        {
            return Err(NotRedriven::CameBack);
        }
        if self.sent.contains(&record) {
            return Err(NotRedriven::Repeated);
        }
        // Beyond that the same may be sent twice, which changes nothing.
        if self.sent.len() < Self::RECORDS_MAX {
            self.sent.insert(record);
        }
        Ok(())
    }

    fn hash(&self, letter: &DeadLetter, account: &LetterAccount) -> u64 {
        let RawRecord {
            key,
            value,
            headers,
        } = &letter.record;
        self.hasher
            .hash_one((&account.from.topic, key, value, headers))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;

    const TOPIC: &str = "match_summaries";

    /// A letter of a record that stood at `offset` of its topic.
    fn letter(value: &'static str, offset: i64) -> DeadLetter {
        DeadLetter {
            partition: 0,
            offset: 100 + offset,
            passed: 1,
            set_aside_at: Timestamp::from_unix_ms(1000),
            record: RawRecord {
                key: Some(Bytes::from_static(b"5")),
                value: Some(Bytes::from_static(value.as_bytes())),
                headers: vec![("schema".to_owned(), Bytes::from_static(b"match_summary/1"))],
            },
            account: Ok(LetterAccount {
                reason: DeadLetterReason::FieldInvalid,
                detail: "lobby_type".to_owned(),
                from: TopicPartition {
                    topic: Arc::from(TOPIC),
                    partition: 3,
                },
                offset,
            }),
        }
    }

    fn judged(again: bool, letters: &[DeadLetter]) -> Vec<Result<(), NotRedriven>> {
        let mut rule = Redrive::new(again, vec![TOPIC.to_owned()]);
        assert!(letters.iter().all(|letter| rule.note(letter)));
        letters.iter().map(|letter| rule.judge(letter)).collect()
    }

    #[test]
    fn what_came_back_and_what_it_came_from_are_sent_no_more() {
        let letters = [letter("a", 1), letter("b", 2), letter("a", 3)];
        let came_back = Err(NotRedriven::CameBack);
        assert_eq!(judged(false, &letters), [came_back, Ok(()), came_back]);
        let repeated = Err(NotRedriven::Repeated);
        assert_eq!(judged(true, &letters), [Ok(()), Ok(()), repeated]);
    }

    #[test]
    fn no_value_is_not_an_empty_one() {
        let mut without = letter("", 2);
        without.record.value = None;
        let letters = [letter("", 1), without];
        assert_eq!(judged(false, &letters), [Ok(()), Ok(())]);
    }

    #[test]
    fn a_record_that_was_set_aside_twice_is_sent_once() {
        // As after a crash between the letter and the position.
        let letters = [letter("a", 1), letter("a", 1)];
        assert_eq!(
            judged(false, &letters),
            [Ok(()), Err(NotRedriven::Repeated)]
        );
    }

    #[test]
    fn only_what_somebody_reads_is_sent() {
        let mut elsewhere = letter("a", 1);
        if let Ok(account) = &mut elsewhere.account {
            account.from.topic = Arc::from("payments");
        }
        let unreadable = DeadLetter {
            account: Err("it has no headers of ours".to_owned()),
            ..letter("b", 2)
        };
        assert_eq!(
            judged(false, &[elsewhere, unreadable]),
            [Err(NotRedriven::TopicNotRead), Err(NotRedriven::Unreadable)]
        );
    }

    #[test]
    fn a_filter_takes_what_fits_all_of_its_rules() {
        let check = |reasons: &[DeadLetterReason], since, until, expected| {
            let filter = DeadLetterFilter {
                reasons: reasons.to_vec(),
                since: Option::map(since, Timestamp::from_unix_ms),
                until: Option::map(until, Timestamp::from_unix_ms),
            };
            assert_eq!(filter.matches(&letter("a", 1)), expected, "{filter:?}");
        };
        check(&[], None, None, true);
        check(&[DeadLetterReason::FieldInvalid], None, None, true);
        check(&[DeadLetterReason::NotJson], None, None, false);
        check(&[], Some(1000), Some(1001), true);
        check(&[], Some(1001), None, false);
        check(&[], None, Some(1000), false);
    }
}
