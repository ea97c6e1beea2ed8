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

    /// Writes what became of wishes: their attempts, states and next tries. One
    /// that has been replaced since it was read stays as it is.
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
    /// Of two rows of one wish the higher one counts.
    pub version: u64,
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
