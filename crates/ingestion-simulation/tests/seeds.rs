//! Random schedules, the seeds that once failed, and the bugs that must be found.
//!
//! `SIMULATION_SEEDS` says how many schedules, `SIMULATION_FIRST_SEED` where to begin.

use std::{env, thread};

use ingestion_simulation::{Bug, Summary, Violation, describe, run};

/// Schedules of one run of the tests.
const SEEDS: u64 = 1000;
/// A bug is found within so many of them.
const SEEDS_PER_BUG: u64 = 300;
/// Seeds that have found something once.
const REGRESSIONS: [u64; 1] = [5642];

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number"))
    })
}

/// Runs `seeds` on all processors, and returns the violations.
fn run_all(seeds: &[u64]) -> Vec<(u64, Violation)> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|nth| {
                let seeds = seeds.iter().skip(nth).step_by(threads);
                scope.spawn(move || {
                    let violation = |seed: &u64| Some((*seed, run(*seed, None).err()?));
                    seeds.filter_map(violation).collect::<Vec<_>>()
                })
            })
            .collect();
        let found = workers.into_iter().map(thread::ScopedJoinHandle::join);
        found
            .flat_map(|found| found.expect("a simulation does not panic"))
            .collect()
    })
}

fn report((seed, violation): &(u64, Violation)) -> String {
    format!("seed {seed}: {violation}\n{}", describe(*seed))
}

#[test]
fn no_schedule_breaks_a_promise() {
    let first = number("SIMULATION_FIRST_SEED", 0);
    let count = number("SIMULATION_SEEDS", SEEDS);
    let seeds: Vec<_> = (first..first + count).collect();
    let violations = run_all(&seeds);
    for (seed, violation) in &violations {
        println!("seed {seed}: {violation}");
    }
    assert!(
        violations.is_empty(),
        "{} of {count} seeds, such as {}",
        violations.len(),
        report(&violations[0])
    );
}

#[test]
fn what_failed_once_passes() {
    let violations = run_all(&REGRESSIONS);
    assert!(violations.is_empty(), "{}", report(&violations[0]));
}

#[test]
fn a_seed_repeats_its_run() {
    let twice: [Result<Summary, Violation>; 2] = [run(7, None), run(7, None)];
    assert_eq!(twice[0], twice[1]);
    assert!(
        twice[0]
            .as_ref()
            .is_ok_and(|summary| summary.received > 100)
    );
}

#[test]
fn every_planted_bug_is_found() {
    let survivors: Vec<_> = Bug::ALL
        .into_iter()
        .filter(|bug| {
            let found =
                (0..SEEDS_PER_BUG).find_map(|seed| Some((seed, run(seed, Some(*bug)).err()?)));
            match &found {
                Some((seed, violation)) => println!("{bug:?}: seed {seed}: {violation}"),
                None => println!("{bug:?}: not found"),
            }
            found.is_none()
        })
        .collect();
    assert!(survivors.is_empty(), "not found: {survivors:?}");
}
