//! A run from its first match to its verdict.

use std::{sync::Arc, time::Duration};

use health_kit::Clock;
use ingestion_test_support::simulated_disk::SimulatedDisk;
use test_kit::clock::RunningClock;
use tokio::time::{Instant, sleep};

use crate::week::{
    Bug, Report, SourceReport, Violation,
    brokers::Brokers,
    diary::Diary,
    service::{Machine, WINDOW},
    steam::{CALLS_PER_DAY, SteamUpstream},
    world::{World, begin},
};

/// Of so many calls one may be refused: a key keeps its pace by refusals …
const CALLS_PER_LIMITED: u64 = 50;
/// … and each process has to find it: so many more.
const LIMITED_OF_A_PROCESS: u64 = 6;
/// How often it is looked whether all is there.
const LOOK_INTERVAL: Duration = Duration::from_mins(5);
/// A second pass that trails has to come to an end: twice as long as it took.
const WAITED_MIN: Duration = Duration::from_hours(6);

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Decides about everything.
    pub seed: u64,
    /// For so long matches start.
    pub hours: u32,
    /// What is planted.
    pub bug: Option<Bug>,
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
    let world = Arc::new(World::new(plan.seed, plan.hours));
    let diary = Arc::new(Diary::new(plan.seed, plan.hours));
    let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(begin()));
    let is_asked_twice = plan.bug == Some(Bug::CalledTwice);
    let steam = SteamUpstream::new(Arc::clone(&world), Arc::clone(&diary), is_asked_twice);
    let machine = Machine {
        plan,
        brokers: Brokers::new(&world, Arc::clone(&diary)),
        steam: Arc::new(steam),
        diary,
        disk: SimulatedDisk::new(plan.seed),
        clock,
        begun: Instant::now(),
    };
    let exposed = world.entries().iter().filter(|entry| !entry.is_hidden());
    let exposed = exposed.count();
    let told_by = machine.begun + world.told_by();
    let waited = WAITED_MIN.max(Duration::from_hours(plan.hours.into()));
    let all_is_there = async {
        loop {
            sleep(LOOK_INTERVAL).await;
            let published = machine.brokers.lock().books.published;
            if published == exposed && Instant::now() >= told_by {
                break;
            }
            if Instant::now() > told_by + waited {
                break;
            }
        }
    };
    tokio::select! {
        () = machine.run() => unreachable!("the last process runs for ever"),
        () = all_is_there => {}
    }
    let behind = Instant::now().saturating_duration_since(told_by);
    judge(&machine, &world, exposed, behind)
}

fn judge(machine: &Machine, world: &World, exposed: usize, behind: Duration) -> Report {
    let state = machine.brokers.lock();
    let steam = machine.steam.books();
    let mut violations = Vec::new();
    let mut missing = world.entries().iter().filter_map(|entry| {
        let exposed_ms = entry.exposed_ms()?;
        (!state.has(entry.nth)).then_some((entry.id(), exposed_ms / 1_000))
    });
    if let Some(first) = missing.next() {
        violations.push(Violation::Missing {
            count: 1 + missing.count(),
            first,
        });
    }
    let is_within = |(_, apart): &&(_, u32)| (*apart as usize) <= WINDOW;
    let within: Vec<_> = state.books.repeated.iter().filter(is_within).collect();
    if let Some(first) = within.first() {
        violations.push(Violation::Repeated {
            count: within.len(),
            first: **first,
        });
    }
    violations.extend(
        state
            .books
            .invented
            .first()
            .copied()
            .map(Violation::Invented),
    );
    let calls = steam.answered + steam.limited;
    let processes = 1 + machine.diary.ends().len() as u64;
    let bearable = calls / CALLS_PER_LIMITED + LIMITED_OF_A_PROCESS * processes;
    if steam.limited > bearable || steam.day_max() > CALLS_PER_DAY {
        violations.push(Violation::AboveALimit {
            source: "steam_sequence",
            what: format!(
                "{} of {calls} calls were too many; {} in a day",
                steam.limited,
                steam.day_max()
            ),
        });
    }
    let sources = state
        .books
        .freshness_ms
        .iter()
        .map(|(source, freshness_ms)| SourceReport {
            source: source.as_str(),
            published: freshness_ms.len(),
            freshness_seconds: quantiles(freshness_ms).map(|ms| ms / 1_000),
            answered: steam.answered,
            limited: steam.limited,
            troubled: steam.troubled,
            day_calls: (steam.day_max(), CALLS_PER_DAY),
        });
    Report {
        hours: machine.plan.hours,
        matches: world.len(),
        exposed,
        published: state.books.published,
        repeated_beyond_the_window: state.books.repeated.len() - within.len(),
        minutes_behind: behind.as_secs() / 60,
        sources: sources.collect(),
        diary: machine.diary.describe(),
        violations,
    }
}

/// For the half, for 95 and for 99 of a hundred.
fn quantiles(values: &[u32]) -> [u32; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    [50, 95, 99].map(|percent| {
        let at = sorted.len() * percent / 100;
        sorted.get(at).copied().unwrap_or_default()
    })
}
