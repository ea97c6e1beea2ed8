//! Runs, and what may be asked of them.

use std::collections::BTreeMap;

use domain::Timestamp;
use health_kit::HealthReporter as _;
use http_test_kit::events::{event_data, read_events};
use model_application::{
    PatchResult,
    ports::{ResultStore as _, RunState, StepName, Trigger},
    runs::{RunEvent, RunEventKind, Standing, Task},
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, TOKEN, problem};

const RUNS: &str = "/api/v1/runs";

async fn post(api: &Api, path: &str, body: &Value, key: Option<&str>) -> Response {
    let request = api.client.post(format!("{}{path}", api.url));
    let mut request = request.bearer_auth(TOKEN).json(body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.send().await.expect("the server answers")
}

#[tokio::test]
async fn without_a_token_nobody_orders_and_with_a_wrong_one_neither() {
    let api = Api::start();
    let id = "0192f3a1-0000-7000-8000-000000000000";
    let one = format!("{RUNS}/{id}");
    for path in [
        RUNS.to_owned(),
        format!("{one}/publish"),
        format!("{one}/cancel"),
    ] {
        let answer = post(&api, &path, &json!({}), None).await;
        let said = problem(answer, 404, "about:blank").await;
        assert_eq!(
            said["detail"],
            "there is nothing here; /openapi.json lists every path"
        );
    }
    api.stop().await;
    let api = Api::start_with_token();
    for path in [
        RUNS.to_owned(),
        format!("{one}/publish"),
        format!("{one}/cancel"),
    ] {
        let request = api
            .client
            .request(Method::POST, format!("{}{path}", api.url));
        let answer = request.bearer_auth("another").send().await;
        let answer = answer.expect("the server answers");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(api.json(RUNS).await["runs"], json!([]));
    api.stop().await;
}

#[tokio::test]
async fn a_run_is_begun_shown_and_listed() {
    let api = Api::start_with_token();
    let wanted = json!({"patch": "7.36", "skill": "high", "force": true});
    let answer = post(&api, RUNS, &wanted, None).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let place = answer.headers()["location"]
        .to_str()
        .expect("it is text")
        .to_owned();
    let begun: Value = answer.json().await.expect("it is JSON");
    assert_eq!(
        place,
        format!("{RUNS}/{}", begun["run"].as_str().expect("an id"))
    );
    assert_eq!(
        (&begun["state"], &begun["trigger"]),
        (&json!("queued"), &json!("manual"))
    );

    let order = api.desk.order().await;
    let Task::Compute(request) = &order.task else {
        panic!("{order:?}");
    };
    assert_eq!(request.patch.as_deref(), Some("7.36"));
    assert!(request.force && !request.dry_run && request.mode.is_none());
    let run = api.desk.begin(&order.run).await;
    let shown = api.json(&place).await;
    assert_eq!(shown["state"], "running");
    assert_eq!(shown["steps"][1]["rows"], 64_004);
    assert_eq!(shown["steps"][2]["ended_at"], json!(null));

    let busy = post(&api, RUNS, &json!({}), None).await;
    let busy = problem(busy, 409, "run-in-progress").await;
    assert_eq!(busy["run"], begun["run"]);
    api.desk
        .end(&run, RunState::Failed, Some("the warehouse is away"))
        .await;
    drop(order);
    let failed = api.json(&format!("{RUNS}?state=failed&limit=1")).await;
    assert_eq!(failed["runs"][0]["failure"]["step"], "estimate");
    assert_eq!(
        failed["runs"][0]["failure"]["cause"],
        "the warehouse is away"
    );
    assert_eq!(
        api.json(&format!("{RUNS}?state=held")).await["runs"],
        json!([])
    );
    for wrong in ["?limit=0", "?limit=501", "?state=lost", "?skill=all", "/7"] {
        api.refused(&format!("{RUNS}{wrong}"), 400, "about:blank")
            .await;
    }
    let nobody = format!("{RUNS}/0192f3a1-0000-7000-8000-000000000000");
    api.refused(&nobody, 404, "about:blank").await;
    api.stop().await;
}

#[tokio::test]
async fn what_cannot_be_computed_is_a_problem_of_its_kind() {
    let api = Api::start_with_token();
    for (body, status, kind) in [
        (json!({"patch": "7.99"}), 404, "unknown-patch"),
        (json!({"skill": "best"}), 400, "unknown-skill"),
        (json!({"skill": "low"}), 400, "unknown-skill"),
        (json!({"mode": "turbo"}), 400, "about:blank"),
        (json!({"mode": "slow"}), 400, "about:blank"),
        (json!({"pitch": "7.36"}), 400, "about:blank"),
    ] {
        problem(post(&api, RUNS, &body, None).await, status, kind).await;
    }
    api.desk.status.stands(Standing::Standby {
        leader: Some("model-b".to_owned()),
    });
    let elsewhere = post(&api, RUNS, &json!({}), None).await;
    assert_eq!(elsewhere.headers()["retry-after"], "5");
    let elsewhere = problem(elsewhere, 503, "not-leader").await;
    assert_eq!(elsewhere["leader"], "model-b");
    api.stop().await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_begins_nothing_new() {
    let api = Api::start_with_token();
    let wanted = json!({"skill": "high"});
    let first: Value = post(&api, RUNS, &wanted, Some("a-key"))
        .await
        .json()
        .await
        .expect("JSON");
    let again = post(&api, RUNS, &wanted, Some("\"a-key\"")).await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    let again: Value = again.json().await.expect("it is JSON");
    assert_eq!(first["run"], again["run"]);
    let other = post(&api, RUNS, &json!({}), Some("a-key")).await;
    problem(other, 422, "about:blank").await;
    let wrong = post(&api, RUNS, &wanted, Some("")).await;
    problem(wrong, 400, "about:blank").await;
    // What was refused is tried again.
    let busy = post(&api, RUNS, &wanted, Some("b-key")).await;
    problem(busy, 409, "run-in-progress").await;
    let order = api.desk.order().await;
    let run = api.desk.begin(&order.run).await;
    api.desk.end(&run, RunState::Cancelled, None).await;
    drop(order);
    let later = post(&api, RUNS, &wanted, Some("b-key")).await;
    assert_eq!(later.status(), StatusCode::ACCEPTED);
    assert_eq!(
        api.json(RUNS).await["runs"].as_array().map(Vec::len),
        Some(2)
    );
    api.stop().await;
}

#[tokio::test]
async fn a_run_is_cancelled_and_one_that_is_held_is_published() {
    let api = Api::start_with_token();
    post(&api, RUNS, &json!({}), None).await;
    let order = api.desk.order().await;
    let run = api.desk.begin(&order.run).await;
    let place = format!("{RUNS}/{}", run.id);
    let cancelled = post(&api, &format!("{place}/cancel"), &json!({}), None).await;
    assert_eq!(cancelled.status(), StatusCode::ACCEPTED);
    assert!(order.turn.cancelled().is_cancelled());
    api.desk
        .end(&run, RunState::Held, Some("its log loss is worse"))
        .await;
    drop(order);
    let held = post(&api, &format!("{place}/cancel"), &json!({}), None).await;
    problem(held, 409, "held").await;
    let nothing = post(&api, &format!("{place}/publish"), &json!({}), None).await;
    problem(nothing, 404, "no-data").await;
    let result = PatchResult {
        run: run.id,
        as_of: Timestamp::from_unix_seconds(1_719_728_220),
        patch: "7.36".to_owned(),
        counts_hash: None,
        excluded: BTreeMap::new(),
        slices: BTreeMap::new(),
    };
    api.desk
        .results
        .keep(&result, None)
        .await
        .expect("there is room");
    let published = post(&api, &format!("{place}/publish"), &json!({}), None).await;
    assert_eq!(published.status(), StatusCode::ACCEPTED);
    let order = api.desk.order().await;
    assert!(matches!(&order.task, Task::Publish { results, .. } if results.len() == 1));
    let none = format!("{RUNS}/0192f3a1-0000-7000-8000-000000000000/publish");
    problem(
        post(&api, &none, &json!({}), None).await,
        404,
        "about:blank",
    )
    .await;
    api.stop().await;
}

#[tokio::test]
async fn events_tell_how_runs_are_and_at_once_what_happens() {
    let api = Api::start_with_token();
    post(&api, RUNS, &json!({}), None).await;
    let order = api.desk.order().await;
    let run = api.desk.begin(&order.run).await;
    api.desk.status.scheduled(
        Some("17 */6 * * *"),
        Some(Timestamp::from_unix_seconds(1_719_749_820)),
    );
    let stream = api.get("/api/v1/runs/events").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    for kind in [
        RunEventKind::StepBegan {
            step: StepName::Judge,
            attempt: 1,
        },
        RunEventKind::Switched {
            patch: "7.36".to_owned(),
        },
    ] {
        api.desk.events.tell(RunEvent {
            run: run.id,
            at: Timestamp::from_unix_seconds(1_719_728_220),
            kind,
        });
    }
    let events = read_events(stream, 3).await;
    let of = |name: &str| {
        let named = events
            .iter()
            .filter(|event| event.starts_with(&format!("event: {name}\n")));
        named
            .map(|event| event_data(name, event))
            .collect::<Vec<_>>()
    };
    let seen = &of("runs")[0];
    assert_eq!(seen["current"]["run"], run.id.to_string());
    assert_eq!(seen["leader"], json!({"standing": "alone"}));
    assert_eq!(seen["schedule"]["next"], "2024-06-30T12:17:00.000Z");
    let told = of("run");
    assert_eq!(told.len(), 2, "{events:?}");
    assert_eq!(
        (&told[0]["what"], &told[0]["step"]),
        (&json!("step_began"), &json!("judge"))
    );
    assert_eq!(
        (&told[1]["what"], &told[1]["patch"]),
        (&json!("switched"), &json!("7.36"))
    );
    assert_eq!(run.trigger, Trigger::Manual);
    api.stop().await;
}

#[tokio::test]
async fn health_has_a_check_for_each_thing_that_can_be_wrong() {
    let api = Api::start();
    let names: Vec<_> = api
        .desk
        .status
        .checks()
        .into_iter()
        .map(|check| check.name)
        .collect();
    assert_eq!(
        names,
        ["clickhouse", "data_age", "last_run", "holdout", "leader"]
    );
    let health = api.json("/api/v1/health").await;
    for check in health["checks"].as_array().expect("a list") {
        assert!(
            check["reason"].is_string() && check["since"].is_string(),
            "{check}"
        );
    }
    api.stop().await;
}
