//! What every warehouse must do, as one suite of checks.
//!
//! [`check`] takes a way to make empty warehouses, as most checks want one of
//! their own. A target also says what no port tells, and lets the suite plant
//! defects that a warehouse must find in itself.

mod backfilling;
mod backfills;
mod counting;
mod days;
mod order;
mod patches;
mod reading;
mod replacing;
mod verifying;
mod wishing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use domain::{AccountId, CountingRules, Day, HeroId, MatchId, Patches, Slot, Timestamp};
use etl_application::Answer;
use etl_application::ports::{
    BackfillStore, CallMemory, CounterFilter, CounterStore, DayBuild, FactStore, HeroGames,
    KnownMatch, NewWish, PairGames, PatchStore, WarehouseReader, WishQueue, WishStore,
};

use crate::MemoryWarehouse;

/// A warehouse under test.
#[async_trait]
pub trait Target: Send + Sync {
    /// Where facts are kept.
    fn facts(&self) -> Arc<dyn FactStore>;

    /// Where counters are built.
    fn counters(&self) -> Arc<dyn CounterStore>;

    /// Where wishes are made.
    fn wishes(&self) -> Arc<dyn WishStore>;

    /// Where they wait for their turn.
    fn wish_queue(&self) -> Arc<dyn WishQueue>;

    /// Wishes as somebody does who looked whether there is a wish already before
    /// there was one. Where nobody can, because looking and writing are one step,
    /// it is an ordinary wish.
    async fn wish_late(&self, wish: NewWish) {
        let made = self.wishes().wish(&[wish]).await;
        made.expect("the warehouse takes it");
    }

    /// What is remembered of calls.
    fn calls(&self) -> Arc<dyn CallMemory>;

    /// Where backfills are kept.
    fn backfills(&self) -> Arc<dyn BackfillStore>;

    /// Where patches are kept.
    fn patches(&self) -> Arc<dyn PatchStore>;

    /// What is asked for people.
    fn reader(&self) -> Arc<dyn WarehouseReader>;

    /// The matches of an account as `player_matches` has them, ordered by match.
    async fn player_matches(&self, account: AccountId) -> Vec<(MatchId, Slot, HeroId)>;

    /// What `position_days` has of a day, one row for all patches, brackets and
    /// modes, ordered by hero, lane and position.
    async fn position_games(&self, day: Day) -> Vec<PositionGames>;

    /// Plants a defect into the counters of a day that was built; says whether
    /// it can be there at all.
    async fn tamper(&self, day: Day, defect: Defect) -> bool;
}

/// Hero, lane and position, with games and wins.
pub type PositionGames = (u16, u8, u8, u32, u32);

/// What can be wrong with counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A row of `hero_days` is missing.
    HeroMissing,
    /// A row of `position_days` is missing.
    PositionMissing,
    /// A row of `pair_days` is missing.
    PairMissing,
    /// A row of `hero_days` counts twice.
    HeroDoubled,
    /// A row of `pair_days` counts twice.
    PairDoubled,
    /// A row of `hero_days` stands with the day after.
    WrongDay,
    /// A row of `hero_days` has the patch `6.66`.
    WrongPatch,
    /// A row of `pair_days` has one win less, or none has any.
    WinsWrong,
    /// A row of `hero_days` has a build that is lower by one.
    StaleBuild,
    /// All rows of `position_days` have a build that is lower by one.
    PositionsStale,
    /// The note of the build says one match more.
    NotesWrong,
    /// The note of the build is missing.
    NoteMissing,
    /// And all rows of `pair_days` with it.
    NoteAndPairsMissing,
    /// All rows and the note are missing.
    EverythingMissing,
}

impl Defect {
    /// Every one of them.
    pub const ALL: [Self; 14] = [
        Self::HeroMissing,
        Self::PositionMissing,
        Self::PairMissing,
        Self::HeroDoubled,
        Self::PairDoubled,
        Self::WrongDay,
        Self::WrongPatch,
        Self::WinsWrong,
        Self::StaleBuild,
        Self::PositionsStale,
        Self::NotesWrong,
        Self::NoteMissing,
        Self::NoteAndPairsMissing,
        Self::EverythingMissing,
    ];
}

/// Checks every promise of these ports, on warehouses that are empty when
/// `fresh` gives them.
///
/// # Panics
/// When a promise is broken; the message says which.
pub async fn check<T: Target>(fresh: impl AsyncFn() -> T) {
    order::any_order_and_repetition_gives_the_same(&fresh).await;
    order::building_beside_storing_ends_exact(&fresh().await).await;
    replacing::the_higher_version_stays(&fresh().await).await;
    replacing::a_source_that_knows_less_takes_nothing_away(&fresh().await).await;
    replacing::rank_and_players_of_different_sources_survive(&fresh().await).await;
    replacing::positions_are_kept_from_who_does_not_know_them(&fresh().await).await;
    replacing::a_corrected_result_reaches_the_counters(&fresh().await).await;
    replacing::a_corrected_start_moves_the_match(&fresh().await).await;
    replacing::a_day_that_a_match_left_is_not_forgotten(&fresh().await).await;
    days::a_day_is_dirty_from_its_mark_to_its_build(&fresh().await).await;
    days::a_day_without_a_note_is_dirty(&fresh().await).await;
    days::dirty_days_come_oldest_first_and_bounded(&fresh().await).await;
    days::days_with_facts_say_how_they_are(&fresh().await).await;
    days::nothing_is_nothing(&fresh().await).await;
    counting::what_is_left_out_has_its_reason(&fresh().await).await;
    counting::patches_and_modes_are_kept_apart(&fresh().await).await;
    counting::positions_are_counted_where_they_are_known(&fresh().await).await;
    counting::a_match_has_the_bracket_of_whoever_knew_it(&fresh().await).await;
    reading::counters_are_filtered(&fresh().await).await;
    reading::pairs_are_seen_from_both_sides(&fresh().await).await;
    reading::what_was_stored_is_read(&fresh().await).await;
    reading::matches_are_found_by_account(&fresh().await).await;
    patches::a_list_is_kept_as_a_whole(&fresh().await).await;
    backfills::a_row_is_read_as_it_was_set_down(&fresh().await).await;
    backfills::the_higher_version_stays(&fresh().await).await;
    backfills::the_newest_come_first_and_bounded(&fresh().await).await;
    backfilling::whoever_dies_when_the_facts_are_those_of_one_run(&fresh).await;
    wishing::wishes_are_made_once(&fresh().await).await;
    wishing::a_wish_for_a_replay_takes_the_place_of_one_for_the_match(&fresh().await).await;
    wishing::wishes_come_by_priority_and_time(&fresh().await).await;
    wishing::a_wish_is_settled(&fresh().await).await;
    wishing::what_has_ended_stays_so_whoever_comes_late(&fresh().await).await;
    wishing::what_became_known_ends_without_a_call(&fresh().await).await;
    wishing::there_is_no_room_for_more_than_so_many(&fresh().await).await;
    wishing::calls_are_remembered_by_day(&fresh().await).await;
    verifying::planted_defects_are_found(&fresh).await;
}

/// All that a warehouse says, for comparison.
#[derive(Debug, PartialEq)]
struct Seen {
    known: BTreeMap<MatchId, Vec<KnownMatch>>,
    heroes: Vec<HeroGames>,
    pairs: BTreeMap<HeroId, Vec<PairGames>>,
    days: BTreeMap<Day, Option<Built>>,
}

/// A build without its mark, which is a matter of the clock.
type Built = (u64, u64, BTreeMap<domain::LeftOut, u64>);

fn built(build: DayBuild) -> Built {
    (build.matches, build.counted, build.left_out)
}

impl Seen {
    /// The least part that differs is shown: all of it fills pages.
    fn expect_same(&self, expected: &Self, because: &str) {
        for (id, rows) in &expected.known {
            assert_eq!(self.known.get(id), Some(rows), "match {id}: {because}");
        }
        assert_eq!(self.days, expected.days, "{because}");
        assert_eq!(self.heroes, expected.heroes, "{because}");
        for (hero, rows) in &expected.pairs {
            assert_eq!(self.pairs.get(hero), Some(rows), "hero {hero}: {because}");
        }
        assert!(self == expected, "{because}");
    }
}

async fn see(target: &dyn Target, ids: impl IntoIterator<Item = MatchId>) -> Seen {
    let reader = target.reader();
    let everything = CounterFilter::default();
    let mut known = BTreeMap::new();
    for id in ids {
        let rows = reader.match_facts(id).await;
        known.insert(id, rows.expect("the warehouse answers"));
    }
    let heroes = heroes(target, &everything).await;
    let mut pairs = BTreeMap::new();
    for counted in &heroes {
        let rows = reader.pairs(counted.hero, &everything).await;
        pairs.insert(counted.hero, rows.expect("the warehouse answers"));
    }
    let (first, last) = (
        Day::from_days_since_epoch(0),
        Day::from_days_since_epoch(65_535),
    );
    let states = target.counters().days(first, last).await;
    let states = states.expect("the warehouse answers").into_iter();
    let days = states
        .map(|state| (state.day, state.build.map(built)))
        .collect();
    Seen {
        known,
        heroes,
        pairs,
        days,
    }
}

async fn heroes(target: &dyn Target, filter: &CounterFilter) -> Vec<HeroGames> {
    let heroes = target.reader().heroes(filter).await;
    heroes.expect("the warehouse answers")
}

/// Stores, and marks the days that this touches.
async fn load(target: &dyn Target, answers: &[Answer]) -> BTreeSet<Day> {
    let days = store(target, answers).await;
    let marked = target.facts().mark_dirty(&days).await;
    marked.expect("the warehouse takes marks");
    days
}

async fn store(target: &dyn Target, answers: &[Answer]) -> BTreeSet<Day> {
    let stored = target.facts().store(answers).await;
    stored.expect("the warehouse takes answers")
}

async fn build(target: &dyn Target, day: Day) -> DayBuild {
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    let build = target.counters().build_day(day, &rules, &patches).await;
    build.expect("every day adds up")
}

/// Builds until nothing is dirty, which is after one round when nobody marks beside it.
async fn build_all(target: &dyn Target) {
    const ROUNDS_MAX: usize = 10;
    for _ in 0..ROUNDS_MAX {
        let dirty = dirty(target).await;
        if dirty.is_empty() {
            return;
        }
        for day in dirty {
            build(target, day).await;
        }
    }
    panic!("days are dirty still, although they were built and nobody marks them");
}

async fn dirty(target: &dyn Target) -> Vec<Day> {
    let dirty = target.counters().dirty_days(1000).await;
    let dirty = dirty.expect("the warehouse answers").into_iter();
    dirty.map(|one| one.day).collect()
}

fn day(started: i64) -> Day {
    Day::of(Timestamp::from_unix_seconds(started))
}

#[async_trait]
impl Target for Arc<MemoryWarehouse> {
    fn facts(&self) -> Arc<dyn FactStore> {
        Arc::clone(self) as _
    }

    fn counters(&self) -> Arc<dyn CounterStore> {
        Arc::clone(self) as _
    }

    fn wishes(&self) -> Arc<dyn WishStore> {
        Arc::clone(self) as _
    }

    fn patches(&self) -> Arc<dyn PatchStore> {
        Arc::clone(self) as _
    }

    fn backfills(&self) -> Arc<dyn BackfillStore> {
        Arc::clone(self) as _
    }

    fn wish_queue(&self) -> Arc<dyn WishQueue> {
        Arc::clone(self) as _
    }

    fn calls(&self) -> Arc<dyn CallMemory> {
        Arc::clone(self) as _
    }

    fn reader(&self) -> Arc<dyn WarehouseReader> {
        Arc::clone(self) as _
    }

    async fn player_matches(&self, account: AccountId) -> Vec<(MatchId, Slot, HeroId)> {
        self.matches_of(account)
    }

    async fn position_games(&self, day: Day) -> Vec<PositionGames> {
        let stored = self.stored_day(day).unwrap_or_default();
        let mut sums: BTreeMap<_, (u32, u32)> = BTreeMap::new();
        for (key, games) in stored.positions {
            let sum = sums.entry((key.hero.get(), key.lane, key.position.get()));
            let (all, wins) = sum.or_default();
            *all += games.games;
            *wins += games.wins;
        }
        let rows = sums.into_iter();
        rows.map(|((hero, lane, position), (games, wins))| (hero, lane, position, games, wins))
            .collect()
    }

    async fn tamper(&self, day: Day, defect: Defect) -> bool {
        verifying::tamper_with_memory(&mut self.lock().days, day, defect)
    }
}
