//! Random schedules, the seeds that once failed, and the bugs that must be found.
//!
//! `SIMULATION_SEEDS` says how many schedules, `SIMULATION_FIRST_SEED` where to begin.

use std::{env, thread};

use etl_simulation::{Bug, Summary, Violation, describe, run};

/// Schedules of one run of the tests.
const SEEDS: u64 = 200;
/// A bug is found within so many of them.
const SEEDS_PER_BUG: u64 = 60;
/// Seeds that have found something once.
const REGRESSIONS: [u64; 3] = [6, 34, 2227];

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number"))
    })
}

/// Runs `seeds` on all processors, and returns what became of each.
fn run_all(seeds: &[u64]) -> Vec<(u64, Result<Summary, Violation>)> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|nth| {
                let seeds = seeds.iter().skip(nth).step_by(threads);
                let run = |seed: &u64| (*seed, run(*seed, None));
                scope.spawn(move || seeds.map(run).collect::<Vec<_>>())
            })
            .collect();
        let done = workers.into_iter().map(thread::ScopedJoinHandle::join);
        done.flat_map(|done| done.expect("a simulation does not panic"))
            .collect()
    })
}

#[test]
fn no_schedule_breaks_a_promise() {
    let first = number("SIMULATION_FIRST_SEED", 0);
    let count = number("SIMULATION_SEEDS", SEEDS);
    let seeds: Vec<_> = (first..first + count).collect();
    let outcomes = run_all(&seeds);
    let violations = outcomes.iter().filter_map(|(seed, outcome)| {
        let violation = outcome.as_ref().err()?;
        println!("seed {seed}: {violation}");
        Some((seed, violation))
    });
    let violations: Vec<_> = violations.collect();
    if let Some((seed, violation)) = violations.first() {
        let many = violations.len();
        let schedule = describe(**seed);
        panic!("{many} of {count} seeds, such as seed {seed}: {violation}\n{schedule}");
    }
    let sum = |of: fn(&Summary) -> u64| -> u64 {
        let summaries = outcomes.iter().flat_map(|(_, outcome)| outcome);
        summaries.map(of).sum()
    };
    let (crashes, redelivered) = (
        sum(|summary| summary.crashes.into()),
        sum(|summary| summary.redelivered),
    );
    let calls = sum(|summary| summary.calls);
    let wishes = sum(|summary| summary.wishes as u64);
    println!("{crashes} crashes, {redelivered} records handed over again");
    println!("{wishes} wishes, {calls} calls");
    assert!(
        crashes >= count && redelivered >= count,
        "too little went wrong"
    );
    assert!(calls >= 20 * count, "too little was asked");
}

#[test]
fn what_failed_once_passes() {
    for (seed, outcome) in run_all(&REGRESSIONS) {
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
    }
}

#[test]
fn a_seed_repeats_its_run() {
    let twice: [Result<Summary, Violation>; 2] = [run(7, None), run(7, None)];
    assert_eq!(twice[0], twice[1]);
    assert!(twice[0].as_ref().is_ok_and(|summary| summary.records > 30));
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
