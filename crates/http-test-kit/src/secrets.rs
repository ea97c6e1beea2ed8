//! That no answer shows a planted secret.

use test_kit::secrets::assert_no_secret;

use crate::client::Site;

/// Asks for every path of the description, and for one that is none, with the
/// token.
///
/// # Panics
/// When an answer, or its head, shows a secret.
pub async fn assert_no_secret_is_answered(site: &Site, token: &str) {
    let description = site.json("/openapi.json").await;
    let paths = description["paths"].as_object().expect("there are paths");
    assert!(paths.contains_key("/metrics"), "{description}");
    for path in paths.keys().map(String::as_str).chain(["/no/such/path"]) {
        let asked = site.client.get(format!("{}{path}", site.url));
        let answer = asked.bearer_auth(token).send().await;
        let mut answer = answer.unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_no_secret(path, &format!("{:?}", answer.headers()));
        // Events never end.
        let body = if path.ends_with("/events") {
            answer.chunk().await.map(Option::unwrap_or_default)
        } else {
            answer.bytes().await
        };
        let body = body.unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert!(!body.is_empty(), "{path}");
        assert_no_secret(path, &String::from_utf8_lossy(&body));
    }
}
