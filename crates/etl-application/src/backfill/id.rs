//! What a backfill is called.

use std::fmt;
use std::str::FromStr;

use domain::Timestamp;
use thiserror::Error;
use uuid::{NoContext, Uuid};

/// The id of a backfill, a UUID of version 7: one that began later is higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackfillId(Uuid);

/// A text that is no id of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an id such as 019ad1f2-6c00-7000-8000-000000000000, as `backfill list` shows them")]
pub struct NoBackfillId;

impl BackfillId {
    /// A new one, of a backfill that begins now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let ms = u64::try_from(now.as_unix_ms()).unwrap_or(0);
        let nanoseconds = u32::try_from(ms % 1_000 * 1_000_000).unwrap_or(0);
        let at = uuid::Timestamp::from_unix(NoContext, ms / 1_000, nanoseconds);
        Self(Uuid::new_v7(at))
    }

    /// The one with this number, whoever made it.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// The number that it is.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// When it began, to the millisecond.
    #[must_use]
    pub const fn begun_at(self) -> Timestamp {
        // Its first 48 bits.
        Timestamp::from_unix_ms((self.as_u128() >> 80) as i64)
    }
}

impl fmt::Display for BackfillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BackfillId {
    type Err = NoBackfillId;

    fn from_str(text: &str) -> Result<Self, NoBackfillId> {
        Uuid::try_parse(text).map(Self).map_err(|_| NoBackfillId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_when_it_began_and_reads_as_it_is_written() {
        let at = Timestamp::from_unix_ms(1_762_626_600_123);
        let (one, other) = (BackfillId::new(at), BackfillId::new(at));
        assert_ne!(one, other);
        assert_eq!(one.begun_at(), at);
        let later = BackfillId::new(Timestamp::from_unix_ms(1_762_626_600_124));
        assert!(later > one && later > other);
        assert_eq!(one.to_string().parse(), Ok(one));
        assert_eq!(BackfillId::from_u128(one.as_u128()), one);
        for wrong in ["", "7", "019ad1f2", "list"] {
            assert_eq!(wrong.parse::<BackfillId>(), Err(NoBackfillId), "{wrong}");
        }
    }
}
