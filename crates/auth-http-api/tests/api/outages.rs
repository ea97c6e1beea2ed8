//! What is said while the database is away.

use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{
    ANA, Api, Fields, Formed as _, header, location, page, read, redemption, refreshing, sent, wish,
};

fn assert_comes_back(answer: &Response) {
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(header(answer, "retry-after"), "2");
}

#[tokio::test]
async fn a_database_that_is_away_is_said_to_come_back_and_nobody_is_logged_out() {
    let api = Api::start().await;
    let (admin, tokens) = (api.admin().await, api.sign_in(ANA).await);
    let code = api.code(&wish(), ANA).await;
    let (back, cookie) = api.at_steam(&wish(), ANA).await;
    api.store.set_away(true);

    let begun = api.authorize(&wish(), None).await;
    assert!(location(&begun).starts_with("http://127.0.0.1:7777/back?"));
    assert_eq!(
        Fields::of_answer(&begun).get("error"),
        Some("temporarily_unavailable")
    );
    let came = api.callback(&back, Some(&cookie)).await;
    assert_comes_back(&came);
    let text = page(came, 503).await;
    assert!(text.contains("Load this page again"), "{text}");
    assert!(!text.contains("zQz"), "{text}");
    let forms = [
        ("/token", redemption(&code)),
        ("/token", refreshing(&tokens.refresh)),
        ("/revoke", Fields::of(&[("token", &tokens.refresh)])),
    ];
    let requests = forms
        .iter()
        .map(|(path, form)| api.request(Method::POST, path).fields(form));
    let introspect = api
        .bearer(Method::POST, "/introspect", &admin)
        .fields(&Fields::of(&[("token", "x")]));
    let users = "/api/v1/admin/users?steam_id=76561198046967340";
    let id = "018f0000-0000-7000-8000-000000000000";
    let others = [
        introspect,
        api.bearer(Method::GET, "/api/v1/sessions", &tokens.access),
        api.bearer(Method::DELETE, "/api/v1/sessions", &tokens.access),
        api.bearer(
            Method::DELETE,
            &format!("/api/v1/sessions/{id}"),
            &tokens.access,
        ),
        api.bearer(Method::GET, users, &admin),
        api.bearer(
            Method::POST,
            &format!("/api/v1/admin/users/{id}/unblock"),
            &admin,
        ),
    ];
    for request in requests.chain(others).collect::<Vec<_>>() {
        let answer = sent(request).await;
        assert_comes_back(&answer);
        let (_, problem) = read(answer).await;
        assert_eq!(problem["type"], json!("temporarily-unavailable"));
        assert_eq!(problem["error"], json!("temporarily_unavailable"));
        assert!(!problem.to_string().contains("zQz"), "{problem}");
    }
    // The keys are known, and everybody may have them.
    let keys = api.get("/.well-known/jwks.json").await;
    assert_eq!(keys.status().as_u16(), 200);

    api.store.set_away(false);
    let came = api.callback(&back, Some(&cookie)).await;
    assert!(
        Fields::of_answer(&came).get("code").is_some(),
        "the page was loaded again"
    );
    assert_eq!(api.form("/token", &redemption(&code)).await.0, 200);
    assert_eq!(
        api.form("/token", &refreshing(&tokens.refresh)).await.0,
        200
    );
    api.stop().await;
}
