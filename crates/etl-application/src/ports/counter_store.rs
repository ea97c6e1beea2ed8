//! Where counters are built.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{CountingRules, Day, LeftOut, Patches, Timestamp};
use thiserror::Error;

/// Counters by day, made from the facts and swapped in a whole day at a time.
#[async_trait]
pub trait CounterStore: Send + Sync {
    /// Days whose mark is higher than what one of their counter tables was built
    /// from, the oldest first; at most `count_max`.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn dirty_days(&self, count_max: usize) -> Result<Vec<DirtyDay>, WarehouseError>;

    /// Builds the counters of a day from its facts, checks that they add up, and
    /// swaps them in: readers see the old day or the new one, nothing between.
    ///
    /// Notes the day's mark before it reads the first fact, and writes it as
    /// `build` into every row: what is marked meanwhile leaves the day dirty.
    /// Cancel safe, and safe beside another builder of the same day.
    ///
    /// # Errors
    /// [`BuildError::DoesNotAddUp`] swaps nothing in.
    async fn build_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<DayBuild, BuildError>;

    /// Counts a day again and compares; every difference by itself, at most 100
    /// of them. Changes nothing.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn verify_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<Vec<Difference>, WarehouseError>;

    /// What is known of the days in a range, both included, that have facts; the
    /// earliest first.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn days(&self, from: Day, to: Day) -> Result<Vec<DayState>, WarehouseError>;
}

/// A day whose counters are behind its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirtyDay {
    /// Which day.
    pub day: Day,
    /// When it was marked last, in nanoseconds of the store's clock.
    pub mark: u64,
    /// The mark it was built from last; none if never.
    pub build: Option<u64>,
}

/// A day as it was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayBuild {
    /// Which day.
    pub day: Day,
    /// The mark that the builder saw before it read the facts.
    pub mark: u64,
    /// All matches of the day: those counted and those left out.
    pub matches: u64,
    /// How many are in the counters.
    pub counted: u64,
    /// How many are not, by reason; reasons without a match are absent.
    pub left_out: BTreeMap<LeftOut, u64>,
}

/// What is known of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayState {
    /// Its last build; none if it was never built.
    pub build: Option<DayBuild>,
    /// When that was swapped in.
    pub built_at: Option<Timestamp>,
    /// Which day.
    pub day: Day,
    /// Its mark, if that is higher than its build.
    pub dirty_since: Option<Timestamp>,
}

/// One thing that is not as the facts say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which day.
    pub day: Day,
    /// Which counter, in words: the table and its key.
    pub what: String,
    /// What the facts say.
    pub expected: u64,
    /// What the counters say.
    pub found: u64,
}

/// The warehouse does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the warehouse does not answer: {detail}")]
pub struct WarehouseError {
    /// What it says.
    pub detail: String,
}

/// Why a day was not built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The sums that must hold do not; nothing was swapped in.
    #[error("{} differences, the first: {}", .0.len(), first(.0))]
    DoesNotAddUp(Vec<Difference>),
    /// The warehouse does not answer.
    #[error(transparent)]
    Unavailable(#[from] WarehouseError),
}

fn first(differences: &[Difference]) -> String {
    differences.first().map_or_else(String::new, |one| {
        let Difference {
            day,
            what,
            expected,
            found,
        } = one;
        format!("{day}, {what}: expected {expected}, found {found}")
    })
}
