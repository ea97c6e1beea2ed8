//! A warehouse in memory, as those who read it see it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::{AccountId, CountingRules, Day, HeroId, Patches, Slot, Timestamp};
use model_application::{
    Counter, Counts, MatchSums, Mode, Roster,
    ports::{
        AccountGame, AccountReader, Cell, CounterReader, DayBuild, DayToRead, DraftSeen,
        PatchCounts, ReadError, Trial,
    },
};

use crate::PlayedMatch;

/// Facts, and the counters of days as they were when they were built.
///
/// Built days are counted match by match, in another way than a database sums them.
#[derive(Default)]
pub struct MemoryCounters {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    matches: BTreeMap<i64, PlayedMatch>,
    days: BTreeMap<Day, Built>,
    builds: u64,
    failures: VecDeque<ReadError>,
}

struct Built {
    note: DayBuild,
    /// Those that count, with the patch that each was of.
    counted: Vec<(String, PlayedMatch)>,
}

impl MemoryCounters {
    /// Without a match.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes matches; whatever was known of one of them is forgotten.
    pub fn store(&self, matches: impl IntoIterator<Item = PlayedMatch>) {
        let mut state = self.lock();
        let stored = matches.into_iter().map(|played| (played.id, played));
        state.matches.extend(stored);
    }

    /// Builds the counters of a day from the matches as they are now, by the built-in
    /// rules and patches; at that time.
    pub fn build(&self, day: Day, at: Timestamp) {
        let (rules, patches) = (CountingRules::default(), Patches::built_in());
        let mut state = self.lock();
        let mut sums = MatchSums::default();
        let mut counted = Vec::new();
        let of_day = state.matches.values().filter(|played| played.day() == day);
        for played in of_day {
            let judged = rules.judge(&played.core(), played.leaver.is_some());
            sums.add(judged.err().map(domain::LeftOut::as_str));
            if judged.is_ok() {
                let patch = patches.at(played.start_time());
                let name = patch.map_or_else(String::new, |patch| patch.name.clone());
                counted.push((name, played.clone()));
            }
        }
        state.builds += 1;
        let note = DayBuild {
            day,
            build: state.builds,
            built_at: at,
            sums,
        };
        state.days.insert(day, Built { note, counted });
    }

    /// Lets the next calls fail, one with each of these errors.
    pub fn fail_next(&self, errors: impl IntoIterator<Item = ReadError>) {
        self.lock().failures.extend(errors);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves whole matches and days behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Result<MutexGuard<'_, State>, ReadError> {
        let mut state = self.lock();
        match state.failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }
}

impl State {
    fn newest_day(&self) -> Option<Day> {
        let counted = self.days.values().filter(|built| built.note.sums.used > 0);
        counted.map(|built| built.note.day).next_back()
    }

    fn of_build(&self, day: &DayToRead) -> Result<&Built, ReadError> {
        let built = self.days.get(&day.day);
        let built = built
            .filter(|built| (built.note.build, built.note.sums.used) == (day.build, day.counted));
        built.ok_or(ReadError::DayChanged(day.day))
    }

    fn counts(&self, patch: &str, days: &[DayToRead]) -> Result<PatchCounts, ReadError> {
        let mut heroes: BTreeSet<HeroId> = HeroId::listed().collect();
        for day in days {
            let of_patch = self.of_build(day)?.counted.iter();
            let of_patch = of_patch.filter(|(name, _)| name == patch);
            heroes.extend(of_patch.flat_map(|(_, played)| {
                let has_slice = Mode::of_game_mode(played.game_mode).is_some();
                let drafted = played.heroes.into_iter().filter(move |_| has_slice);
                drafted.filter_map(|raw| HeroId::try_new(raw).ok())
            }));
        }
        let roster = Roster::new(heroes);
        let mut counts = PatchCounts {
            roster: roster.clone(),
            cells: BTreeMap::new(),
            other_modes: BTreeMap::new(),
            other_patches: 0,
        };
        for day in days {
            let mut cells: HashMap<Cell, Counter> = HashMap::new();
            for (name, played) in &self.of_build(day)?.counted {
                if name != patch {
                    counts.other_patches += 1;
                    continue;
                }
                let seen = seen(played, &CountingRules::default());
                let Ok(seen) = seen else {
                    let key = (day.part, played.bracket());
                    *counts.other_modes.entry(key).or_default() += 1;
                    continue;
                };
                let cell = Cell {
                    part: day.part,
                    mode: seen.mode,
                    bracket: seen.bracket,
                };
                let counter = cells.entry(cell);
                let counter = counter.or_insert_with(|| Counter::new(roster.clone()));
                let added = counter.add(&seen.draft, seen.radiant_win);
                added.expect("the roster has every hero");
            }
            for (cell, counter) in cells {
                let sum = counts.cells.entry(cell);
                sum.or_insert_with(|| Counts::new(roster.clone()))
                    .merge_weighted(&counter.finish(), day.weight);
            }
        }
        Ok(counts)
    }
}

fn seen(played: &PlayedMatch, rules: &CountingRules) -> Result<DraftSeen, &'static str> {
    let has_leaver = played.leaver.is_some();
    DraftSeen::judge(&played.core(), played.bracket(), has_leaver, rules)
}

#[async_trait]
impl CounterReader for MemoryCounters {
    async fn day_builds(&self, from: Day, to: Day) -> Result<Vec<DayBuild>, ReadError> {
        let state = self.read()?;
        let days = state.days.values().map(|built| &built.note);
        let within = days.filter(|note| (from..=to).contains(&note.day));
        Ok(within.cloned().collect())
    }

    async fn newest_day(&self) -> Result<Option<Day>, ReadError> {
        Ok(self.read()?.newest_day())
    }

    async fn counts(&self, patch: &str, days: &[DayToRead]) -> Result<PatchCounts, ReadError> {
        self.read()?.counts(patch, days)
    }

    async fn drafts(
        &self,
        days: &[Day],
        during: Range<Timestamp>,
        rules: &CountingRules,
        each: &mut (dyn FnMut(DraftSeen) + Send),
    ) -> Result<MatchSums, ReadError> {
        let state = self.read()?;
        let mut sums = MatchSums::default();
        for played in state.matches.values() {
            if days.contains(&played.day()) && during.contains(&played.start_time()) {
                let seen = seen(played, rules);
                sums.add(seen.err());
                if let Ok(seen) = seen {
                    each(seen);
                }
            }
        }
        Ok(sums)
    }

    async fn check(&self) -> Result<Trial, ReadError> {
        let state = self.read()?;
        let built_at = state.days.values().map(|built| built.note.built_at);
        Ok(Trial {
            place: "memory".to_owned(),
            newest_day: state.newest_day(),
            now: built_at.max().unwrap_or(Timestamp::from_unix_ms(0)),
        })
    }
}

#[async_trait]
impl AccountReader for MemoryCounters {
    async fn account_games(
        &self,
        accounts: &[AccountId],
        since: Timestamp,
        rules: &CountingRules,
        each: &mut (dyn FnMut(AccountGame) + Send),
    ) -> Result<MatchSums, ReadError> {
        let state = self.read()?;
        let mut sums = MatchSums::default();
        let accounts: BTreeSet<_> = accounts.iter().copied().collect();
        for account in accounts {
            for played in state.matches.values() {
                let Some(slot) = slot_of(played, account) else {
                    continue;
                };
                if played.start_time() < since {
                    continue;
                }
                let game = game(played, account, slot, rules);
                sums.add(game.err());
                if let Ok(game) = game {
                    each(game);
                }
            }
        }
        Ok(sums)
    }

    async fn most_active(
        &self,
        since: Timestamp,
        count_max: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        let state = self.read()?;
        let mut games: BTreeMap<AccountId, u64> = BTreeMap::new();
        for played in state.matches.values() {
            if played.start_time() >= since {
                let accounts = played.accounts.iter().flatten();
                for account in accounts.filter_map(|raw| AccountId::try_new(*raw).ok()) {
                    *games.entry(account).or_default() += 1;
                }
            }
        }
        let mut accounts: Vec<_> = games.into_iter().collect();
        accounts.sort_by_key(|(account, games)| (u64::MAX - games, *account));
        let accounts = accounts.into_iter().map(|(account, _)| account);
        Ok(accounts.take(count_max).collect())
    }
}

fn slot_of(played: &PlayedMatch, account: AccountId) -> Option<Slot> {
    let accounts = played.accounts.iter();
    let slot = (0..).zip(accounts);
    let slot = slot.filter(|(_, shown)| **shown == Some(account.get()));
    slot.map(|(slot, _)| Slot::try_new(slot).expect("there are ten"))
        .next()
}

fn game(
    played: &PlayedMatch,
    account: AccountId,
    slot: Slot,
    rules: &CountingRules,
) -> Result<AccountGame, &'static str> {
    let seen = seen(played, rules)?;
    let raw = played.heroes[usize::from(slot.get())];
    let hero = HeroId::try_new(raw).expect("a match that counts has all heroes");
    AccountGame::of(account, played.start_time(), (slot.side(), hero), &seen)
}
