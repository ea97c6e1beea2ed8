//! Looking at profiles.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Api, ME, USER, header, json, path_of, read, sent, user};

#[tokio::test]
async fn the_first_look_makes_a_profile_of_what_the_token_says() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    let answer = api.look(ME, &token).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "etag"), "\"1\"");
    assert_eq!(header(&answer, "cache-control"), "private, no-cache");
    let profile = json(answer).await;
    assert_eq!(
        profile,
        json!({
            "id": user(1).to_string(), "steam_id": "76561198046967340", "display_name": "Puppey",
            "avatar_url": "https://avatars.example/a.jpg", "locale": null, "time_zone": null,
            "preferences": {"favourite_heroes": [], "hero_pool": [], "roles": [], "skill": null, "overlay": {},
                "notifications": {}},
            "subscription": {"plan": "free", "status": "active", "current_period_end": null, "source": null},
            "version": 1, "created_at": "2025-12-01T00:00:00.000Z", "updated_at": "2025-12-01T00:00:00.000Z",
        })
    );
    let (_, again) = read(api.look(&path_of(1), &token).await).await;
    assert_eq!(again, profile);
    api.stop().await;
}

#[tokio::test]
async fn whoever_has_it_already_is_not_sent_it_again() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    api.look(ME, &token).await;
    let look = |tags| {
        api.request(Method::GET, ME, &token)
            .header("if-none-match", tags)
    };
    for (tags, expected) in [
        ("\"1\"", StatusCode::NOT_MODIFIED),
        ("\"0\", W/\"1\"", StatusCode::NOT_MODIFIED),
        ("*", StatusCode::NOT_MODIFIED),
        ("\"2\"", StatusCode::OK),
        ("1", StatusCode::OK),
    ] {
        let answer = sent(look(tags)).await;
        assert_eq!(answer.status(), expected, "{tags}");
        assert_eq!(header(&answer, "etag"), "\"1\"", "{tags}");
        let body = answer.bytes().await.expect("it can be read");
        assert_eq!(
            body.is_empty(),
            expected == StatusCode::NOT_MODIFIED,
            "{tags}"
        );
    }
    assert_eq!(
        api.patch(&token, 1, json!({"locale": "de"})).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        sent(look("\"1\"")).await.status(),
        StatusCode::OK,
        "it is another one now"
    );
    api.stop().await;
}

#[tokio::test]
async fn anothers_profile_is_answered_as_if_it_were_not_there() {
    let api = Api::start().await;
    api.look(ME, &api.token(1, USER)).await;
    let other = api.token(2, USER);
    let mut answers = Vec::new();
    for path in [path_of(1), path_of(7), "/api/v1/profiles/x".to_owned()] {
        for method in [Method::GET, Method::DELETE, Method::PUT, Method::PATCH] {
            let request = api
                .request(method, &path, &other)
                .header("if-match", "\"1\"");
            let answer = sent(request.json(&json!({"display_name": "B"}))).await;
            // A connection ends with an answer to a body that nobody has read.
            let names = answer
                .headers()
                .keys()
                .map(reqwest::header::HeaderName::as_str);
            let mut headers: Vec<_> = names
                .filter(|name| *name != "connection")
                .map(str::to_owned)
                .collect();
            headers.sort();
            let (status, mut problem) = read(answer).await;
            assert_eq!(problem["instance"].take(), path);
            answers.push(format!("{status} {headers:?} {problem}"));
        }
    }
    assert!(
        answers[0].starts_with("404 ") && !answers[0].contains("etag"),
        "{}",
        answers[0]
    );
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
    let (_, profile) = read(api.look(&path_of(1), &api.token(1, USER)).await).await;
    assert_eq!(profile["version"], 1, "nothing was done");
    // Nor did a look of somebody else make one.
    let (status, _) = read(api.look(&path_of(7), &api.token(9, "admin")).await).await;
    assert_eq!(status, 404);
    api.stop().await;
}

#[tokio::test]
async fn head_is_answered_wherever_get_is() {
    let api = Api::start().await;
    let token = api.token(1, "profile:read admin");
    for path in [
        ME,
        "/api/v1/profiles",
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/",
    ] {
        let get = api.look(path, &token).await;
        let head = sent(api.request(Method::HEAD, path, &token)).await;
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(
            header(&head, "content-type"),
            header(&get, "content-type"),
            "{path}"
        );
        assert_eq!(header(&head, "etag"), header(&get, "etag"), "{path}");
        let body = head.bytes().await.expect("it can be read");
        assert!(body.is_empty(), "{path}");
    }
    api.stop().await;
}
