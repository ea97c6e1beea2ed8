//! A warehouse in memory, readers in memory, and runs between them.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{CountingRules, Day, HeroId, Patches, Timestamp};
use health_kit::Clock;
use model_application::{
    MatchSums, Mode, Skill, Slice, Tally,
    accounts::AccountChoice,
    ports::{
        CounterReader, DayBuild, DayToRead, DraftSeen, Leadership, ModelPublisher, PatchCounts,
        PatchIndex, Publication, PublishError, PublishedResults, ReadBackError, ReadError, Renewal,
        RunId, RunLedger, RunState, Trial, Trigger,
    },
    runs::{
        AgesMax, HandleParts, PatchChoice, RunEvents, RunOrders, RunOutcome, RunRequest,
        RunSettings, Runner, RunnerParts, Runs, RunsDescription, RunsStatus,
    },
};
use model_redis_adapter::{ContractDocuments, RedisPublisher, RedisResults};
use model_test_support::{FIRST_DAY, MemoryCounters, MemoryLedger, MemoryResults, PlayedMatch};
use redis_kit::{KeySpace, MemoryKeySpace};
use test_kit::clock::RunningClock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::accounts;

pub(crate) const PATCH: &str = "7.38";
/// How many days there are at first.
pub(crate) const DAYS: i32 = 6;
const MATCHES_A_DAY: i64 = 250;
/// Few, so that little says much.
const HEROES: u64 = 24;

pub(crate) fn settings() -> RunSettings {
    RunSettings {
        patches: vec![PatchChoice::Current, PatchChoice::Previous],
        skills: vec![Skill::All, Skill::High],
        modes: vec![Mode::Default],
        window_days: 60,
        half_life_days: 14,
        holdout: 1_000,
        is_joint: false,
        matches_min: 200,
        level: 9_000,
        rules: CountingRules::default(),
        step_timeout: Duration::from_mins(5),
        retries: 2,
        backoff: (Duration::from_secs(1), Duration::from_mins(1)),
        expiry: Some(Duration::from_hours(24 * 30)),
        is_patient: true,
    }
}

/// A mistake that somebody could make, or what can happen to what a run depends on.
#[derive(Default)]
pub(crate) struct Faults {
    /// Readers cannot be reached.
    pub(crate) readers_away: AtomicBool,
    /// A hero of each cell has one game too few.
    pub(crate) a_game_is_missing: AtomicBool,
    /// A day says that it has left out more than there were.
    pub(crate) a_match_is_missing: AtomicBool,
    /// Counters are never answered.
    pub(crate) warehouse_hangs: AtomicBool,
    /// The warehouse does not answer anybody.
    pub(crate) warehouse_away: AtomicBool,
    /// How often counters were read.
    pub(crate) reads: AtomicU64,
}

pub(crate) fn is(fault: &AtomicBool) -> bool {
    fault.load(Ordering::Relaxed)
}

pub(crate) fn set(fault: &AtomicBool, value: bool) {
    fault.store(value, Ordering::Relaxed);
}

pub(crate) struct World {
    pub(crate) clock: Arc<RunningClock>,
    pub(crate) counters: Arc<MemoryCounters>,
    pub(crate) keys: Arc<dyn KeySpace>,
    /// The same.
    pub(crate) memory: MemoryKeySpace,
    /// Which accounts processes score that are started from now on.
    pub(crate) scored: AccountChoice,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) results: Arc<MemoryResults>,
    pub(crate) faults: Arc<Faults>,
}

/// A process that runs.
pub(crate) struct Process {
    pub(crate) runs: Arc<Runs>,
    pub(crate) status: Arc<RunsStatus>,
    pub(crate) orders: RunOrders,
    pub(crate) runner: Runner,
}

impl World {
    /// Six days of matches, and a quarter of the next one has passed.
    pub(crate) fn new() -> Self {
        let now = day(DAYS).start().saturating_add(Duration::from_hours(6));
        let clock = Arc::new(RunningClock::from(now));
        let memory = MemoryKeySpace::new(clock.clone());
        let world = Self {
            scored: AccountChoice::Nobody,
            counters: Arc::new(MemoryCounters::new()),
            keys: Arc::new(memory.clone()),
            memory,
            ledger: Arc::new(MemoryLedger::new(50)),
            results: Arc::new(MemoryResults::new()),
            faults: Arc::default(),
            clock,
        };
        world.play(0..DAYS, |_, won| won);
        world
    }

    /// Plays on these days, and lets counters be built; `outcome` decides who wins.
    pub(crate) fn play(&self, days: Range<i32>, outcome: impl Fn(i32, bool) -> bool) {
        for number in days {
            self.counters
                .store(matches_of(number, |won| outcome(number, won)));
            self.counters.build(day(number), self.clock.now());
        }
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn start(&self, settings: RunSettings) -> Process {
        self.start_with(settings, None)
    }

    pub(crate) fn start_with(
        &self,
        settings: RunSettings,
        leadership: Option<watch::Receiver<Option<Leadership>>>,
    ) -> Process {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let ages_max = AgesMax {
            data: Duration::from_hours(26),
            success: Some(Duration::from_hours(12)),
        };
        let status = Arc::new(RunsStatus::new(ages_max, &clock));
        status.stands(model_application::runs::Standing::Alone);
        let events = RunEvents::new();
        let patches = Arc::new(Patches::built_in());
        let parts = HandleParts {
            ledger: self.ledger.clone(),
            results: self.results.clone(),
            status: Arc::clone(&status),
            patches: patches.clone(),
            clock: Arc::clone(&clock),
            description: RunsDescription {
                program: "test".to_owned(),
                settings_hash: "settings".to_owned(),
                skills: settings.skills.clone(),
                modes: settings.modes.clone(),
            },
        };
        let (runs, orders) = Runs::new(parts, events.clone());
        let readers = Arc::new(Readers {
            publisher: RedisPublisher::new(Arc::clone(&self.keys), settings.expiry),
            results: RedisResults::new(Arc::clone(&self.keys)),
            faults: Arc::clone(&self.faults),
        });
        let parts = RunnerParts {
            reader: Arc::new(Warehouse {
                counters: Arc::clone(&self.counters),
                faults: Arc::clone(&self.faults),
            }),
            patches,
            publisher: readers.clone(),
            documents: Arc::new(ContractDocuments),
            published: readers,
            results: self.results.clone(),
            accounts: Some(accounts::round(self)),
            ledger: self.ledger.clone(),
            status: Arc::clone(&status),
            events,
            clock,
            settings,
            settings_hash: "settings".to_owned(),
        };
        let runner = Runner::new(parts, leadership);
        Process {
            runs,
            status,
            orders,
            runner,
        }
    }

    pub(crate) async fn key(&self, key: &str) -> Option<String> {
        let value = self.keys.get(key).await.expect("it is in memory");
        value.map(|value| String::from_utf8(value.to_vec()).expect("JSON"))
    }

    pub(crate) async fn published_run(&self) -> Option<RunId> {
        let meta = self.key("meta:patch_7.38").await?;
        let (_, rest) = meta.split_once("\"run\":\"")?;
        RunId::of(rest.split_once('"')?.0)
    }

    pub(crate) async fn state_of(&self, run: RunId) -> RunState {
        let run = self.ledger.run(run).await.expect("it is in memory");
        run.expect("it is in the ledger").state
    }
}

impl Process {
    /// Asks for a run, and carries it out.
    pub(crate) async fn run(&mut self, request: RunRequest) -> RunOutcome {
        self.runs
            .request(request)
            .await
            .expect("nothing is under way");
        self.carry_out().await
    }

    pub(crate) async fn carry_out(&mut self) -> RunOutcome {
        let order = self.orders.next().await.expect("it was ordered");
        let none = CancellationToken::new();
        self.runner.carry_out(order, &none, &none).await
    }
}

pub(crate) fn by_hand() -> RunRequest {
    RunRequest::of_all(Trigger::Manual)
}

pub(crate) fn slice(skill: Skill) -> Slice {
    Slice {
        mode: Mode::Default,
        skill,
    }
}

pub(crate) fn day(number: i32) -> Day {
    Day::from_days_since_epoch(FIRST_DAY.days_since_epoch() + number)
}

/// Where the higher ids together win, mostly.
fn matches_of(number: i32, outcome: impl Fn(bool) -> bool) -> Vec<PlayedMatch> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(number.unsigned_abs());
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let ids = 1..=MATCHES_A_DAY;
    ids.map(|place| {
        let mut heroes = [0_u16; 10];
        for slot in 0..10 {
            heroes[slot] = loop {
                let hero = u16::try_from(1 + random(HEROES)).expect("few");
                // The list has no hero 24.
                if hero != 24 && !heroes[..slot].contains(&hero) {
                    break hero;
                }
            };
        }
        let sum = |side: &[u16]| side.iter().map(|&hero| u64::from(hero)).sum::<u64>();
        let is_upset = random(4) == 0;
        let won = (sum(&heroes[..5]) >= sum(&heroes[5..])) != is_upset;
        let is_high = random(2) == 0;
        PlayedMatch {
            heroes,
            radiant_win: outcome(won),
            rank_tier: is_high.then_some(72),
            ..PlayedMatch::on(day(number), i64::from(number) * 100_000 + place)
        }
    })
    .collect()
}

struct Warehouse {
    counters: Arc<MemoryCounters>,
    faults: Arc<Faults>,
}

impl Warehouse {
    fn answer(&self) -> Result<(), ReadError> {
        if is(&self.faults.warehouse_away) {
            return Err(ReadError::Unavailable {
                detail: "the warehouse does not answer".to_owned(),
                cause: "timeout",
            });
        }
        Ok(())
    }
}

#[async_trait]
impl CounterReader for Warehouse {
    async fn day_builds(&self, from: Day, to: Day) -> Result<Vec<DayBuild>, ReadError> {
        self.answer()?;
        let mut builds = self.counters.day_builds(from, to).await?;
        if is(&self.faults.a_match_is_missing)
            && let Some(build) = builds.first_mut()
        {
            build.sums.read += 1;
        }
        Ok(builds)
    }

    async fn newest_day(&self) -> Result<Option<Day>, ReadError> {
        self.answer()?;
        self.counters.newest_day().await
    }

    async fn counts(&self, patch: &str, days: &[DayToRead]) -> Result<PatchCounts, ReadError> {
        self.faults.reads.fetch_add(1, Ordering::Relaxed);
        if is(&self.faults.warehouse_hangs) {
            std::future::pending::<()>().await;
        }
        let mut counts = self.counters.counts(patch, days).await?;
        if is(&self.faults.a_game_is_missing) {
            for counts in counts.cells.values_mut() {
                let hero = HeroId::try_new(1).expect("not zero");
                counts.add_hero(hero, Tally::of(1, 0)).expect("listed");
            }
        }
        Ok(counts)
    }

    async fn drafts(
        &self,
        days: &[Day],
        during: Range<Timestamp>,
        rules: &CountingRules,
        each: &mut (dyn FnMut(DraftSeen) + Send),
    ) -> Result<MatchSums, ReadError> {
        self.counters.drafts(days, during, rules, each).await
    }

    async fn check(&self) -> Result<Trial, ReadError> {
        self.answer()?;
        self.counters.check().await
    }
}

struct Readers {
    publisher: RedisPublisher,
    results: RedisResults,
    faults: Arc<Faults>,
}

impl Readers {
    fn answer(&self) -> Result<(), PublishError> {
        if is(&self.faults.readers_away) {
            let reason = "redis does not answer".to_owned();
            return Err(PublishError::Unavailable { reason });
        }
        Ok(())
    }
}

#[async_trait]
impl ModelPublisher for Readers {
    async fn stage(&self, publication: &Publication) -> Result<(), PublishError> {
        self.answer()?;
        self.publisher.stage(publication).await
    }

    async fn switch(
        &self,
        publication: &Publication,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        self.answer()?;
        self.publisher.switch(publication, leadership).await
    }

    async fn verify(&self, publication: &Publication) -> Result<(), PublishError> {
        self.answer()?;
        self.publisher.verify(publication).await
    }

    async fn renew(
        &self,
        renewal: &Renewal,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        self.answer()?;
        self.publisher.renew(renewal, leadership).await
    }

    async fn published(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, PublishError> {
        self.answer()?;
        self.publisher.published(keys).await
    }

    async fn record(&self, run: Bytes) -> Result<(), PublishError> {
        self.answer()?;
        self.publisher.record(run).await
    }
}

#[async_trait]
impl PublishedResults for Readers {
    async fn index(&self) -> Result<Option<PatchIndex>, ReadBackError> {
        self.answer()?;
        self.results.index().await
    }

    async fn published(
        &self,
        patch: &str,
    ) -> Result<Option<model_application::PatchResult>, ReadBackError> {
        self.answer()?;
        self.results.published(patch).await
    }
}
