//! What every warehouse must tell those who read it, as one suite of checks.
//!
//! [`check`] takes a way to make empty warehouses, as each check wants one of its
//! own. What it stores and builds comes to a real one by the adapters of whoever
//! writes it.

mod accounts;
mod builds;
mod counting;
mod drafts;

use std::sync::Arc;

use async_trait::async_trait;
use domain::Day;
use model_application::ports::{AccountReader, CounterReader, DayToRead, Part, ReadError};
use model_application::{Tally, Weight};

use crate::PlayedMatch;

/// A warehouse under test.
#[async_trait]
pub trait Target: Send + Sync {
    /// Who reads its counters.
    fn counters(&self) -> Arc<dyn CounterReader>;

    /// Who reads the games of its accounts.
    fn accounts(&self) -> Arc<dyn AccountReader>;

    /// Stores what a source says of matches; what is stored later counts.
    async fn store(&self, matches: &[PlayedMatch]);

    /// Builds the counters of a day, by the built-in rules and patches.
    async fn build(&self, day: Day);

    /// Spoils the counters of a day that was built; says whether that is possible.
    async fn spoil(&self, day: Day, defect: Defect) -> bool;
}

/// What can be wrong with the counters of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// One row of `hero_days` is of an older build.
    HeroStale,
    /// One row of `pair_days` is of an older build.
    PairStale,
    /// All rows of `pair_days` are of an older build.
    PairsStale,
    /// `hero_days` has no row.
    HeroesMissing,
    /// `pair_days` has no row.
    PairsMissing,
}

impl Defect {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::HeroStale,
        Self::PairStale,
        Self::PairsStale,
        Self::HeroesMissing,
        Self::PairsMissing,
    ];
}

/// Checks every promise of these ports, on warehouses that are empty when `fresh`
/// gives them.
///
/// # Panics
/// When a promise is broken; the message says which.
pub async fn check<T: Target>(fresh: impl AsyncFn() -> T) {
    builds::nothing_is_nothing(&fresh().await).await;
    builds::days_are_as_they_were_built(&fresh().await).await;
    builds::the_newest_day_has_a_match_that_counts(&fresh().await).await;
    builds::another_build_is_an_error(&fresh().await).await;
    builds::a_day_that_was_never_built_is_an_error(&fresh().await).await;
    builds::a_day_without_rows_is_as_its_note_says(&fresh().await).await;
    builds::a_part_of_another_build_is_an_error(&fresh).await;
    counting::pairs_are_seen_from_the_hero_that_comes_first(&fresh().await).await;
    counting::weights_count_once_and_squared(&fresh().await).await;
    counting::sums_are_those_of_all_matches(&fresh().await).await;
    counting::patches_that_share_a_day_are_told_apart(&fresh().await).await;
    drafts::matches_that_count_are_handed_over(&fresh().await).await;
    drafts::what_is_left_out_has_its_reason(&fresh().await).await;
    drafts::a_match_is_what_was_said_last(&fresh().await).await;
    drafts::many_matches_come_once_and_in_one_order(&fresh().await).await;
    accounts::games_come_account_by_account(&fresh().await).await;
    accounts::games_are_judged(&fresh().await).await;
    accounts::a_game_is_what_was_said_last(&fresh().await).await;
    accounts::the_most_active_come_first(&fresh().await).await;
}

const PATCH: &str = "7.38";

/// The build of a day as it is now, to be read in full for that part.
async fn now_built(target: &impl Target, day: Day, weight: Weight, part: Part) -> DayToRead {
    let builds = target.counters().day_builds(day, day).await;
    let builds = builds.expect("the warehouse answers");
    assert_eq!(builds.len(), 1, "{day} was built");
    builds[0].to_read(weight, part)
}

async fn built_for_fit(target: &impl Target, day: Day) -> DayToRead {
    now_built(target, day, Weight::FULL, Part::Fit).await
}

async fn is_changed(target: &impl Target, days: &[DayToRead], changed: Day) -> bool {
    target.counters().counts(PATCH, days).await.err() == Some(ReadError::DayChanged(changed))
}

fn tally(games: u64, wins: u64) -> Tally {
    Tally::of(games, wins)
}

/// Matches of all kinds over days: both modes and another one, all ranks, a hero
/// that no list has, and some that do not count. The same each time.
#[must_use]
pub fn many(days: &[Day], per_day: i64) -> Vec<PlayedMatch> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        // Xorshift: nothing depends on how good it is.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut matches = Vec::new();
    let ids = (1..).zip(days.iter().flat_map(|day| (0..per_day).map(move |_| *day)));
    for (id, day) in ids {
        let mut played = PlayedMatch::on(day, id);
        let mut heroes = Vec::new();
        while heroes.len() < 10 {
            // 24 and 25 are not all listed, and neither is 999.
            let hero = match next(30) {
                0 => 999,
                low => u16::try_from(low).expect("it is below 30"),
            };
            if !heroes.contains(&hero) {
                heroes.push(hero);
            }
        }
        played.heroes = heroes.try_into().expect("there are ten");
        played.radiant_win = next(2) == 0;
        played.game_mode = [22, 22, 23, 4][usize::try_from(next(4)).expect("it is below 4")];
        played.rank_tier = match u8::try_from(next(9)).expect("it is below 9") {
            0 => None,
            medal => Some(10 * medal + 3),
        };
        match next(20) {
            0 => played.duration_seconds = 599,
            1 => played.lobby_type = 1,
            2 => played.leaver = Some(3),
            3 => played.accounts[4] = Some(77),
            _ => {}
        }
        matches.push(played);
    }
    matches
}
