//! A warehouse in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::{
    AccountId, CountingRules, Day, HeroId, LeftOut, MatchId, Patch, Patches, SkillBracket, Slot,
    Timestamp,
};
use etl_application::backfill::{Backfill, BackfillId};
use etl_application::counters::{Cell, DayCounters, DaySums, StoredDay};
use etl_application::ports::{
    BuildError, CounterFilter, CounterStore, DayBuild, DayState, Difference, DirtyDay, FactStore,
    HeroGames, KnownMatch, PairGames, Relation, StoreError, WarehouseError, WarehouseReader, Wish,
    WishState,
};
use etl_application::{Answer, Facts, WishReason};
use health_kit::Clock;

mod backfills;
mod known;
mod patches;
mod staging;
mod wishes;

pub use staging::StagedDay;

const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// Keeps facts in maps by their key, and counts days when it is told to.
pub struct MemoryWarehouse {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// The tables. An answer stands in the map of a kind of fact if it knows all
/// that the kind needs, and with it for the row that it makes there.
#[derive(Default)]
pub(crate) struct State {
    matches: BTreeMap<MatchId, Answer>,
    sources: BTreeMap<(MatchId, Box<str>), Answer>,
    ranks: BTreeMap<MatchId, Answer>,
    players: BTreeMap<MatchId, Answer>,
    positions: BTreeMap<MatchId, Answer>,
    marks: BTreeMap<Day, u64>,
    pub(crate) days: BTreeMap<Day, StoredDay>,
    built_at: BTreeMap<Day, Timestamp>,
    backfills: BTreeMap<BackfillId, Backfill>,
    patches: Vec<Patch>,
    wishes: BTreeMap<MatchId, Wish>,
    /// Those that wait.
    wish_line: BTreeSet<wishes::Turn>,
    wish_counts: BTreeMap<(WishReason, WishState), u64>,
    calls: BTreeMap<(String, Day), u64>,
    ignores_wish_versions: bool,
    failure: Option<StoreError>,
    refused: BTreeSet<MatchId>,
    ignores_versions: bool,
}

impl MemoryWarehouse {
    /// An empty one. Marks come from the clock, and never go back.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// From now on everything fails like this; with `None` nothing does any more.
    pub fn fail_with(&self, failure: Option<StoreError>) {
        self.lock().failure = failure;
    }

    /// From now on nothing is stored together with an answer of this match.
    pub fn refuse(&self, id: MatchId) {
        self.lock().refused.insert(id);
    }

    /// How many whole matches are stored.
    #[must_use]
    pub fn matches(&self) -> usize {
        self.lock().matches.len()
    }

    /// The matches of an account, by match.
    pub(crate) fn matches_of(&self, account: AccountId) -> Vec<(MatchId, Slot, HeroId)> {
        let state = self.lock();
        let answers = state.players.values().filter(|answer| {
            // As in tables, a line of an account needs the setting of the match.
            state.matches.contains_key(&answer.summary.match_id)
        });
        let lines = answers.flat_map(|answer| {
            let lines = answer.summary.players.iter();
            lines.map(|line| (answer.summary.match_id, line))
        });
        let of_it = lines.filter(|(_, line)| line.account_id == Some(account));
        of_it
            .filter_map(|(id, line)| Some((id, line.slot, line.hero_id?)))
            .collect()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A check that failed while it held the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables, if they can be had.
    fn read(&self) -> Result<MutexGuard<'_, State>, WarehouseError> {
        let state = self.lock();
        match &state.failure {
            None => Ok(state),
            Some(failure) => Err(WarehouseError {
                detail: failure.to_string(),
            }),
        }
    }

    fn write(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        match &state.failure {
            None => Ok(state),
            Some(failure) => Err(failure.clone()),
        }
    }
}

impl State {
    fn store(&mut self, answer: &Answer) {
        let facts = Facts::of(answer);
        let id = answer.summary.match_id;
        let any = self.ignores_versions;
        replace(&mut self.sources, (id, answer.source.clone()), answer, any);
        if facts.core.is_some() {
            replace(&mut self.matches, id, answer, any);
        }
        if facts.rank.is_some() {
            replace(&mut self.ranks, id, answer, any);
        }
        if facts.players.is_some() {
            replace(&mut self.players, id, answer, any);
        }
        if facts.positions.is_some() {
            replace(&mut self.positions, id, answer, any);
        }
    }

    /// The days that rows of a match name.
    fn days_of(&self, id: MatchId) -> BTreeSet<Day> {
        let matches = self.matches.get(&id);
        self.sources_of(id).chain(matches).map(day_of).collect()
    }

    /// What each source said of a match.
    fn sources_of(&self, id: MatchId) -> impl Iterator<Item = &Answer> {
        let from = self.sources.range((id, Box::from(""))..);
        let of_it = from.take_while(move |((of, _), _)| *of == id);
        of_it.map(|(_, answer)| answer)
    }

    fn mark(&mut self, days: &BTreeSet<Day>, now: Timestamp) {
        let now = u64::try_from(now.as_unix_ms()).unwrap_or(0) * NANOSECONDS_PER_MS;
        let highest = self.marks.values().max().copied().unwrap_or(0);
        let mark = now.max(highest + 1);
        self.marks.extend(days.iter().map(|day| (*day, mark)));
    }

    /// Counts a day. A match that nobody knows whole is left out on each day
    /// that a source names for it.
    fn count(&self, day: Day, rules: &CountingRules, patches: &Patches) -> DayCounters {
        let mut counters = DayCounters::default();
        for (id, answer) in self.matches.iter().filter(|(_, one)| day_of(one) == day) {
            let found = Facts::of(answer).core.expect("it was stored for its core");
            let rank = self.ranks.get(id);
            let rank = rank.and_then(|answer| answer.summary.avg_rank_tier);
            let bracket = rank.map_or(SkillBracket::UNKNOWN, SkillBracket::of_rank_tier);
            let has_leaver = self.players.get(id);
            let has_leaver = has_leaver.is_some_and(|answer| answer.summary.has_leaver());
            let positions = self.positions.get(id);
            let positions = positions.and_then(|answer| Facts::of(answer).positions);
            let positions = positions.as_ref();
            counters.add(&found, bracket, has_leaver, positions, rules, patches);
        }
        let of_day = self.sources.iter().filter(|(_, one)| day_of(one) == day);
        let ids: BTreeSet<_> = of_day.map(|((id, _), _)| *id).collect();
        for _ in ids.iter().filter(|id| !self.matches.contains_key(id)) {
            counters.leave_out(LeftOut::Incomplete);
        }
        counters
    }

    /// What a day's counters were built from last: the lowest `build` of its rows.
    fn build_of(&self, day: Day) -> Option<u64> {
        let stored = self.days.get(&day)?;
        let noted = stored.noted.as_ref()?.mark;
        let builds = stored.builds.iter().map(|(_, build)| *build);
        builds.chain([noted]).min()
    }

    fn dirty(&self, day: Day) -> Option<DirtyDay> {
        let mark = *self.marks.get(&day)?;
        let build = self.build_of(day);
        build
            .is_none_or(|build| build < mark)
            .then_some(DirtyDay { day, mark, build })
    }

    fn filtered<'a>(
        &'a self,
        filter: &'a CounterFilter,
    ) -> impl Iterator<Item = &'a StoredDay> + 'a {
        let in_range = self.days.iter().filter(|(day, _)| {
            filter.from.is_none_or(|from| from <= **day) && filter.to.is_none_or(|to| **day <= to)
        });
        in_range.map(|(_, stored)| stored)
    }
}

fn day_of(answer: &Answer) -> Day {
    Day::of(answer.summary.start_time)
}

/// Of two rows with one key the one with the higher version stays, unless `any` may replace it.
fn replace<K: Ord>(rows: &mut BTreeMap<K, Answer>, key: K, answer: &Answer, any: bool) {
    let before = rows.get(&key).map(|before| before.version);
    if any || before.is_none_or(|before| before < answer.version) {
        rows.insert(key, answer.clone());
    }
}

fn fits(cell: &Cell, filter: &CounterFilter) -> bool {
    filter
        .patch
        .as_deref()
        .is_none_or(|patch| *patch == *cell.patch)
        && filter.bracket.is_none_or(|bracket| bracket == cell.bracket)
        && filter.game_mode.is_none_or(|mode| mode == cell.game_mode)
}

#[async_trait]
impl FactStore for MemoryWarehouse {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        let now = self.clock.now();
        let mut state = self.write()?;
        let refused = |answer: &&Answer| state.refused.contains(&answer.summary.match_id);
        if let Some(answer) = answers.iter().find(refused) {
            let detail = format!("match {} is not taken", answer.summary.match_id);
            return Err(StoreError::Refused { detail });
        }
        let mut days = BTreeSet::new();
        let mut left = BTreeSet::new();
        for answer in answers {
            let before = state.days_of(answer.summary.match_id);
            state.store(answer);
            let after = state.days_of(answer.summary.match_id);
            left.extend(before.difference(&after));
            days.extend(before);
            days.insert(day_of(answer));
        }
        state.mark(&left, now);
        Ok(days)
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.write()?.mark(days, now);
        Ok(())
    }
}

#[async_trait]
impl CounterStore for MemoryWarehouse {
    async fn dirty_days(&self, count_max: usize) -> Result<Vec<DirtyDay>, WarehouseError> {
        let state = self.read()?;
        let dirty = state.marks.keys().filter_map(|day| state.dirty(*day));
        Ok(dirty.take(count_max).collect())
    }

    async fn build_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<DayBuild, BuildError> {
        let staged = self.stage_day(day, rules, patches)?;
        Ok(self.swap_in(staged)?)
    }

    async fn verify_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<Vec<Difference>, WarehouseError> {
        let state = self.read()?;
        let counters = state.count(day, rules, patches);
        let stored = state.days.get(&day).cloned().unwrap_or_default();
        Ok(stored.differences(day, &counters))
    }

    async fn days(&self, from: Day, to: Day) -> Result<Vec<DayState>, WarehouseError> {
        let state = self.read()?;
        let facts = state.matches.values().chain(state.sources.values());
        let days: BTreeSet<_> = facts.map(day_of).collect();
        let in_range = days.into_iter().filter(|day| from <= *day && *day <= to);
        let states = in_range.map(|day| DayState {
            build: state.days.get(&day).and_then(|stored| stored.noted.clone()),
            built_at: state.built_at.get(&day).copied(),
            day,
            dirty_since: state.dirty(day).map(|dirty| {
                let ms = i64::try_from(dirty.mark / NANOSECONDS_PER_MS).unwrap_or(i64::MAX);
                Timestamp::from_unix_ms(ms)
            }),
        });
        Ok(states.collect())
    }
}

fn sums(stored: &StoredDay) -> DaySums {
    let of = |relation| {
        let pairs = stored.pairs.iter();
        let chosen = pairs.filter(|(key, _)| key.relation == relation);
        chosen.map(|(_, games)| u64::from(games.games)).sum()
    };
    let heroes = stored.heroes.values();
    DaySums {
        heroes: heroes.map(|games| u64::from(games.games)).sum(),
        against: of(Relation::Against),
        with: of(Relation::With),
    }
}

#[async_trait]
impl WarehouseReader for MemoryWarehouse {
    async fn heroes(&self, filter: &CounterFilter) -> Result<Vec<HeroGames>, WarehouseError> {
        let state = self.read()?;
        let mut sums: BTreeMap<HeroId, (u64, u64)> = BTreeMap::new();
        let counters = state.filtered(filter).flat_map(|stored| &stored.heroes);
        for (key, games) in counters.filter(|(key, _)| fits(&key.cell, filter)) {
            let (all, wins) = sums.entry(key.hero).or_default();
            *all += u64::from(games.games);
            *wins += u64::from(games.wins);
        }
        let rows = sums.into_iter();
        Ok(rows
            .map(|(hero, (games, wins))| HeroGames { hero, games, wins })
            .collect())
    }

    async fn pairs(
        &self,
        hero: HeroId,
        filter: &CounterFilter,
    ) -> Result<Vec<PairGames>, WarehouseError> {
        let state = self.read()?;
        let mut sums: BTreeMap<(Relation, HeroId), (u64, u64)> = BTreeMap::new();
        let counters = state.filtered(filter).flat_map(|stored| &stored.pairs);
        for (key, games) in counters.filter(|(key, _)| fits(&key.cell, filter)) {
            let (other, wins) = match key.relation {
                _ if key.hero == hero => (key.other, games.wins),
                // The pair seen from its other side: what one won, the other lost …
                Relation::Against if key.other == hero => (key.hero, games.games - games.wins),
                // … and allies win together.
                Relation::With if key.other == hero => (key.hero, games.wins),
                _ => continue,
            };
            let sum = sums.entry((key.relation, other)).or_default();
            sum.0 += u64::from(games.games);
            sum.1 += u64::from(wins);
        }
        let rows = sums.into_iter();
        Ok(rows
            .map(|((relation, other), (games, wins))| PairGames {
                relation,
                other,
                games,
                wins,
            })
            .collect())
    }

    async fn match_facts(&self, id: MatchId) -> Result<Vec<KnownMatch>, WarehouseError> {
        Ok(known::of(&*self.read()?, id))
    }

    async fn wish_of(&self, id: MatchId) -> Result<Option<Wish>, WarehouseError> {
        Ok(self.read()?.wish_of(id))
    }
}
