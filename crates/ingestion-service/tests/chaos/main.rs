//! Real chaos: the built binary between a simulated feed and three real
//! brokers, all of which are hurt by a schedule drawn from a seed.
//!
//! After the run every match that was received is in the topic once, for a
//! consumer that reads committed records. `CHAOS_SEED`, `CHAOS_MINUTES` and
//! `CHAOS_REPORT` make longer runs and other ones; see [`options`].

mod options;
mod schedule;

mod disk;
mod process;
mod world;

mod instance;
mod keeper;
mod lanes;
mod monitor;
mod settle;

mod report;
mod topics;
mod verdict;

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

use crate::{
    keeper::Keeper,
    monitor::Watched,
    options::Options,
    report::Report,
    schedule::{Schedule, ServiceFault},
    topics::Found,
    verdict::{Evidence, Verdict},
    world::World,
};

/// What a process may ever have resident: 96 MiB.
const MEMORY_KIB_MAX: u64 = 96 * 1024;
/// A hundred in half an hour; a slow machine makes fewer than are planned.
const KILLS_PER_MINUTE_MIN: f64 = 100.0 / 30.0;

#[tokio::test(flavor = "multi_thread")]
async fn every_received_match_is_in_the_topic_once_whatever_happens() -> Result<()> {
    let options = Options::from_environment()?;
    let folder = options.folder().to_owned();
    fs::create_dir_all(&folder)?;
    remove_logs(&folder)?;
    eprintln!("CHAOS_SEED={} for {:?}", options.seed, options.duration);
    let logs_are_kept = || format!("the logs of the service are kept in {}", folder.display());
    let findings = run(options).await.with_context(logs_are_kept)?;
    assert!(findings.is_empty(), "{findings:#?}\n{}", logs_are_kept());
    remove_logs(&folder)
}

/// Runs the schedule, writes the report, and returns what was found wrong.
async fn run(options: Options) -> Result<Vec<String>> {
    let world = Arc::new(World::start(options).await?);
    let mut keeper = Keeper::start(Arc::clone(&world))?;
    keeper.until_it_delivers().await?;
    let stop = CancellationToken::new();
    let watching = tokio::spawn(monitor::watch(Arc::clone(&world), stop.clone()));
    hurt(&world, &mut keeper).await?;
    settle::settle(&world, &mut keeper).await?;
    stop.cancel();
    let watched = watching.await??;
    let elapsed_ms = world.now_ms();

    let verdict = Evidence::collect(&world, Found::read(&world).await?).judge();
    note_verdict(&world, &verdict);
    note_run(&world, watched);
    let report = Report {
        options: &world.options,
        elapsed_ms,
        incidents: &world.incidents(),
        kills: world.kills_ms().len(),
        skipped: &keeper.skipped,
        watched,
        verdict: &verdict,
        findings: &world.findings(),
    };
    let page = report.markdown();
    println!("{page}");
    fs::write(&world.options.report, page)?;
    Ok(world.findings())
}

/// Lets the three lanes run to the end of the schedule.
async fn hurt(world: &Arc<World>, keeper: &mut Keeper) -> Result<()> {
    let Options {
        seed,
        duration,
        expected,
        ..
    } = world.options;
    let mut schedule = Schedule::draw(seed, duration);
    schedule
        .service
        .retain(|planned| expected.allows(planned.fault));
    let zero_ms = world.now_ms();
    let brokers = lanes::hurt_brokers(Arc::clone(world), zero_ms, schedule.brokers);
    let brokers = tokio::spawn(brokers);
    let feed = tokio::spawn(lanes::hurt_feed(Arc::clone(world), zero_ms, schedule.feed));
    keeper.hurt(zero_ms, schedule.service).await?;
    keeper.keep_until(zero_ms, duration).await?;
    brokers.await??;
    feed.await?
}

fn note_verdict(world: &World, verdict: &Verdict) {
    let Verdict {
        lost,
        twice,
        unknown,
        dead_letters,
        ..
    } = verdict;
    if !lost.is_empty() {
        world.finding(format!("{} matches are lost", lost.len()));
    }
    if world.options.expected.exactly_once && !twice.is_empty() {
        world.finding(format!("{} matches are there more than once", twice.len()));
    }
    if !unknown.is_empty() {
        world.finding(format!("there are ids that were never sent: {unknown:?}"));
    }
    for (reason, (expected, found)) in dead_letters {
        if found < expected {
            world.finding(format!("{found} of {expected} dead letters with {reason}"));
        }
    }
}

fn note_run(world: &World, watched: Watched) {
    if watched.peak_kib > MEMORY_KIB_MAX {
        let peak = watched.peak_kib;
        world.finding(format!("{peak} KiB of memory, more than {MEMORY_KIB_MAX}"));
    }
    let kills = u32::try_from(world.kills_ms().len()).unwrap_or(u32::MAX);
    let kills_min = world.options.duration.as_secs_f64() / 60.0 * KILLS_PER_MINUTE_MIN;
    let expected = world.options.expected;
    if expected.allows(ServiceFault::Kill) && f64::from(kills) < kills_min.floor() {
        world.finding(format!("{kills} kills only, of at least {kills_min:.0}"));
    }
}

/// Removes the logs of an earlier run, or of one that went well.
fn remove_logs(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("service-") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
