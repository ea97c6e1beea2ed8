//! What every ledger of runs must do, as one suite of checks.

use std::sync::Arc;

use anyhow::{Result, ensure};
use domain::Timestamp;
use model_application::ports::{
    Entered, Failure, LedgerError, Run, RunId, RunLedger, RunState, RunStep, StepName, Trigger,
};
use uuid::Uuid;

/// A ledger for this suite keeps so many runs.
pub const KEEP: usize = 5;

/// Checks everything; `make` makes an empty ledger, which keeps [`KEEP`] runs.
///
/// # Errors
/// A promise is broken; it says which.
pub async fn check(make: impl AsyncFn() -> Result<Arc<dyn RunLedger>>) -> Result<()> {
    a_run_is_what_was_set_down(&*make().await?).await?;
    one_run_at_a_time(&*make().await?).await?;
    a_run_that_has_ended_does_not_go_on(&*make().await?).await?;
    runs_are_found_by_state_the_newest_first(&*make().await?).await?;
    the_oldest_are_forgotten(&*make().await?).await?;
    what_a_dead_process_did_is_interrupted(&*make().await?).await
}

/// A run that was just queued, with everything that it has then.
#[must_use]
pub fn queued(number: u64) -> Run {
    Run {
        id: RunId(Uuid::from_u64_pair(number, 0)),
        state: RunState::Queued,
        trigger: Trigger::Manual,
        by: Some("somebody \u{1F600}".to_owned()),
        queued_at: time(number),
        started_at: None,
        ended_at: None,
        program: "0.1.0 (abc)".to_owned(),
        settings_hash: "5e771965".to_owned(),
        counts_hash: None,
        figures: None,
        failure: None,
        steps: Vec::new(),
    }
}

fn time(number: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_719_700_000_123 + i64::try_from(number).unwrap_or_default())
}

fn step(name: StepName, attempt: u32) -> RunStep {
    RunStep {
        name,
        attempt,
        started_at: time(10),
        ended_at: None,
        rows: 0,
        detail: String::new(),
    }
}

/// Enters a run and ends it so.
async fn ended(ledger: &dyn RunLedger, number: u64, state: RunState) -> Result<Run> {
    let mut run = queued(number);
    ensure!(ledger.enter(&run).await? == Entered::Yes, "{number}");
    run.state = RunState::Running;
    ledger.set_down(&run).await?;
    run.state = state;
    run.ended_at = Some(time(number + 1));
    ledger.set_down(&run).await?;
    Ok(run)
}

async fn a_run_is_what_was_set_down(ledger: &dyn RunLedger) -> Result<()> {
    let mut run = queued(1);
    ensure!(ledger.run(run.id).await?.is_none());
    ensure!(ledger.enter(&run).await? == Entered::Yes);
    ensure!(ledger.run(run.id).await? == Some(run.clone()));

    run.state = RunState::Running;
    run.started_at = Some(time(2));
    run.steps = vec![step(StepName::Lock, 1), step(StepName::Read, 1)];
    ledger.set_down(&run).await?;
    ensure!(ledger.run(run.id).await? == Some(run.clone()));

    run.steps[1] = RunStep {
        ended_at: Some(time(20)),
        rows: 32_000,
        detail: "the warehouse is away".to_owned(),
        ..step(StepName::Read, 1)
    };
    run.steps.push(step(StepName::Read, 2));
    run.counts_hash = Some("c0de".to_owned());
    run.figures = Some("{\"skill_all\":{}}".to_owned());
    run.failure = Some(Failure {
        step: StepName::Read,
        cause: "it stays away".to_owned(),
    });
    run.state = RunState::Failed;
    run.ended_at = Some(time(30));
    ledger.set_down(&run).await?;
    ledger.set_down(&run).await?;
    ensure!(ledger.run(run.id).await? == Some(run.clone()));
    ensure!(ledger.runs(10, None).await? == [run]);
    let unknown = ledger.set_down(&queued(7)).await;
    ensure!(
        unknown == Err(LedgerError::NoSuchRun(queued(7).id)),
        "{unknown:?}"
    );
    Ok(())
}

async fn one_run_at_a_time(ledger: &dyn RunLedger) -> Result<()> {
    let mut first = queued(1);
    ensure!(ledger.enter(&first).await? == Entered::Yes);
    for state in [RunState::Queued, RunState::Running] {
        first.state = state;
        ledger.set_down(&first).await?;
        let second = ledger.enter(&queued(2)).await?;
        ensure!(second == Entered::InProgress(first.id), "{second:?}");
        ensure!(ledger.run(queued(2).id).await?.is_none());
        // Whoever has not heard that it was entered asks again.
        ensure!(ledger.enter(&queued(1)).await? == Entered::Yes);
        ensure!(ledger.run(first.id).await? == Some(first.clone()));
    }
    first.state = RunState::Cancelled;
    ledger.set_down(&first).await?;
    ensure!(ledger.enter(&queued(2)).await? == Entered::Yes);
    Ok(())
}

async fn a_run_that_has_ended_does_not_go_on(ledger: &dyn RunLedger) -> Result<()> {
    let run = ended(ledger, 1, RunState::Unchanged).await?;
    let mut again = run.clone();
    again.state = RunState::Running;
    again.steps.push(step(StepName::Lock, 1));
    let refused = ledger.set_down(&again).await;
    let expected = LedgerError::NoWayBack {
        id: run.id,
        from: RunState::Unchanged,
        to: RunState::Running,
    };
    ensure!(refused == Err(expected), "{refused:?}");
    ensure!(ledger.run(run.id).await? == Some(run));

    let mut held = ended(ledger, 2, RunState::Held).await?;
    held.state = RunState::Published;
    ledger.set_down(&held).await?;
    ensure!(ledger.run(held.id).await? == Some(held));
    Ok(())
}

async fn runs_are_found_by_state_the_newest_first(ledger: &dyn RunLedger) -> Result<()> {
    use RunState::{Failed, Held, Published};
    for (number, state) in (1..).zip([Published, Failed, Published, Held]) {
        ended(ledger, number, state).await?;
    }
    let check = async |count_max: usize, state: Option<RunState>, expected: &[u64]| {
        let runs = ledger.runs(count_max, state).await?;
        let found: Vec<_> = runs.iter().map(|run| run.id.0.as_u64_pair().0).collect();
        ensure!(found == expected, "{count_max} {state:?}: {found:?}");
        Ok(())
    };
    check(10, None, &[4, 3, 2, 1]).await?;
    check(2, None, &[4, 3]).await?;
    check(0, None, &[]).await?;
    check(10, Some(Published), &[3, 1]).await?;
    check(1, Some(Published), &[3]).await?;
    check(10, Some(RunState::Cancelled), &[]).await
}

async fn the_oldest_are_forgotten(ledger: &dyn RunLedger) -> Result<()> {
    for number in 1..=8 {
        let mut run = ended(ledger, number, RunState::Published).await?;
        run.steps.push(step(StepName::Lock, 1));
        ledger.set_down(&run).await?;
    }
    let kept = ledger.runs(100, None).await?;
    let kept: Vec<_> = kept.iter().map(|run| run.id.0.as_u64_pair().0).collect();
    ensure!(kept == [8, 7, 6, 5, 4], "{kept:?}");
    ensure!(ledger.run(queued(1).id).await?.is_none());
    Ok(())
}

async fn what_a_dead_process_did_is_interrupted(ledger: &dyn RunLedger) -> Result<()> {
    ensure!(ledger.interrupt_unfinished(time(1)).await?.is_empty());
    let done = ended(ledger, 1, RunState::Published).await?;
    let mut run = queued(2);
    ledger.enter(&run).await?;
    run.state = RunState::Running;
    run.steps.push(step(StepName::Read, 1));
    ledger.set_down(&run).await?;
    ensure!(ledger.interrupt_unfinished(time(50)).await? == [run.id]);
    run.state = RunState::Interrupted;
    run.ended_at = Some(time(50));
    ensure!(ledger.run(run.id).await? == Some(run));
    ensure!(ledger.run(done.id).await? == Some(done));
    ensure!(ledger.interrupt_unfinished(time(60)).await?.is_empty());
    // One that had not begun has nobody either who will.
    ledger.enter(&queued(3)).await?;
    ensure!(ledger.interrupt_unfinished(time(70)).await? == [queued(3).id]);
    ensure!(ledger.enter(&queued(4)).await? == Entered::Yes);
    Ok(())
}
