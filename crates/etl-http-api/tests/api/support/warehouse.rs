//! A warehouse that says what the test wants.

use std::{
    collections::{BTreeSet, VecDeque},
    future::pending,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::{CountingRules, Day, HeroId, MatchId, MatchSummary, Patches, Team, Timestamp};
use etl_application::{
    Answer, Content, DeadLetterReason, Facts, Record, WishReason,
    ports::{
        BuildError, CallBudget, CallWindow, CounterFilter, CounterStore, DayBuild, DayState,
        DeadLetterSink, Details, DetailsError, Difference, DirtyDay, FactStore, HeroGames,
        KnownMatch, MatchDetails, NewWish, PairGames, StoreError, WarehouseError, WarehouseReader,
        Wish, WishCounts, WishQueue, WishState, WishStore,
    },
};

/// What the warehouse says, and what it was asked.
#[derive(Default)]
pub(crate) struct FakeWarehouse(Mutex<Inside>);

/// Inside of a [`FakeWarehouse`].
#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) mood: Mood,
    pub(crate) days: Vec<DayState>,
    pub(crate) dirty: Vec<DirtyDay>,
    /// Days that do not add up when they are built.
    pub(crate) wrong: BTreeSet<Day>,
    pub(crate) heroes: Vec<HeroGames>,
    pub(crate) pairs: Vec<PairGames>,
    pub(crate) known: Vec<KnownMatch>,
    pub(crate) wish: Option<Wish>,
    /// What the next attempts at storing come to.
    pub(crate) errors: VecDeque<StoreError>,
    /// Days that were marked.
    pub(crate) marked: Vec<Day>,
    /// Questions, in words.
    pub(crate) asked: Vec<String>,
}

/// How a warehouse takes questions.
#[derive(Clone, Copy, Default)]
pub(crate) enum Mood {
    #[default]
    Answers,
    Fails,
    Hangs,
}

impl FakeWarehouse {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, question: String) -> Result<(), WarehouseError> {
        let mood = {
            let mut inside = self.lock();
            inside.asked.push(question);
            inside.mood
        };
        match mood {
            Mood::Answers => Ok(()),
            Mood::Fails => Err(WarehouseError {
                detail: "connection to 10.0.0.7 refused".to_owned(),
            }),
            Mood::Hangs => pending().await,
        }
    }
}

/// A day of November 2025.
pub(crate) fn day(number: u8) -> Day {
    Day::try_new(2025, 11, number).expect("November has it")
}

/// A hero by id.
pub(crate) fn hero(id: u16) -> HeroId {
    HeroId::try_new(id).expect("it is not 0")
}

/// A whole match that was over so many seconds before the time of the tests.
pub(crate) fn summary(id: i64, seconds_ago: i64) -> Content {
    const DURATION_SECONDS: u32 = 1_800;
    let end_seconds = 1_762_626_600 - seconds_ago;
    let start_time = Timestamp::from_unix_seconds(end_seconds - i64::from(DURATION_SECONDS));
    let team = |first: u16| Team::try_new((first..first + 5).map(|id| Some(hero(id))).collect());
    let id = MatchId::try_new(id).expect("it is positive");
    Content::Summary(Box::new(Answer {
        summary: MatchSummary {
            duration_seconds: Some(DURATION_SECONDS),
            radiant_win: Some(true),
            lobby_type: Some(7),
            game_mode: Some(22),
            avg_rank_tier: Some(81),
            radiant: team(1).ok(),
            dire: team(6).ok(),
            ..MatchSummary::new(id, start_time)
        },
        source: "opendota_pages".into(),
        version: 1,
    }))
}

#[async_trait]
impl FactStore for FakeWarehouse {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        if let Some(error) = self.lock().errors.pop_front() {
            return Err(error);
        }
        Ok(answers.iter().map(|it| Facts::of(it).day()).collect())
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        let asked = self.ask(format!("mark {days:?}")).await;
        asked.map_err(|error| StoreError::Unavailable {
            detail: error.detail,
            cause: "network",
        })?;
        self.lock().marked.extend(days);
        Ok(())
    }
}

#[async_trait]
impl WishStore for FakeWarehouse {
    async fn wish(&self, _: &[NewWish]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl WishQueue for FakeWarehouse {
    async fn due(&self, _: Timestamp, _: usize) -> Result<Vec<Wish>, WarehouseError> {
        Ok(Vec::new())
    }

    async fn settle(&self, _: &[Wish]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn end_known(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn end_surplus(&self, _: u64, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn counts(&self) -> Result<WishCounts, WarehouseError> {
        let mut counts = WishCounts::default();
        counts.add(WishReason::Missing, WishState::Waiting, 5);
        counts.add(WishReason::Missing, WishState::Fetched, 4);
        counts.add(WishReason::Pro, WishState::Fetched, 3);
        counts.add(WishReason::Overflow, WishState::GivenUp, 2);
        Ok(counts)
    }
}

/// An upstream that nobody gets to ask.
pub(crate) struct FakeUpstream;

#[async_trait]
impl MatchDetails for FakeUpstream {
    async fn fetch(&self, _: MatchId) -> Result<Details, DetailsError> {
        Err(DetailsError::NotFound)
    }

    fn budget(&self) -> CallBudget {
        let window = |used, left, reserve, resets_at_ms| CallWindow {
            used,
            left,
            reserve,
            resets_at: Some(Timestamp::from_unix_ms(resets_at_ms)),
        };
        CallBudget {
            minute: window(7, None, None, 1_762_626_660_000),
            day: window(1_200, Some(1_800), Some(900), 1_762_646_400_000),
        }
    }
}

#[async_trait]
impl DeadLetterSink for FakeWarehouse {
    async fn set_aside(&self, _: &Record, _: DeadLetterReason, _: &str) {}
}

#[async_trait]
impl CounterStore for FakeWarehouse {
    async fn dirty_days(&self, _: usize) -> Result<Vec<DirtyDay>, WarehouseError> {
        Ok(self.lock().dirty.clone())
    }

    async fn build_day(
        &self,
        day: Day,
        _: &CountingRules,
        _: &Patches,
    ) -> Result<DayBuild, BuildError> {
        let mut inside = self.lock();
        if inside.wrong.contains(&day) {
            let difference = Difference {
                day,
                what: "sum of hero_days".to_owned(),
                expected: 10,
                found: 9,
            };
            return Err(BuildError::DoesNotAddUp(vec![difference]));
        }
        inside.dirty.retain(|dirty| dirty.day != day);
        Ok(DayBuild {
            day,
            mark: 1,
            matches: 1,
            counted: 1,
            left_out: [].into(),
        })
    }

    async fn verify_day(
        &self,
        _: Day,
        _: &CountingRules,
        _: &Patches,
    ) -> Result<Vec<Difference>, WarehouseError> {
        Ok(Vec::new())
    }

    async fn days(&self, from: Day, to: Day) -> Result<Vec<DayState>, WarehouseError> {
        self.ask(format!("days {from} {to}")).await?;
        let days = self.lock().days.clone();
        let in_range = |state: &DayState| (from..=to).contains(&state.day);
        Ok(days.into_iter().filter(in_range).collect())
    }
}

#[async_trait]
impl WarehouseReader for FakeWarehouse {
    async fn heroes(&self, filter: &CounterFilter) -> Result<Vec<HeroGames>, WarehouseError> {
        self.ask(format!("heroes {}", words(filter))).await?;
        Ok(self.lock().heroes.clone())
    }

    async fn pairs(
        &self,
        hero: HeroId,
        filter: &CounterFilter,
    ) -> Result<Vec<PairGames>, WarehouseError> {
        self.ask(format!("pairs {hero} {}", words(filter))).await?;
        Ok(self.lock().pairs.clone())
    }

    async fn match_facts(&self, id: MatchId) -> Result<Vec<KnownMatch>, WarehouseError> {
        self.ask(format!("match {}", id.get())).await?;
        Ok(self.lock().known.clone())
    }

    async fn wish_of(&self, id: MatchId) -> Result<Option<Wish>, WarehouseError> {
        self.ask(format!("wish {}", id.get())).await?;
        Ok(self.lock().wish)
    }
}

fn words(filter: &CounterFilter) -> String {
    let day = |day: Option<Day>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
    format!(
        "{} {} {} {:?} {:?}",
        day(filter.from),
        day(filter.to),
        filter.patch.as_deref().unwrap_or("-"),
        filter.bracket.map(domain::SkillBracket::get),
        filter.game_mode,
    )
}
