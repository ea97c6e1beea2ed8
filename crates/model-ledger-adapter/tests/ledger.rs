//! The ledger in a file, held to the suite, and over restarts.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Result, ensure};
use domain::Timestamp;
use model_application::ports::{Entered, ResultStore, RunLedger, RunState};
use model_ledger_adapter::SqliteLedger;
use model_test_support::{
    ledger_contract::{KEEP, check, queued},
    results_contract,
};

fn file() -> Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("data/models/ledger.db");
    Ok((folder, path))
}

#[tokio::test]
async fn the_file_keeps_the_promises() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let count = std::sync::atomic::AtomicU32::new(0);
    check(async || {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(format!("{number}.db"));
        Ok(Arc::new(SqliteLedger::open(&path, KEEP).await?) as Arc<dyn RunLedger>)
    })
    .await
}

#[tokio::test]
async fn runs_are_there_after_a_restart_and_the_unfinished_one_was_interrupted() -> Result<()> {
    let (_folder, path) = file()?;
    let ledger = SqliteLedger::open(&path, KEEP).await?;
    let mut run = queued(1);
    ledger.enter(&run).await?;
    run.state = RunState::Running;
    ledger.set_down(&run).await?;
    ledger.close().await;

    let ledger = SqliteLedger::open(&path, KEEP).await?;
    ensure!(ledger.run(run.id).await? == Some(run.clone()));
    let at = Timestamp::from_unix_ms(1_719_800_000_000);
    ensure!(ledger.interrupt_unfinished(at).await? == [run.id]);
    ensure!(ledger.enter(&queued(2)).await? == Entered::Yes);
    Ok(())
}

#[tokio::test]
async fn two_processes_do_not_run_at_the_same_time() -> Result<()> {
    let (_folder, path) = file()?;
    let first = SqliteLedger::open(&path, KEEP).await?;
    let second = SqliteLedger::open(&path, KEEP).await?;
    let (one, other) = (queued(1), queued(2));
    let both = tokio::join!(first.enter(&one), second.enter(&other));
    let entered = [both.0?, both.1?];
    let count = entered.iter().filter(|it| **it == Entered::Yes).count();
    ensure!(count == 1, "{entered:?}");
    Ok(())
}

#[tokio::test]
async fn the_file_keeps_results() -> Result<()> {
    let folder = tempfile::tempdir()?;
    results_contract::check(async || {
        let path = folder.path().join("results.db");
        Ok(Arc::new(SqliteLedger::open(&path, KEEP).await?) as Arc<dyn ResultStore>)
    })
    .await
}

#[tokio::test]
async fn results_are_there_after_a_restart() -> Result<()> {
    let (_folder, path) = file()?;
    let result = results_contract::result_of(1, "7.38");
    let store = SqliteLedger::open(&path, KEEP).await?;
    store.keep(&result, None).await?;
    store.close().await;
    let store = SqliteLedger::open(&path, KEEP).await?;
    ensure!(store.results_of(result.run).await? == [result]);
    Ok(())
}
