//! What is published, as it stands in Redis.

use http_test_kit::DEADLINE;
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::support::{Api, FAILING, PLAYER, SILENT, world::World};

#[tokio::test]
async fn a_hero_has_the_same_bytes_as_in_redis() {
    let world = World::first();
    let api = Api::start_with(&world).await;
    for (path, key) in [
        ("/api/v1/counters/1", "counters:patch_7.36:skill_all:hero_1"),
        (
            "/api/v1/synergies/14?patch=7.36",
            "synergy:patch_7.36:skill_all:hero_14",
        ),
        (
            "/api/v1/counters/2?skill=high",
            "counters:patch_7.36:skill_high:hero_2",
        ),
        (
            "/api/v1/synergies/2?mode=turbo&skill=all",
            "synergy:patch_7.36:skill_all:mode_turbo:hero_2",
        ),
    ] {
        let documents = world.publication().documents;
        let document = documents.into_iter().find(|document| document.key == key);
        let answer = api.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let answer = answer.bytes().await.expect("the answer ends");
        assert_eq!(
            Some(answer),
            document.map(|document| document.json),
            "{path}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn slices_tell_how_old_and_how_good_they_are() {
    let api = Api::start_with(&World::first()).await;
    insta::assert_json_snapshot!("slices", api.json("/api/v1/slices").await);
    api.stop().await;
}

#[tokio::test]
async fn a_slice_tells_its_calibration_where_this_process_has_judged_it() {
    let world = World::first();
    let api = Api::start_with(&world).await;
    let calibration = async || {
        let slices = api.json("/api/v1/slices").await;
        slices["patches"][0]["slices"]["skill_all"]["calibration"].clone()
    };
    assert_eq!(calibration().await, json!([]));
    api.desk.has_judged(
        World {
            run: 9,
            ..world.clone()
        }
        .run(),
    );
    assert_eq!(calibration().await, json!([]), "another run's");
    api.desk.has_judged(world.run());
    let bins = calibration().await;
    assert_eq!(bins.as_array().map(Vec::len), Some(20));
    assert_eq!(
        bins[1],
        json!({"matches": 2927, "predicted": 0.4213, "found": 0.4231})
    );
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_published_is_a_problem_of_its_kind() {
    let api = Api::start_with(&World::first()).await;
    let unknown = api.refused("/api/v1/counters/1?patch=7.99", 404, "unknown-patch");
    let unknown = unknown.await;
    assert_eq!(unknown["known"], json!(["7.36"]));
    assert_eq!(unknown["title"], "Unknown patch");
    let detail = "patch \"7.99\" is not published; known: 7.36";
    assert_eq!(unknown["detail"], detail);

    let unknown = api.refused("/api/v1/counters/1?skill=best", 400, "unknown-skill");
    assert_eq!(unknown.await["known"][3], "high");
    for hero in ["0", "12", "70000", "+1", "x"] {
        let path = format!("/api/v1/synergies/{hero}");
        api.refused(&path, 400, "unknown-hero").await;
    }
    let absent = api.refused("/api/v1/counters/1?skill=low", 404, "no-data");
    let detail = "skill_low of patch 7.36 is not published; published are skill_all, skill_high, \
                  skill_all:mode_turbo";
    assert_eq!(absent.await["detail"], detail);
    let path = "/api/v1/counters/1?mode=slow";
    let wrong = api.refused(path, 400, "about:blank").await;
    assert_eq!(wrong["detail"], "mode is \"slow\"; allowed: default, turbo");
    api.refused("/api/v1/counters/1?hero=1", 400, "about:blank")
        .await;
    api.stop().await;
}

#[tokio::test]
async fn before_anything_is_known_or_published_readers_are_told_so() {
    let api = Api::start();
    let early = api.get("/api/v1/slices").await;
    assert_eq!(early.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(early.headers()["retry-after"], "5");
    api.refused("/api/v1/counters/1", 503, "about:blank").await;
    api.published.look().await.expect("there is an answer");
    api.refused("/api/v1/counters/1", 404, "no-data").await;
    let slices = api.json("/api/v1/slices").await;
    assert_eq!(slices["current"], json!(null));
    assert_eq!(slices["patches"], json!([]));
    api.stop().await;
}

#[tokio::test]
async fn an_account_has_its_scores_from_redis_or_computed_now() {
    let api = Api::start_with(&World::first()).await;
    let stored = "/api/v1/accounts/76482434/pas";
    let scores = api.json(stored).await;
    assert_eq!(scores["heroes"]["7"]["parts"]["personal"], 3.37);
    let scores = api.json(&format!("{stored}?skill=high&patch=7.36")).await;
    assert_eq!(scores["account"], 76_482_434);
    // Stored are those against `high`, and of this account there are no games.
    api.refused(&format!("{stored}?skill=all"), 404, "no-data")
        .await;

    let path = format!("/api/v1/accounts/{PLAYER}/pas");
    assert_eq!(api.json(&path).await["computed_for"], "7.36 all");
    let scores = api.json(&format!("{path}?skill=low")).await;
    assert_eq!(scores["computed_for"], "7.36 low");
    api.refused("/api/v1/accounts/1/pas", 404, "no-data").await;
    for id in ["0", "4294967295", "x"] {
        let path = format!("/api/v1/accounts/{id}/pas");
        api.refused(&path, 400, "about:blank").await;
    }
    api.stop().await;
}

#[tokio::test]
async fn a_warehouse_that_does_not_answer_is_away_within_its_time() {
    let api = Api::start_with(&World::first()).await;
    let failing = format!("/api/v1/accounts/{FAILING}/pas");
    let away = api.refused(&failing, 503, "warehouse-away").await;
    assert!(!away.to_string().contains("10.0.0.7"), "{away}");
    let begun = Instant::now();
    let silent = format!("/api/v1/accounts/{SILENT}/pas");
    let away = timeout(DEADLINE, api.refused(&silent, 503, "warehouse-away"));
    away.await.expect("it is answered");
    let took = begun.elapsed().as_secs_f64();
    assert!((1.5..4.0).contains(&took), "{took} s");
    api.stop().await;
}
