//! What happens in a month, and what must have become of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use domain::{MatchId, Timestamp};
use etl_application::{
    DetailParts, DetailSettings, DetailWorker, LoadStatus, WISHES_WAITING_MAX, WishReason,
    ports::{
        CallBudget, Details, DetailsError, MatchDetails, NewWish, Wish, WishState, WishStore as _,
    },
};
use etl_opendota_adapter::{OpenDotaDetails, UPSTREAM, client_over};
use etl_test_support::MemoryWarehouse;
use feed_simulator::{
    World, WorldMatch,
    upstream::{CallFault, Upstream, UpstreamConfig},
};
use health_kit::Clock;
use opendota_client::OpenDotaSettings;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use test_kit::clock::RunningClock;
use tokio::{
    runtime::Builder,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{far::Far, transport::Wire};

/// 2026-01-01, in seconds since 1970-01-01.
const BEGIN_SECONDS: i64 = 1_767_225_600;
const HOUR: Duration = Duration::from_hours(1);
/// For the last wishes, which have three days of attempts.
const QUIET_DAYS: u64 = 5;
/// Wishes of an hour for replays, some of which are never parsed, and for matches
/// that nobody knows.
const REPLAYS_AN_HOUR: i64 = 1;
const UNKNOWN_AN_HOUR: i64 = 1;
/// Ids that no match has before all is over.
const UNKNOWN_FROM: Duration = Duration::from_hours(24 * 90);
/// From the second day on nobody answers for so long: longer than all attempts take.
const OUTAGE_HOURS: std::ops::Range<u64> = 24..5 * 24;

/// A month, and what is wrong in it.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// How long wishes are made.
    pub(crate) days: u64,
    pub(crate) reserve_percent: u8,
    /// Wishes of an hour for matches that are over soon.
    pub(crate) matches_an_hour: i64,
    /// Calls of others on the same address.
    pub(crate) others_a_day: u64,
    pub(crate) planted: Option<Planted>,
}

/// A mistake that somebody could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// No answer uses up an attempt.
    HtmlIsAnAttempt,
    /// An answer that is of no use uses up none.
    NotFoundIsNoAttempt,
}

/// What was seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Calls that were rejected for a limit.
    pub(crate) limited: u64,
    /// All calls.
    pub(crate) calls: u64,
    /// How often a process was started.
    pub(crate) starts: u32,
    pub(crate) wishes: usize,
    pub(crate) waiting: usize,
    pub(crate) given_up_although_known: usize,
    pub(crate) fetched_although_unknown: usize,
    pub(crate) fetched_and_not_stored: usize,
}

pub(crate) struct Month {
    plan: Plan,
    world: World,
    upstream: Upstream,
    warehouse: Arc<MemoryWarehouse>,
    clock: Arc<dyn Clock>,
    rng: StdRng,
    begun: Instant,
    unknown: i64,
}

impl Month {
    /// Lets it pass, which takes seconds.
    pub(crate) fn pass(plan: Plan) -> Verdict {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = runtime.expect("it needs nothing of the system");
        runtime.block_on(async {
            let mut month = Self::new(plan);
            let starts = month.go_by().await;
            month.judge(starts)
        })
    }

    fn new(plan: Plan) -> Self {
        let begin = Timestamp::from_unix_seconds(BEGIN_SECONDS);
        let world = World::beginning(plan.seed, begin);
        // As the first matches have ended.
        let now = Timestamp::from_unix_seconds(BEGIN_SECONDS + 3 * 3_600);
        let faults = ["refuse:502", "accept-then-close", "slow:45s", "wrong-id"];
        let faults = faults.map(|fault| fault.parse::<CallFault>().expect("a fault"));
        let upstream = Upstream::new(UpstreamConfig {
            seed: plan.seed,
            faults: faults.into(),
            fault_fraction: 0.02,
            ..UpstreamConfig::new(world.clone(), now)
        });
        let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(now));
        let unknown = shifted(begin, UNKNOWN_FROM);
        Self {
            unknown: world.first_id_at(unknown).get(),
            plan,
            world,
            upstream,
            warehouse: Arc::new(MemoryWarehouse::new(Arc::clone(&clock))),
            clock,
            rng: StdRng::seed_from_u64(plan.seed),
            begun: Instant::now(),
        }
    }

    /// Hour after hour; says how often a process was started.
    async fn go_by(&mut self) -> u32 {
        let mut starts = 1;
        let mut process = self.start();
        let mut dies_at = self.death();
        for hour in 0..(self.plan.days + QUIET_DAYS) * 24 {
            if hour < self.plan.days * 24 {
                self.wish().await;
                self.others_call();
            }
            if hour == OUTAGE_HOURS.start {
                self.upstream.fail("refuse:502".parse().expect("a fault"));
            } else if hour == OUTAGE_HOURS.end {
                self.upstream.recover();
            }
            let next = self.begun + HOUR * u32::try_from(hour + 1).expect("hours are few");
            while dies_at < next {
                sleep_until(dies_at).await;
                process.abort();
                // Soon, mostly within the same minute of the upstream's clock.
                sleep(Duration::from_millis(self.rng.random_range(100..20_000))).await;
                process = self.start();
                starts += 1;
                dies_at = self.death();
            }
            sleep_until(next).await;
        }
        process.abort();
        starts
    }

    fn death(&mut self) -> Instant {
        let minutes = self.rng.random_range(1..18 * 60);
        let ms = self.rng.random_range(0..60_000);
        Instant::now() + Duration::from_mins(minutes) + Duration::from_millis(ms)
    }

    fn start(&mut self) -> JoinHandle<()> {
        let rng = |rng: &mut StdRng| Mutex::new(StdRng::seed_from_u64(rng.random()));
        let far = Arc::new(Far {
            memory: Arc::clone(&self.warehouse),
            rng: rng(&mut self.rng),
        });
        let wire = Wire {
            upstream: self.upstream.clone(),
            rng: rng(&mut self.rng),
        };
        let settings = OpenDotaSettings {
            url: "http://upstream/api".to_owned(),
            key: None,
            reserve_percent: self.plan.reserve_percent,
            call_time_max: OpenDotaSettings::CALL_TIME_MAX,
        };
        let clock = Arc::clone(&self.clock);
        let client = client_over(Arc::new(wire), settings, far.clone(), clock);
        let details = OpenDotaDetails::new(Arc::new(client));
        let details: Arc<dyn MatchDetails> = match self.plan.planted {
            Some(planted) => Arc::new(Mistaken(details, planted)),
            None => Arc::new(details),
        };
        let parts = DetailParts {
            upstream: UPSTREAM,
            details: Some(details),
            queue: far.clone(),
            facts: far,
            load: Arc::new(LoadStatus::new(&self.clock)),
            clock: Arc::clone(&self.clock),
        };
        let settings = DetailSettings {
            attempts_max: 6,
            parallel: 8,
            waiting_max: WISHES_WAITING_MAX,
            look_every: Duration::from_mins(10),
        };
        let never = CancellationToken::new();
        tokio::spawn(DetailWorker::new(parts, settings).run(never.clone(), never))
    }

    /// The wishes of an hour, some of them for matches that are not over yet.
    async fn wish(&mut self) {
        let now = self.clock.now();
        let first = shifted_back(now, Duration::from_mins(50));
        let first = self.world.first_id_at(first).get();
        let known = first..first + self.plan.matches_an_hour + REPLAYS_AN_HOUR;
        let unknown = self.unknown..self.unknown + UNKNOWN_AN_HOUR;
        self.unknown = unknown.end;
        let wishes = known.chain(unknown).map(|id| NewWish {
            match_id: MatchId::try_new(id).expect("ids are above zero"),
            reason: if id < first + REPLAYS_AN_HOUR {
                WishReason::Pro
            } else {
                WishReason::Missing
            },
            first_try: now,
        });
        let made = self.warehouse.wish(&wishes.collect::<Vec<_>>()).await;
        made.expect("memory takes it");
    }

    /// Somebody else on this address; never more in a minute than is kept for others.
    fn others_call(&self) {
        let upstream = self.upstream.clone();
        let calls = self.plan.others_a_day / 24;
        tokio::spawn(async move {
            for _ in 0..calls {
                sleep(Duration::from_secs(97)).await;
                let _ = upstream.answer("/api/matches/1");
            }
        });
    }

    fn judge(&self, starts: u32) -> Verdict {
        let counts = self.upstream.calls();
        let wishes = self.warehouse.all_wishes();
        let mut verdict = Verdict {
            limited: counts.minute_limited + counts.day_limited,
            calls: counts.calls,
            starts,
            wishes: wishes.len(),
            waiting: 0,
            given_up_although_known: 0,
            fetched_although_unknown: 0,
            fetched_and_not_stored: 0,
        };
        let mut fetched: usize = 0;
        for wish in wishes {
            let is_granted = self.is_to_be_granted(&wish);
            match wish.state {
                WishState::Waiting => verdict.waiting += 1,
                WishState::GivenUp if is_granted => verdict.given_up_although_known += 1,
                WishState::Fetched if !is_granted => verdict.fetched_although_unknown += 1,
                WishState::Fetched => fetched += 1,
                WishState::GivenUp => {}
            }
        }
        verdict.fetched_and_not_stored = fetched.saturating_sub(self.warehouse.matches());
        verdict
    }

    fn is_to_be_granted(&self, wish: &Wish) -> bool {
        let found: WorldMatch = self.world.at(wish.match_id);
        let is_known = found.end_time() < self.clock.now();
        is_known && (!wish.reason.is_for_the_replay() || found.is_parsed)
    }
}

fn shifted(at: Timestamp, by: Duration) -> Timestamp {
    let by_ms = i64::try_from(by.as_millis()).expect("months are short");
    Timestamp::from_unix_ms(at.as_unix_ms() + by_ms)
}

fn shifted_back(at: Timestamp, by: Duration) -> Timestamp {
    let by_ms = i64::try_from(by.as_millis()).expect("months are short");
    Timestamp::from_unix_ms(at.as_unix_ms() - by_ms)
}

/// Takes one kind of answer for another.
struct Mistaken(OpenDotaDetails, Planted);

#[async_trait]
impl MatchDetails for Mistaken {
    async fn fetch(&self, id: MatchId) -> Result<Details, DetailsError> {
        let told = self.0.fetch(id).await;
        told.map_err(|error| match (error, self.1) {
            (DetailsError::Unavailable { .. }, Planted::HtmlIsAnAttempt) => DetailsError::NotFound,
            (DetailsError::NotFound, Planted::NotFoundIsNoAttempt) => DetailsError::Unavailable {
                detail: "404".to_owned(),
                until: Timestamp::from_unix_ms(0),
            },
            (other, _) => other,
        })
    }

    fn budget(&self) -> CallBudget {
        self.0.budget()
    }
}
