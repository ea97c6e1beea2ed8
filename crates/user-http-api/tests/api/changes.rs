//! Changing and deleting profiles.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, ME, USER, header, json, path_of, read, sent};

#[tokio::test]
async fn a_profile_goes_back_as_it_came_and_comes_back_changed() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    let mut profile = json(api.look(ME, &token).await).await;
    let put = |version: i64, document: &Value| {
        let request = api.request(Method::PUT, ME, &token);
        sent(
            request
                .header("if-match", format!("\"{version}\""))
                .json(document),
        )
    };
    let same = put(1, &profile).await;
    assert_eq!(
        header(&same, "etag"),
        "\"1\"",
        "what changes nothing is no change"
    );
    assert_eq!(json(same).await, profile);

    api.pass(60);
    profile["display_name"] = "Clement".into();
    profile["preferences"]["hero_pool"] = json!([1, 155]);
    let changed = put(1, &profile).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(header(&changed, "etag"), "\"2\"");
    profile["version"] = 2.into();
    profile["updated_at"] = "2025-12-01T00:01:00.000Z".into();
    assert_eq!(json(changed).await, profile);
    assert_eq!(json(api.look(ME, &token).await).await, profile);

    let patched = api
        .patch(
            &token,
            2,
            json!({"preferences": {"overlay": {"theme": "dark"}}}),
        )
        .await;
    let patched = json(patched).await;
    assert_eq!(patched["preferences"]["hero_pool"], json!([1, 155]));
    assert_eq!(patched["preferences"]["overlay"], json!({"theme": "dark"}));
    assert_eq!(patched["version"], 3);
    let by_id = api.request(Method::PATCH, &path_of(1), &token);
    let by_id = by_id.header("if-match", "\"3\"");
    let by_id = by_id.header(
        "content-type",
        "application/merge-patch+json; charset=utf-8",
    );
    let by_id = sent(by_id.body(r#"{"preferences": null}"#)).await;
    assert_eq!(json(by_id).await["preferences"]["hero_pool"], json!([]));
    api.stop().await;
}

#[tokio::test]
async fn a_change_names_the_version_it_was_made_from() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    api.look(ME, &token).await;
    assert_eq!(
        api.patch(&token, 1, json!({"locale": "de"})).await.status(),
        StatusCode::OK
    );
    for method in [Method::PUT, Method::PATCH] {
        let change = |tags: Option<&str>| {
            let mut request = api.request(method.clone(), ME, &token);
            if let Some(tags) = tags {
                request = request.header("if-match", tags);
            }
            sent(request.json(&json!({"display_name": "B"})))
        };
        for tags in [
            "\"1\"",
            "\"3\"",
            "W/\"2\"",
            "\"x\"",
            "\"1\", \"99999999999999999999\"",
        ] {
            let (status, problem) = read(change(Some(tags)).await).await;
            assert_eq!(
                (status, &problem["type"]),
                (412, &json!("stale-version")),
                "{method} {tags}"
            );
            assert_eq!(problem["version"], 2, "{method} {tags}");
        }
        assert_eq!(
            change(None).await.status(),
            StatusCode::PRECONDITION_REQUIRED,
            "{method}"
        );
        assert_eq!(
            change(Some("*")).await.status(),
            StatusCode::PRECONDITION_REQUIRED,
            "{method}"
        );
        assert_eq!(
            change(Some("2")).await.status(),
            StatusCode::BAD_REQUEST,
            "{method}"
        );
    }
    let profile = json(api.look(ME, &token).await).await;
    assert_eq!(
        (&profile["version"], &profile["display_name"]),
        (&json!(2), &json!("Puppey"))
    );
    let metrics = api.text("/metrics").await;
    for expected in [
        "user_conflicts_total 10",
        "user_requests_total{operation=\"patch\",outcome=\"stale\"} 5",
        "user_requests_total{operation=\"replace\",outcome=\"no_version\"} 2",
        "user_requests_total{operation=\"patch\",outcome=\"done\"} 1",
        "user_requests_total{operation=\"look\",outcome=\"done\"} 2",
    ] {
        assert!(
            metrics.contains(&format!("\n{expected}\n")),
            "{expected}: {metrics}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn each_fault_of_a_document_has_its_pointer() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    api.look(ME, &token).await;
    let wrong = json!({"display_name": "", "preferences": {"hero_pool": [1, 24], "roles": [6]}, "version": 9,
        "subscription": {"plan": "pro"}, "email": "zQz@a.example"});
    let answer = api.patch(&token, 1, wrong).await;
    let (status, problem) = read(answer).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("invalid-document"))
    );
    let errors = problem["errors"].as_array().expect("it is a list");
    let errors: Vec<_> = errors
        .iter()
        .map(|error| format!("{} {}", error["pointer"], error["code"]).replace('"', ""))
        .collect();
    assert_eq!(
        errors,
        [
            "/subscription read_only",
            "/version read_only",
            "/display_name not_allowed",
            "/email unknown",
            "/preferences/hero_pool/1 not_allowed",
            "/preferences/roles/0 not_allowed",
        ]
    );
    assert!(
        !problem.to_string().contains("zQz"),
        "what was sent is not repeated"
    );
    assert_eq!(json(api.look(ME, &token).await).await["version"], 1);
    api.stop().await;
}

#[tokio::test]
async fn what_is_no_document_is_refused() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    api.look(ME, &token).await;
    let send = |method: Method, kind: &str, body: String| {
        let request = api.request(method, ME, &token).header("if-match", "\"1\"");
        sent(request.header("content-type", kind).body(body))
    };
    let json_type = "application/json";
    for (method, kind, body, expected) in [
        (Method::PUT, json_type, "{".to_owned(), 400),
        (
            Method::PUT,
            json_type,
            r#"{"locale": "de", "locale": "en"}"#.to_owned(),
            400,
        ),
        (Method::PUT, json_type, String::new(), 400),
        (Method::PUT, json_type, "[]".to_owned(), 422),
        (Method::PATCH, json_type, "null".to_owned(), 422),
        (Method::PATCH, "text/plain", "{}".to_owned(), 415),
        (
            Method::PUT,
            "application/merge-patch+json",
            "{}".to_owned(),
            415,
        ),
        (
            Method::PUT,
            json_type,
            format!("\"{}\"", "x".repeat(64 * 1024)),
            413,
        ),
        (
            Method::PATCH,
            json_type,
            format!(
                r#"{{"preferences": {{"overlay": {{"a": "{}"}}}}}}"#,
                "x".repeat(16 * 1024)
            ),
            422,
        ),
    ] {
        let what = format!("{method} {kind} {}", &body[..body.len().min(40)]);
        let answer = send(method, kind, body).await;
        assert_eq!(
            header(&answer, "content-type"),
            "application/problem+json",
            "{what}"
        );
        assert_eq!(answer.status().as_u16(), expected, "{what}");
    }
    api.stop().await;
}

#[tokio::test]
async fn deleted_is_gone_until_the_next_sign_in() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    let first = json(api.look(ME, &token).await).await;
    api.patch(&token, 1, json!({"display_name": "B"})).await;
    api.pass(1);
    for time in ["the first", "the second"] {
        let answer = sent(api.request(Method::DELETE, ME, &token)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{time}");
    }
    // No token of before makes a profile, whatever it asks for.
    for path in [ME.to_owned(), path_of(1)] {
        let (status, problem) = read(api.look(&path, &token).await).await;
        assert_eq!(
            (status, &problem["type"]),
            (410, &json!("profile-deleted")),
            "{path}"
        );
    }
    assert_eq!(
        api.patch(&token, 2, json!({"locale": "de"})).await.status(),
        StatusCode::GONE
    );
    let refreshed = {
        let mut claims = api.issuer.claims(crate::support::user(1), USER);
        claims["auth_time"] = (claims["auth_time"].as_i64().expect("a number") - 1).into();
        api.issuer.sign(&claims)
    };
    assert_eq!(
        api.look(ME, &refreshed).await.status(),
        StatusCode::GONE,
        "issued later"
    );
    let (status, _) = read(api.look(&path_of(1), &api.token(9, "admin")).await).await;
    assert_eq!(status, 404);

    api.pass(1);
    let again = api.token(1, USER);
    let answer = api.look(ME, &again).await;
    assert_ne!(
        header(&answer, "etag"),
        "\"1\"",
        "a version never comes again"
    );
    let anew = json(answer).await;
    assert_eq!(anew["display_name"], "Puppey");
    assert_ne!(anew["created_at"], first["created_at"]);
    assert_eq!(
        api.look(ME, &token).await.status(),
        StatusCode::GONE,
        "the old token"
    );
    let late = sent(api.request(Method::DELETE, ME, &token)).await;
    assert_eq!(late.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        json(api.look(ME, &again).await).await,
        anew,
        "is none of its business"
    );
    api.stop().await;
}
