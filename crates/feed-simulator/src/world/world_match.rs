//! A match of the world, with what sources tell of it.

use domain::{Match, Slot, Timestamp};

/// Bits of a sequence number that tell apart the matches which end in one second.
const SAME_SECOND_BITS: u32 = 20;

/// A whole match, and what some sources know beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorldMatch {
    /// What counts.
    pub played: Match,
    /// The group of servers it ran on.
    pub cluster: u16,
    /// The average rank of its players, unless none is shown.
    pub avg_rank_tier: Option<u8>,
    /// How many players show their rank.
    pub num_rank_tier: Option<u8>,
    /// Who left before the end, and their `leaver_status`.
    pub leaver: Option<(Slot, u8)>,
    /// Whether its replay was parsed, so that lanes and positions are known.
    pub is_parsed: bool,
}

impl WorldMatch {
    /// When it ended: from then on sources know it.
    #[must_use]
    pub fn end_time(&self) -> Timestamp {
        let end = self.played.start_time.unix_seconds() + i64::from(self.played.duration_seconds);
        Timestamp::from_unix_seconds(end)
    }

    /// Its number in the order in which matches end.
    ///
    /// Real ones are denser; these are known without looking at the other matches.
    #[must_use]
    pub fn match_seq_num(&self) -> u64 {
        let second = self.end_time().unix_seconds().unsigned_abs();
        // Ids that are equal in these bits are 20 hours apart, longer than any match.
        let low = self.played.id.get().unsigned_abs() & ((1 << SAME_SECOND_BITS) - 1);
        second << SAME_SECOND_BITS | low
    }

    /// Whether a player left before the end.
    #[must_use]
    pub fn has_leaver(&self) -> bool {
        self.leaver.is_some_and(|(_, status)| status >= 2)
    }

    /// What sources say of it after so many corrections: each turns the result and adds a second.
    #[must_use]
    pub fn corrected(mut self, corrections: u32) -> Self {
        self.played.radiant_win ^= corrections % 2 == 1;
        self.played.duration_seconds += corrections;
        self
    }
}
