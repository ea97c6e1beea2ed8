//! A process that loads pages, and what it leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::{Day, MatchId, Timestamp};
use etl_application::{
    Answer, BatchLimits, DeadLetterReason, LoadStatus,
    backfill::{
        Backfill, BackfillEnd, BackfillFigures, BackfillOwner, BackfillRange, BackfillSettings,
        BackfillShare, BackfillStop, BackfillWatcher, Backfiller, BackfillerParts, Progress, Span,
        progress_of,
    },
    ports::{BackfillStore as _, FactStore, Place, StoreError},
};
use etl_opendota_adapter::{PagesAccess, client_over, walk_pages};
use etl_test_support::MemoryWarehouse;
use feed_simulator::{
    World,
    upstream::{Limits, Upstream, UpstreamConfig},
};
use health_kit::Clock;
use opendota_client::{CallShare, OpenDota, OpenDotaSettings, Transport};
use rand::{SeedableRng as _, rngs::StdRng};
use secrecy::SecretString;
use std::time::Duration;
use test_kit::clock::RunningClock;

use crate::transport::Wire;

/// 2026-01-01, in seconds since 1970-01-01.
pub(crate) const BEGIN_SECONDS: i64 = 1_767_225_600;

/// The minute and how many calls began in it, by the path.
type Calls = BTreeMap<(i64, bool), u64>;

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) upstream: Upstream,
    pub(crate) store: Arc<Stored>,
    warehouse: Arc<MemoryWarehouse>,
    clock: Arc<dyn Clock>,
    told: Told,
    calls: Arc<Mutex<Calls>>,
}

/// What was told of rows that are not loaded, and of waits.
#[derive(Default)]
struct Told {
    named: Mutex<Vec<String>>,
    waits: Mutex<Vec<String>>,
}

/// Keeps what was stored last of each match.
pub(crate) struct Stored {
    warehouse: Arc<MemoryWarehouse>,
    answers: Mutex<BTreeMap<MatchId, Answer>>,
}

impl Scene {
    /// A world of 2026, as of a time.
    pub(crate) fn new(seed: u64, limits: Limits, now: Timestamp) -> Self {
        let minutes = (now.unix_seconds() - BEGIN_SECONDS) / 60;
        Self::beginning(seed, BEGIN_SECONDS, limits, minutes)
    }

    /// A world that began so many minutes ago.
    pub(crate) fn beginning(seed: u64, begin: i64, limits: Limits, minutes: i64) -> Self {
        let world = World::beginning(seed, Timestamp::from_unix_seconds(begin));
        let now = Timestamp::from_unix_seconds(begin + minutes * 60);
        let upstream = Upstream::new(UpstreamConfig {
            limits,
            ..UpstreamConfig::new(world.clone(), now)
        });
        let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(now));
        let warehouse = Arc::new(MemoryWarehouse::new(Arc::clone(&clock)));
        Self {
            world,
            upstream,
            store: Arc::new(Stored {
                warehouse: Arc::clone(&warehouse),
                answers: Mutex::default(),
            }),
            warehouse,
            clock,
            told: Told::default(),
            calls: Arc::default(),
        }
    }

    /// The client of a process that begins now.
    pub(crate) fn client(&self) -> Arc<OpenDota> {
        let wire = Counting {
            wire: Wire {
                upstream: self.upstream.clone(),
                rng: Mutex::new(StdRng::seed_from_u64(1)),
            },
            calls: Arc::clone(&self.calls),
        };
        let settings = OpenDotaSettings {
            url: "http://upstream/api".to_owned(),
            key: None,
            reserve_percent: 30,
            call_time_max: OpenDotaSettings::CALL_TIME_MAX,
        };
        let (memory, clock) = (self.warehouse.clone(), Arc::clone(&self.clock));
        Arc::new(client_over(Arc::new(wire), settings, memory, clock))
    }

    /// A process that loads a time, or goes on with it; dropped, it has died.
    pub(crate) async fn load(&self, span: Span, client: Option<Arc<OpenDota>>) -> BackfillEnd {
        let parts = BackfillerParts {
            facts: self.store.clone(),
            store: self.warehouse.clone(),
            status: Arc::new(LoadStatus::new(&self.clock)),
            clock: Arc::clone(&self.clock),
        };
        let settings = BackfillSettings {
            batch: BatchLimits {
                rows_max: 50_000,
                bytes_max: usize::MAX,
            },
            batch_wait: Duration::from_secs(2),
            share: BackfillShare::default(),
        };
        let backfiller = Backfiller::new(parts, settings);
        let range = BackfillRange::OpenDota(span);
        let begun = backfiller.begin(&range, BackfillOwner::Service).await;
        let begun = begun.expect("memory takes it");
        let access = PagesAccess {
            client: client.unwrap_or_else(|| self.client()),
            share: CallShare::of_percent(50).expect("it is a share"),
            counter: None,
            clock: Arc::clone(&self.clock),
        };
        let origin = walk_pages(access, span, &progress_of(&begun).at);
        let stop = BackfillStop::default();
        backfiller
            .run(begun, Box::new(origin), &self.told, &stop)
            .await
    }

    pub(crate) fn loaded(&self) -> BTreeSet<i64> {
        let answers = lock(&self.store.answers);
        answers.keys().map(|id| id.get()).collect()
    }

    pub(crate) fn named(&self) -> Vec<String> {
        lock(&self.told.named).clone()
    }

    pub(crate) fn waits(&self) -> Vec<String> {
        lock(&self.told.waits).clone()
    }

    /// What is known of the backfill that began last.
    pub(crate) async fn newest(&self) -> BackfillFigures {
        let newest = self.warehouse.backfills(1).await.expect("memory answers");
        BackfillFigures::of(newest.first().expect("there is one"))
    }

    /// Calls for pages, and all calls, by the minute.
    pub(crate) fn calls_by_minute(&self) -> (BTreeMap<i64, u64>, BTreeMap<i64, u64>) {
        let (mut pages, mut all) = (BTreeMap::new(), BTreeMap::new());
        for ((minute, is_page), calls) in lock(&self.calls).iter() {
            *all.entry(*minute).or_default() += calls;
            if *is_page {
                *pages.entry(*minute).or_default() += calls;
            }
        }
        (pages, all)
    }

    /// Asserts that the upstream has refused no call for its limits.
    pub(crate) fn assert_never_above_a_limit(&self) {
        let calls = self.upstream.calls();
        assert_eq!(
            (calls.minute_limited, calls.day_limited),
            (0, 0),
            "{calls:?}"
        );
    }
}

impl BackfillWatcher for Told {
    fn rejected(&self, place: Place, reason: DeadLetterReason, detail: &str) {
        lock(&self.named).push(format!("{place}: {reason}: {detail}"));
    }

    fn reached(&self, _: &Backfill, _: &Progress) {}

    fn waits(&self, why: &str) {
        lock(&self.waits).push(why.to_owned());
    }
}

impl Stored {
    pub(crate) fn answers(&self) -> BTreeMap<MatchId, Answer> {
        lock(&self.answers).clone()
    }
}

#[async_trait]
impl FactStore for Stored {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        let days = self.warehouse.store(answers).await?;
        let mut stored = lock(&self.answers);
        for answer in answers {
            stored.insert(answer.summary.match_id, answer.clone());
        }
        Ok(days)
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        self.warehouse.mark_dirty(days).await
    }
}

/// Counts calls by the minute in which they begin.
struct Counting {
    wire: Wire,
    calls: Arc<Mutex<Calls>>,
}

#[async_trait]
impl Transport for Counting {
    async fn get(&self, url: &str, key: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        let minute = self.wire.upstream.now().unix_seconds() / 60;
        let is_page = url.contains("/publicMatches");
        *lock(&self.calls).entry((minute, is_page)).or_default() += 1;
        Transport::get(&self.wire, url, key).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
