//! `docs/user/INTERFACE.md` says what the interface has, and nothing else.

use std::collections::BTreeSet;

use http_test_kit::manual::{described_metrics, described_paths, shown_metrics, shown_paths};
use test_kit::document::{code, table};

use crate::support::Api;

const MANUAL: &str = "user/INTERFACE.md";

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

#[tokio::test]
async fn every_member_of_a_profile_is_in_the_manual() {
    let api = Api::start().await;
    let description = api.json("/openapi.json").await;
    let members = |schema: &str| -> BTreeSet<String> {
        let properties = &description["components"]["schemas"][schema]["properties"];
        let properties = properties.as_object().expect("it has members");
        properties.keys().cloned().collect()
    };
    let described = |head: &str| -> BTreeSet<String> {
        let rows = table(MANUAL, head);
        let names = rows.iter().flat_map(|row| code(&row[0]));
        names.map(str::to_owned).collect()
    };
    assert_eq!(described("member"), members("ProfileDocument"));
    assert_eq!(described("preference"), members("PreferencesDocument"));
    assert_eq!(
        described("of a subscription"),
        members("SubscriptionDocument")
    );
    api.stop().await;
}
