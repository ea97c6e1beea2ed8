//! Having a day built again.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, Mood, TOKEN, day};

const PATH: &str = "/api/v1/days/2025-11-07/rebuild";

async fn post(api: &Api, path: &str, token: &str) -> Response {
    let request = api.client.post(format!("{}{path}", api.url));
    let request = request.header("authorization", token).send().await;
    request.expect("the server answers")
}

async fn detail(answer: Response) -> Value {
    let mut problem: Value = answer.json().await.expect("a problem is JSON");
    problem["detail"].take()
}

#[tokio::test]
async fn without_a_token_there_is_no_such_path() {
    let api = Api::start();
    for method in [Method::POST, Method::GET, Method::PUT] {
        let request = api
            .client
            .request(method.clone(), format!("{}{PATH}", api.url));
        let nothing = request.bearer_auth(TOKEN).send().await;
        let nothing = nothing.expect("the server answers");
        assert_eq!(nothing.status(), StatusCode::NOT_FOUND, "{method}");
        let expected = "there is nothing here; /openapi.json lists every path";
        assert_eq!(detail(nothing).await, expected, "{method}");
    }
    assert!(api.warehouse.lock().marked.is_empty());
    api.stop().await;
}

#[tokio::test]
async fn the_right_token_marks_a_day_and_no_other_does() {
    let api = Api::start_with_token();
    for token in ["", "Bearer ", TOKEN, "Bearer zQz", "Basic zQz-a-token"] {
        let refused = post(&api, PATH, token).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{token:?}");
        assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    }
    assert!(api.warehouse.lock().marked.is_empty());
    let marked = post(&api, PATH, &format!("Bearer {TOKEN}")).await;
    assert_eq!(marked.status(), StatusCode::ACCEPTED);
    let marked: Value = marked.json().await.expect("it is JSON");
    assert_eq!(marked, json!({ "day": "2025-11-07" }));
    assert_eq!(api.warehouse.lock().marked, [day(7)]);
    let other = api.get(PATH).await;
    assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(other.headers()["allow"], "POST");
    api.stop().await;
}

#[tokio::test]
async fn only_a_day_that_can_have_matches_is_marked() {
    let api = Api::start_with_token();
    let token = format!("Bearer {TOKEN}");
    for wrong in ["2009-12-31", "2025-11-10", "2025-11-31", "today"] {
        let path = format!("/api/v1/days/{wrong}/rebuild");
        let refused = post(&api, &path, &token).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{wrong}");
        let expected = format!(
            "day is {wrong:?}; allowed: a day such as 2026-11-29, from 2010-01-01 to 2025-11-09"
        );
        assert_eq!(detail(refused).await, expected);
    }
    for right in ["2010-01-01", "2025-11-09"] {
        let path = format!("/api/v1/days/{right}/rebuild");
        assert_eq!(
            post(&api, &path, &token).await.status(),
            StatusCode::ACCEPTED,
            "{right}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn a_day_that_cannot_be_marked_is_not_said_to_be() {
    let api = Api::start_with_token();
    api.warehouse.lock().mood = Mood::Fails;
    let refused = post(&api, PATH, &format!("Bearer {TOKEN}")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "5");
    assert!(!detail(refused).await.to_string().contains("10.0.0.7"));
    api.stop().await;
}
