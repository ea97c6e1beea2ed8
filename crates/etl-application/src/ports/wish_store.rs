//! What is still to be asked of an upstream.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{MatchId, Timestamp};

use super::{StoreError, WarehouseError};
use crate::WishReason;

/// Where wishes are made: nothing that is consumed waits for an upstream.
#[async_trait]
pub trait WishStore: Send + Sync {
    /// Notes that more should be known of these matches.
    ///
    /// A match has one wish at most, and keeps the first: what is read again
    /// changes nothing. A wish that is for the match alone is not made for one
    /// that is known whole, and gives way to one that is for its replay.
    ///
    /// Returns when the wishes would survive the loss of this process.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn wish(&self, wishes: &[NewWish]) -> Result<(), StoreError>;
}

/// The wishes, as whoever grants them sees them.
#[async_trait]
pub trait WishQueue: Send + Sync {
    /// Wishes that wait and whose time has come: the highest priority first, of
    /// equal ones that whose time came first; at most `count_max`.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn due(&self, now: Timestamp, count_max: usize) -> Result<Vec<Wish>, WarehouseError>;

    /// Writes what became of wishes: their reasons, attempts, states and next
    /// tries, with the version that [`Wish::version_after`] says. What is there
    /// with this version or a higher one stays as it is: a wish that has been
    /// replaced since it was read, or has ended.
    ///
    /// # Errors
    /// [`StoreError`], any part of them may have been written; never
    /// [`StoreError::Refused`].
    async fn settle(&self, wishes: &[Wish]) -> Result<(), StoreError>;

    /// Ends as fetched what waits for a match alone, and whose time has come
    /// when the match is known whole already; at most `count_max` of them.
    /// Returns how many these were.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn end_known(&self, now: Timestamp, count_max: usize) -> Result<usize, StoreError>;

    /// Gives up whatever waits behind the first `waiting_max` by
    /// [`due`](Self::due)'s order, with the reason [`WishReason::Overflow`]; at
    /// most `count_max` of them. Returns how many these were.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn end_surplus(&self, waiting_max: u64, count_max: usize) -> Result<usize, StoreError>;

    /// How many wishes there are, of one moment.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn counts(&self) -> Result<WishCounts, WarehouseError>;
}

/// A wish to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewWish {
    /// Of which match.
    pub match_id: MatchId,
    /// Why.
    pub reason: WishReason,
    /// Not to be asked for before; of its second, which is rounded up.
    pub first_try: Timestamp,
}

impl NewWish {
    /// The version of its row: below that of every change, and that of one for
    /// the match below all of one for the replay. So it is the same whoever
    /// makes it and when, and nobody who comes late revives what has ended.
    #[must_use]
    pub const fn version(&self) -> u64 {
        if self.reason.is_for_the_replay() {
            FOR_THE_REPLAY
        } else {
            0
        }
    }
}

/// What a version of a wish for the replay is above all of one for the match.
const FOR_THE_REPLAY: u64 = 1 << 59;
/// Where a version says what has become of the wish. What stands below was the
/// time of its making once, in milliseconds times 65,536: there is room for that
/// until the year 2039.
const STATE_SHIFT: u32 = 57;
const STATE_MASK: u64 = 0b11 << STATE_SHIFT;
/// Where it says how often the wish has changed.
const CHANGES_MASK: u64 = 0xFFFF;

/// A wish as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Of which match.
    pub match_id: MatchId,
    /// Why.
    pub reason: WishReason,
    /// The higher one goes first.
    pub priority: u8,
    /// How often the upstream was asked in vain, or with too little to show for it.
    pub attempts: u8,
    /// What became of it.
    pub state: WishState,
    /// When it is its turn; of its second, which is rounded up.
    pub next_try: Timestamp,
    /// Of two rows of one wish the higher one counts. It says, the weightier
    /// first, whether it is for the replay, what became of it, and how often it
    /// has changed.
    pub version: u64,
}

impl Wish {
    /// The version of the row that says what has become of it since it was read.
    #[must_use]
    pub const fn version_after(&self) -> u64 {
        (self.version & !STATE_MASK) + self.state.version_step()
    }

    /// How many calls for it have come to nothing and count: changes that were
    /// no attempts.
    #[must_use]
    pub fn failures(&self) -> u64 {
        (self.version & CHANGES_MASK).saturating_sub(self.attempts.into())
    }
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WishState {
    /// It is tried when its time comes.
    Waiting,
    /// What was wished for is there.
    Fetched,
    /// Nobody has it, or there was no room to wait.
    GivenUp,
}

impl WishState {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Fetched, Self::GivenUp];

    /// The word in metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetched => "fetched",
            Self::GivenUp => "given_up",
        }
    }

    /// What a waiting wish's version grows by when this becomes of it: whatever
    /// else happens to it, one that has ended stays so, and what was fetched is
    /// not given up.
    #[must_use]
    pub const fn version_step(self) -> u64 {
        let state = match self {
            Self::Waiting => 0,
            Self::GivenUp => 1,
            Self::Fetched => 2,
        };
        (state << STATE_SHIFT) + 1
    }
}

/// How many wishes there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WishCounts(BTreeMap<(WishReason, WishState), u64>);

impl WishCounts {
    /// So many more of these.
    pub fn add(&mut self, reason: WishReason, state: WishState, count: u64) {
        *self.0.entry((reason, state)).or_default() += count;
    }

    /// All of them.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those in a state.
    #[must_use]
    pub fn of_state(&self, state: WishState) -> u64 {
        let of_it = self.0.iter().filter(|((_, one), _)| *one == state);
        of_it.map(|(_, count)| count).sum()
    }

    /// Those of a reason in a state.
    #[must_use]
    pub fn of(&self, reason: WishReason, state: WishState) -> u64 {
        self.0.get(&(reason, state)).copied().unwrap_or_default()
    }

    /// The reasons of which there are any.
    #[must_use]
    pub fn reasons(&self) -> Vec<WishReason> {
        let mut reasons: Vec<_> = self.0.keys().map(|(reason, _)| *reason).collect();
        reasons.dedup();
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_kind_then_state_then_changes() {
        let match_id = MatchId::try_new(1).expect("it is above zero");
        let made = |reason: WishReason| {
            let first_try = Timestamp::from_unix_ms(0);
            let new = NewWish {
                match_id,
                reason,
                first_try,
            };
            Wish {
                match_id,
                reason,
                priority: reason.priority(),
                attempts: 0,
                state: WishState::Waiting,
                next_try: first_try,
                version: new.version(),
            }
        };
        let after = |wish: Wish, state| {
            let wish = Wish { state, ..wish };
            Wish {
                version: wish.version_after(),
                ..wish
            }
        };
        let mut versions = Vec::new();
        for reason in [WishReason::Incomplete, WishReason::Pro] {
            let new = made(reason);
            let once = after(new, WishState::Waiting);
            let twice = after(once, WishState::Waiting);
            assert_eq!((new.failures(), twice.failures()), (0, 2));
            let attempted = Wish {
                attempts: 1,
                ..twice
            };
            assert_eq!(attempted.failures(), 1);
            let given_up = after(new, WishState::GivenUp);
            assert_eq!(
                given_up.version,
                new.version + WishState::GivenUp.version_step()
            );
            let fetched = after(given_up, WishState::Fetched);
            assert!(after(fetched, WishState::Waiting).version < given_up.version);
            versions.extend([new, once, twice, given_up, after(twice, WishState::GivenUp)]);
            versions.extend([after(new, WishState::Fetched), fetched]);
        }
        let versions: Vec<_> = versions.into_iter().map(|wish| wish.version).collect();
        assert!(
            versions.is_sorted_by(|low, high| low < high),
            "{versions:?}"
        );
        assert!(versions.iter().all(|version| *version < 1 << 60));
    }

    #[test]
    fn what_was_made_by_its_time_stays_below_what_is_fetched_or_for_the_replay() {
        let former = 2_100_000_000_000_u64 << 16;
        assert!(former < WishState::GivenUp.version_step());
        assert!(former + WishState::Fetched.version_step() < FOR_THE_REPLAY);
    }
}
