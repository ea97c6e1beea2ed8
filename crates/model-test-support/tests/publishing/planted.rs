//! Bugs are found, or these tests are worth nothing.

use anyhow::{Context as _, Result, ensure};
use model_test_support::Bug;

use super::{kills, leaders, staging};

fn assert_found(result: Result<()>, words: &[&str]) -> Result<()> {
    let found = result.err().context("the bug was not found")?.to_string();
    let is_it = words.iter().any(|word| found.contains(word));
    ensure!(is_it, "something else was found: {found}");
    Ok(())
}

#[tokio::test]
async fn an_epoch_that_is_not_compared_is_found() -> Result<()> {
    let result = leaders::run(Some(Bug::EpochNotCompared)).await;
    assert_found(result, &["has overwritten"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renames_outside_the_transaction_are_found() -> Result<()> {
    let plan = kills::Plan {
        publications: 10,
        kills: 2,
        seed: 1,
        bug: Some(Bug::RenamesApart),
    };
    assert_found(kills::run(&plan).await, &["mixed", "missing"])
}

#[tokio::test]
async fn staging_without_an_end_is_found() -> Result<()> {
    let result = staging::run(Some(Bug::StagingWithoutEnd)).await;
    assert_found(result, &["ends Endless"])
}
