//! `docs/model/INTERFACE.md` says what the interface has, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use domain::{Day, Timestamp};
use http_test_kit::manual::{described_metrics, described_paths, shown_metrics, shown_paths};
use model_application::{
    ports::{RunState, StepName, Trigger},
    runs::RunRequest,
};

use crate::support::{Api, world::World};

const MANUAL: &str = "model/INTERFACE.md";

#[tokio::test]
async fn every_metric_is_in_the_manual_with_its_labels_and_type() {
    let api = Api::start_with(&World::first()).await;
    let desk = &api.desk;
    let at = Timestamp::from_unix_seconds(1_719_705_600);
    desk.has_counters_of(Day::of(at), at);
    let begun = desk.runs.request(RunRequest::of_all(Trigger::Start)).await;
    begun.expect("nothing is in its way");
    let order = desk.order().await;
    let run = desk.begin(&order.run).await;
    desk.status
        .step_took(StepName::Read, Duration::from_millis(120));
    desk.status
        .left_out(&BTreeMap::from([("leaver".to_owned(), 7)]));
    desk.end(&run, RunState::Published, None).await;
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
