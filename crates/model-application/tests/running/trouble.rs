//! Runs when something is wrong.

use std::{sync::atomic::Ordering, time::Duration};

use model_application::{
    ports::{ReadError, RunLedger as _, RunState, StepName},
    runs::{Blame, CancelRefused, RunRefused, RunSettings},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::world::{World, by_hand, is, set, settings};

#[tokio::test(start_paused = true)]
async fn counts_that_do_not_add_up_publish_nothing() {
    let world = World::new();
    let mut process = world.start(settings());
    for fault in [
        &world.faults.a_game_is_missing,
        &world.faults.a_match_is_missing,
    ] {
        set(fault, true);
        let outcome = process.run(by_hand()).await;
        set(fault, false);
        assert_eq!(outcome.run.state, RunState::Failed);
        assert_eq!(outcome.blame, Blame::Run);
        let failure = outcome.run.failure.expect("it says why");
        assert_eq!(failure.step, StepName::Check, "{}", failure.cause);
        assert_eq!(world.published_run().await, None);
    }
    assert_eq!(process.run(by_hand()).await.run.state, RunState::Published);
}

#[tokio::test(start_paused = true)]
async fn without_counters_a_run_says_what_to_look_at() {
    let world = World::new();
    let mut process = world.start(settings());
    // Of the next patches there is nothing.
    tokio::time::advance(Duration::from_hours(24 * 400)).await;
    let failure = process
        .run(by_hand())
        .await
        .run
        .failure
        .expect("it says why");
    assert_eq!(failure.step, StepName::Check);
    assert!(failure.cause.contains("etl-service"), "{}", failure.cause);
}

#[tokio::test(start_paused = true)]
async fn reading_is_tried_again_and_not_for_ever() {
    let world = World::new();
    let mut process = world.start(settings());
    let away = || ReadError::Unavailable {
        detail: "the warehouse does not answer".to_owned(),
        cause: "timeout",
    };
    world.counters.fail_next([away(), away()]);
    let began = Instant::now();
    let run = process.run(by_hand()).await.run;
    assert_eq!(run.state, RunState::Published, "{:?}", run.failure);
    let reads: Vec<_> = run
        .steps
        .iter()
        .filter(|step| step.name == StepName::Read)
        .collect();
    assert_eq!(
        reads.iter().map(|step| step.attempt).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(began.elapsed() >= Duration::from_secs(3), "1 s and 2 s");
    assert_eq!(process.status.snapshot().counts.retries[&StepName::Read], 2);

    world.counters.fail_next([away(), away(), away()]);
    let outcome = process.run(by_hand()).await;
    assert_eq!(
        (outcome.run.state, outcome.blame),
        (RunState::Failed, Blame::Dependency)
    );
    let unfit = ReadError::Unfit {
        detail: "a table is missing".to_owned(),
    };
    world.counters.fail_next([unfit]);
    let run = process.run(by_hand()).await.run;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.steps.len(), 2, "it does not help to try again");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_a_deadline() {
    let world = World::new();
    let mut process = world.start(settings());
    set(&world.faults.warehouse_hangs, true);
    let began = Instant::now();
    let run = process.run(by_hand()).await.run;
    assert_eq!(run.state, RunState::Failed);
    let took = began.elapsed();
    let expected = 3 * settings().step_timeout + Duration::from_secs(3);
    assert!(
        took >= expected && took < expected + Duration::from_secs(1),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_with_its_result_until_readers_are_back() {
    let world = World::new();
    let mut process = world.start(settings());
    set(&world.faults.readers_away, true);
    process
        .runs
        .request(by_hand())
        .await
        .expect("nothing is under way");
    let back = async {
        tokio::time::sleep(Duration::from_hours(2)).await;
        let reads = world.faults.reads.load(Ordering::Relaxed);
        set(&world.faults.readers_away, false);
        (reads, Instant::now())
    };
    let (outcome, (reads, back_at)) = tokio::join!(process.carry_out(), back);
    assert_eq!(
        outcome.run.state,
        RunState::Published,
        "{:?}",
        outcome.run.failure
    );
    assert!(
        back_at.elapsed() <= Duration::from_secs(5),
        "{:?}",
        back_at.elapsed()
    );
    let reads_then = world.faults.reads.load(Ordering::Relaxed);
    assert_eq!(reads, reads_then, "nothing is computed again");
    assert_eq!(world.published_run().await, Some(outcome.run.id));
    assert!(outcome.run.steps.len() < 20, "waiting is no attempt");
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_fails() {
    let world = World::new();
    let impatient = RunSettings {
        is_patient: false,
        ..settings()
    };
    let mut process = world.start(impatient);
    set(&world.faults.readers_away, true);
    let outcome = process.run(by_hand()).await;
    assert_eq!(
        (outcome.run.state, outcome.blame),
        (RunState::Failed, Blame::Dependency)
    );
    let failure = outcome.run.failure.expect("it says why");
    assert_eq!(failure.step, StepName::Stage);
    // Its result is kept, so what was computed can be published.
    set(&world.faults.readers_away, false);
    assert!(is(&world.faults.readers_away) || !outcome.results.is_empty());
}

#[tokio::test(start_paused = true)]
async fn there_is_one_run_at_a_time_and_it_can_be_cancelled() {
    let world = World::new();
    let mut process = world.start(settings());
    set(&world.faults.warehouse_hangs, true);
    let first = process
        .runs
        .request(by_hand())
        .await
        .expect("nothing is under way");
    let refused = process.runs.request(by_hand()).await;
    assert_eq!(refused, Err(RunRefused::InProgress(first)));
    let runs = std::sync::Arc::clone(&process.runs);
    let cancelling = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        runs.cancel(first).await
    };
    let (outcome, cancelled) = tokio::join!(process.carry_out(), cancelling);
    assert_eq!(cancelled, Ok(()));
    assert_eq!(outcome.run.state, RunState::Cancelled);
    let again = process.runs.cancel(first).await;
    let state = RunState::Cancelled;
    assert_eq!(again, Err(CancelRefused::Ended { run: first, state }));
    set(&world.faults.warehouse_hangs, false);
    assert_eq!(process.run(by_hand()).await.run.state, RunState::Published);
}

#[tokio::test(start_paused = true)]
async fn what_the_end_of_a_process_has_interrupted_is_known_at_the_next_start() {
    let world = World::new();
    let process = world.start(settings());
    set(&world.faults.warehouse_hangs, true);
    let left = process
        .runs
        .request(by_hand())
        .await
        .expect("nothing is under way");
    drop(process);
    set(&world.faults.warehouse_hangs, false);
    let mut process = world.start(settings());
    process.runner.remember().await;
    assert_eq!(world.state_of(left).await, RunState::Interrupted);
    assert_eq!(process.run(by_hand()).await.run.state, RunState::Published);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_ends_finishes_its_run_if_it_can() {
    let world = World::new();
    for hangs in [false, true] {
        let process = world.start(settings());
        set(&world.faults.warehouse_hangs, hangs);
        let id = process
            .runs
            .request(by_hand())
            .await
            .expect("nothing is under way");
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        let ending = async {
            tokio::task::yield_now().await;
            drain.cancel();
            tokio::time::sleep(Duration::from_secs(25)).await;
            abort.cancel();
        };
        let running = process
            .runner
            .run(process.orders, drain.clone(), abort.clone());
        tokio::join!(running, ending);
        let state = world.state_of(id).await;
        let expected = if hangs {
            RunState::Interrupted
        } else {
            RunState::Published
        };
        assert_eq!(state, expected);
        let unfinished = world.ledger.runs(10, Some(RunState::Running)).await;
        assert_eq!(unfinished, Ok(Vec::new()));
    }
}
