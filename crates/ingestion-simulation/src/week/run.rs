//! A run from its first match to its verdict.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use health_kit::Clock;
use ingestion_test_support::simulated_disk::SimulatedDisk;
use test_kit::clock::RunningClock;
use tokio::time::{Instant, sleep};

use crate::week::{
    Bug, Interface, Report,
    brokers::Brokers,
    diary::Diary,
    judge::judge,
    service::{Machine, Upstreams},
    truth::Truth,
    upstreams::{LogsUpstream, PagesLimits, PagesUpstream, SteamUpstream, StreamUpstream},
    witness::Witness,
    world::{World, begin},
};

/// Matches that start in a second, on average.
pub const PER_SECOND: f64 = 14.0;

/// Calls of the lists with a key, as they are published.
const PAGES_PER_MINUTE: u32 = 300;
/// How often it is looked at gaps, and whether all is there.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);
/// A second pass that trails has to come to an end: twice as long as it took.
const WAITED_MIN: Duration = Duration::from_hours(3);
/// Where nobody can be asked for what is missing.
const WAITED_IN_VAIN: Duration = Duration::from_mins(10);

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Decides about everything.
    pub seed: u64,
    /// For so long matches start.
    pub hours: u32,
    /// Matches that start in a second, on average.
    pub per_second: f64,
    /// What is read.
    pub sources: &'static [Interface],
    /// How often the lists may be asked for on a day; none for as often as the minutes
    /// allow.
    pub pages_per_day: Option<u32>,
    /// What is planted.
    pub bug: Option<Bug>,
}

impl Plan {
    /// Everything is read, as many matches as there are in reality, and no mistake.
    #[must_use]
    pub const fn new(seed: u64, hours: u32) -> Self {
        Self {
            seed,
            hours,
            per_second: PER_SECOND,
            sources: &Interface::ALL,
            pages_per_day: None,
            bug: None,
        }
    }
}

/// Lets all of it pass, in virtual time. The same plan has the same report.
///
/// # Panics
/// When there can be no runtime.
#[must_use]
pub fn run(plan: Plan) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime can be made").block_on(pass(plan))
}

async fn pass(plan: Plan) -> Report {
    let machine = machine(plan);
    let told_by = machine.truth.begun() + machine.truth.world.told_by();
    let can_look_back = plan.sources.iter().any(|it| !it.is_pushed());
    let waited = if can_look_back {
        WAITED_MIN.max(Duration::from_hours(plan.hours.into()))
    } else {
        WAITED_IN_VAIN
    };
    let told = machine.told_count();
    let all_is_there = async {
        loop {
            sleep(LOOK_INTERVAL).await;
            machine.witness.look_at(&machine.gaps().gaps);
            let published = machine.brokers.lock().books.published;
            let now = Instant::now();
            if now >= told_by && published == told || now > told_by + waited {
                break;
            }
        }
    };
    tokio::select! {
        () = machine.run() => unreachable!("the last process runs for ever"),
        () = all_is_there => {}
    }
    let behind = Instant::now().saturating_duration_since(told_by);
    judge(&machine, behind)
}

fn machine(plan: Plan) -> Machine {
    let world = World::new(plan.seed, plan.hours, plan.per_second);
    let diary = Diary::new(plan.seed, plan.hours, plan.sources);
    let truth = Truth::new(world, diary);
    let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(begin()));
    let shared = || Arc::clone(&truth);
    let limits = PagesLimits {
        per_minute: PAGES_PER_MINUTE,
        per_day: plan.pages_per_day,
    };
    let is_asked_twice = plan.bug == Some(Bug::CalledTwice);
    Machine {
        plan,
        brokers: Brokers::new(shared()),
        upstreams: Upstreams {
            stream: Arc::new(StreamUpstream::new(shared())),
            logs: Arc::new(LogsUpstream::new(shared())),
            pages: Arc::new(PagesUpstream::new(shared(), limits, plan.bug)),
            steam: Arc::new(SteamUpstream::new(shared(), is_asked_twice)),
        },
        witness: Witness::new(shared()),
        disk: SimulatedDisk::new(plan.seed),
        clock,
        gaps: Mutex::new(None),
        lives: Mutex::default(),
        truth,
    }
}
