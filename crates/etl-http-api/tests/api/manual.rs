//! `docs/etl/INTERFACE.md` says what the interface has, and nothing else.

use std::collections::BTreeSet;

use etl_application::DeadLetterReason;
use http_test_kit::manual::{described_metrics, described_paths, shown_metrics, shown_paths};
use test_kit::document::{code, table};

use crate::{
    figures::load_one_of_each,
    support::{Api, range},
};

const MANUAL: &str = "etl/INTERFACE.md";

#[tokio::test]
async fn every_metric_is_in_the_manual_with_its_labels_and_type() {
    let api = Api::start();
    load_one_of_each(&api).await;
    let begun = api.backfills.begin(&range(0)).await;
    begun.expect("there is room");
    // A range whose end is known has a series once some of it is done.
    api.until(|| api.backfills.figures().iter().any(|one| one.records > 0))
        .await;
    let text = api.text("/metrics").await;
    assert_eq!(described_metrics(MANUAL), shown_metrics(&text));
    api.stop().await;
}

#[tokio::test]
async fn every_path_is_in_the_manual_with_its_method() {
    let api = Api::start_with_token();
    let description = api.json("/openapi.json").await;
    assert_eq!(described_paths(MANUAL), shown_paths(&description));
    api.stop().await;
}

#[test]
fn every_reason_of_a_dead_letter_is_in_the_manual() {
    let rows = table(MANUAL, "reason");
    let described: BTreeSet<_> = rows.iter().flat_map(|row| code(&row[0])).collect();
    let all = DeadLetterReason::ALL.iter();
    assert_eq!(described, all.map(|reason| reason.as_str()).collect());
}
