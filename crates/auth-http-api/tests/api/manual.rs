//! `docs/auth/INTERFACE.md` says what the interface has, and nothing else.

use http_test_kit::manual::{described_metrics, described_paths, shown_metrics, shown_paths};

use crate::support::Api;

const MANUAL: &str = "auth/INTERFACE.md";

#[tokio::test]
async fn every_metric_is_in_the_manual_with_its_labels_and_type() {
    let api = Api::start().await;
    assert_eq!(
        described_metrics(MANUAL),
        shown_metrics(&api.text("/metrics").await)
    );
    api.stop().await;
}

#[tokio::test]
async fn every_path_is_in_the_manual_with_its_method() {
    let api = Api::start().await;
    let description = api.json("/openapi.json").await;
    assert_eq!(described_paths(MANUAL), shown_paths(&description));
    api.stop().await;
}
