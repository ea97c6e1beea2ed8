//! Having past ranges loaded.

use etl_application::backfill::BACKFILLS_MAX;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, TOKEN};

const PATH: &str = "/api/v1/backfills";

async fn send(api: &Api, method: Method, path: &str, body: &str) -> Response {
    let url = format!("{}{path}", api.url);
    let request = api.client.request(method, url).bearer_auth(TOKEN);
    let answer = request.body(body.to_owned()).send().await;
    answer.expect("the server answers")
}

fn range(hour: usize) -> String {
    range_of("topic", hour)
}

fn range_of(origin: &str, hour: usize) -> String {
    let range = json!({
        "origin": origin,
        "from": format!("2025-11-0{}T00:00:00Z", hour + 1),
        "to": "2025-11-08T00:00:00Z",
    });
    range.to_string()
}

async fn body(answer: Response) -> Value {
    answer.json().await.expect("it is JSON")
}

#[tokio::test]
async fn without_a_token_there_are_no_such_paths() {
    let api = Api::start();
    for (method, path) in [
        (Method::POST, PATH),
        (Method::GET, PATH),
        (Method::GET, "/api/v1/backfills/7"),
        (Method::DELETE, "/api/v1/backfills/7"),
    ] {
        let nothing = send(&api, method.clone(), path, &range(0)).await;
        assert_eq!(nothing.status(), StatusCode::NOT_FOUND, "{method} {path}");
    }
    assert!(api.backfills.figures().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn whoever_has_the_token_begins_sees_and_cancels() {
    let api = Api::start_with_token();
    let refused = api.client.post(format!("{}{PATH}", api.url)).send().await;
    let refused = refused.expect("the server answers");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    let begun = send(&api, Method::POST, PATH, &range(0)).await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let begun = body(begun).await;
    assert_eq!(
        begun["origin"],
        "--topic --from 2025-11-01T00:00:00.000Z --to 2025-11-08T00:00:00.000Z"
    );
    assert_eq!(
        (&begun["owner"], &begun["state"]),
        (&json!("service"), &json!("running"))
    );
    let id = begun["id"].as_str().expect("it has an id").to_owned();
    api.until(|| api.backfills.figures().iter().any(|one| one.records == 1))
        .await;
    let again = body(send(&api, Method::POST, PATH, &range(0)).await).await;
    assert_eq!(again["id"], *id, "it is loaded already");

    let etl = api.json("/api/v1/etl").await;
    assert_eq!(etl["backfills"][0]["done_ratio"], 0.5, "{etl}");
    let metrics = api.text("/metrics").await;
    let expected = format!("etl_backfill_progress_ratio{{id=\"{id}\"}} 0.5");
    assert!(metrics.contains(&expected), "{metrics}");

    let path = format!("{PATH}/{id}");
    let shown = body(send(&api, Method::GET, &path, "").await).await;
    assert_eq!((&shown["id"], &shown["records"]), (&json!(id), &json!(1)));
    let cancelled = send(&api, Method::DELETE, &path, "").await;
    assert_eq!(body(cancelled).await["state"], "cancelled");
    api.until(|| api.backfills.figures().is_empty()).await;
    let listed = body(send(&api, Method::GET, PATH, "").await).await;
    assert_eq!(listed["backfills"][0]["state"], "cancelled", "{listed}");
    api.stop().await;
}

#[tokio::test]
async fn what_cannot_be_begun_is_refused_with_a_reason() {
    let api = Api::start_with_token();
    for (wrong, said) in [
        ("", "no range"),
        (r#"{"origin":"file","from":"2025-11-01T00:00:00Z"}"#, "file"),
        (r#"{"origin":"topic"}"#, "from"),
        (
            r#"{"origin":"topic","from":"yesterday"}"#,
            "from is no time",
        ),
        (
            r#"{"origin":"topic","from_seq":1,"to_seq":2}"#,
            "are of steam",
        ),
        (r#"{"origin":"steam"}"#, "from says"),
        (r#"{"origin":"steam","from_seq":1}"#, "belong together"),
        (
            r#"{"origin":"steam","from_seq":2,"to_seq":2}"#,
            "not before",
        ),
        (
            r#"{"origin":"steam","from_seq":1,"to_seq":2,"to":"2025-11-08T00:00:00Z"}"#,
            "instead of",
        ),
        (
            r#"{"origin":"topic","from":"2025-11-09T00:00:00Z"}"#,
            "not before",
        ),
    ] {
        let refused = send(&api, Method::POST, PATH, wrong).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{wrong}");
        let detail = body(refused).await["detail"].take();
        assert!(detail.to_string().contains(said), "{wrong}: {detail}");
    }
    let unknown = "/api/v1/backfills/019ad1f2-6c00-7000-8000-000000000000";
    for method in [Method::GET, Method::DELETE] {
        let none = send(&api, method, unknown, "").await;
        assert_eq!(none.status(), StatusCode::NOT_FOUND);
    }
    let pages = send(&api, Method::POST, PATH, &range_of("opendota", 0)).await;
    let pages = body(pages).await;
    assert_eq!(
        pages["origin"],
        "--source opendota --from 2025-11-01T00:00:00.000Z --to 2025-11-08T00:00:00.000Z"
    );
    assert_eq!(pages["calls"], 0);
    let numbers = r#"{"origin":"steam","from_seq":7,"to_seq":6912775440}"#;
    let numbers = body(send(&api, Method::POST, PATH, numbers).await).await;
    assert_eq!(
        numbers["origin"],
        "--source steam --from-seq 7 --to-seq 6912775440"
    );
    api.until(|| api.backfills.figures().is_empty()).await;
    for hour in 0..BACKFILLS_MAX {
        let begun = send(&api, Method::POST, PATH, &range(hour)).await;
        assert_eq!(begun.status(), StatusCode::ACCEPTED, "{hour}");
    }
    let fifth = send(&api, Method::POST, PATH, &range(BACKFILLS_MAX)).await;
    assert_eq!(fifth.status(), StatusCode::CONFLICT);
    let detail = body(fifth).await["detail"].take();
    assert!(
        detail.to_string().contains("4 backfills are running"),
        "{detail}"
    );
    api.stop().await;
}
