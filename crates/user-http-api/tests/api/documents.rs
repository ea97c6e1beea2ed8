//! The description of the interface, the page and the metrics.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Api, ME, USER, json};

#[tokio::test]
async fn the_description_is_as_it_was() {
    let api = Api::start().await;
    insta::assert_json_snapshot!("openapi", api.json("/openapi.json").await);
    api.stop().await;
}

/// Documents are written by the application, and described here.
#[tokio::test]
async fn a_profile_has_the_members_of_its_description() {
    let api = Api::start().await;
    let description = api.json("/openapi.json").await;
    let described = |schema: &str| -> BTreeSet<String> {
        let properties = &description["components"]["schemas"][schema]["properties"];
        let properties = properties.as_object().expect("it has members");
        properties.keys().cloned().collect()
    };
    let members = |value: &Value| -> BTreeSet<String> {
        let members = value.as_object().expect("it is an object");
        members.keys().cloned().collect()
    };
    let profile = json(api.look(ME, &api.token(1, USER)).await).await;
    assert_eq!(members(&profile), described("ProfileDocument"));
    assert_eq!(
        members(&profile["preferences"]),
        described("PreferencesDocument")
    );
    assert_eq!(
        members(&profile["subscription"]),
        described("SubscriptionDocument")
    );
    let page = json(api.look("/api/v1/profiles", &api.token(9, "admin")).await).await;
    assert_eq!(members(&page), described("ProfilePage"));
    api.stop().await;
}

#[tokio::test]
async fn the_page_names_no_other_host() {
    let api = Api::start().await;
    let answer = api.get("/").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let page = answer.text().await.expect("it is text");
    assert!(page.contains("<title>Profiles</title>"), "{page}");
    // The name of a format, which nobody asks.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://"));
    api.stop().await;
}

#[tokio::test]
async fn metrics_have_their_stable_names_and_labels() {
    let api = Api::start().await;
    insta::assert_snapshot!("metrics", api.text("/metrics").await);
    api.stop().await;
}
