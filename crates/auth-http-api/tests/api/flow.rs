//! The whole way, by an independent client.

use std::convert::Infallible;

use auth_kit::KeySet;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, HttpRequest, HttpResponse, PkceCodeChallenge,
    RedirectUrl, RefreshToken, Scope, TokenResponse as _, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicTokenType},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ANA, Api, BACK, Fields, cookie, header, location, read, sent};

#[tokio::test]
async fn an_independent_client_signs_somebody_in_refreshes_and_gives_the_token_back() {
    let api = Api::start().await;
    // All it knows is where the server is.
    let server = api.json("/.well-known/oauth-authorization-server").await;
    let at = |name: &str| server[name].as_str().expect("it is told").to_owned();
    let client = BasicClient::new(ClientId::new("native-app".to_owned()))
        .set_auth_uri(AuthUrl::new(at("authorization_endpoint")).expect("it is an address"))
        .set_token_uri(TokenUrl::new(at("token_endpoint")).expect("it is an address"))
        .set_redirect_uri(RedirectUrl::new(BACK.to_owned()).expect("it is an address"));
    let http = |request: HttpRequest| call(&api, request);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("profile:read".to_owned()))
        .add_scope(Scope::new("draft:read".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let begun = sent(api.client.get(address.as_str())).await;
    let cookie = cookie(&begun).expect("the browser is given a cookie");
    let back = api.back_from_steam(location(&begun), ANA).await;
    let came = api.callback(&back, Some(&cookie)).await;
    assert!(location(&came).starts_with(&format!("{BACK}?")));
    let given = Fields::of_answer(&came);
    assert_eq!(given.get("state"), Some(state.secret().as_str()));
    assert_eq!(given.get("iss"), Some(at("issuer").as_str()));

    let code = AuthorizationCode::new(given.get("code").expect("there is a code").to_owned());
    let tokens = client.exchange_code(code).set_pkce_verifier(verifier);
    let tokens = tokens.request_async(&http).await.expect("tokens are given");
    assert_eq!(tokens.token_type(), &BasicTokenType::Bearer);
    assert_eq!(tokens.expires_in().map(|life| life.as_secs()), Some(300));
    let granted: Vec<_> = tokens
        .scopes()
        .expect("they are told")
        .iter()
        .map(|it| it.as_str())
        .collect();
    assert_eq!(granted, ["profile:read", "draft:read"]);
    let access = tokens.access_token().secret();
    let keys = api.text("/.well-known/jwks.json").await;
    assert_eq!(
        KeySet::try_read(keys.as_bytes())
            .expect("it is a set")
            .len(),
        1
    );
    let sessions = sent(api.bearer(Method::GET, "/api/v1/sessions", access)).await;
    assert_eq!(read(sessions).await.0, 200);

    let first = tokens.refresh_token().expect("it is given").clone();
    let refreshed = client
        .exchange_refresh_token(&first)
        .request_async(&http)
        .await;
    let refreshed = refreshed.expect("tokens are given");
    let second = refreshed.refresh_token().expect("it is given");
    assert_ne!(first.secret(), second.secret());

    let form = Fields::of(&[("token", second.secret())]);
    assert_eq!(api.form("/revoke", &form).await, (200, Value::Null));
    let refused = client
        .exchange_refresh_token(second)
        .request_async(&http)
        .await;
    let Err(oauth2::RequestTokenError::ServerResponse(refused)) = refused else {
        panic!("it was given back: {refused:?}");
    };
    assert_eq!(refused.error(), &BasicErrorResponseType::InvalidGrant);
    let unknown = RefreshToken::new("nothing".to_owned());
    let unknown = client
        .exchange_refresh_token(&unknown)
        .request_async(&http)
        .await;
    assert!(unknown.is_err());
    api.stop().await;
}

#[tokio::test]
async fn the_server_says_where_everything_is_and_what_it_does() {
    let api = Api::start().await;
    let answer = api.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(header(&answer, "cache-control"), "max-age=300");
    let (status, document) = read(answer).await;
    assert_eq!(status, 200);
    assert_eq!(document["issuer"], json!(api.url));
    assert_eq!(
        document["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(
        document["token_endpoint_auth_methods_supported"],
        json!(["none"])
    );
    assert_eq!(
        document["authorization_response_iss_parameter_supported"],
        json!(true)
    );
    // Every address it names is there.
    for (name, method) in [
        ("authorization_endpoint", Method::GET),
        ("token_endpoint", Method::POST),
        ("revocation_endpoint", Method::POST),
        ("introspection_endpoint", Method::POST),
        ("jwks_uri", Method::GET),
        ("service_documentation", Method::GET),
    ] {
        let address = document[name].as_str().expect("it is told");
        assert!(address.starts_with(&api.url), "{name}");
        let answer = sent(api.client.request(method, address)).await;
        assert_ne!(answer.status().as_u16(), 404, "{name}");
        assert_ne!(answer.status().as_u16(), 405, "{name}");
    }
    let answer = api.get("/.well-known/jwks.json").await;
    assert_eq!(header(&answer, "cache-control"), "max-age=300");
    assert_eq!(header(&answer, "content-type"), "application/jwk-set+json");
    let (status, set) = read(answer).await;
    assert_eq!(status, 200);
    let mut names: Vec<_> = set["keys"][0]
        .as_object()
        .expect("a key")
        .keys()
        .cloned()
        .collect();
    names.sort_unstable();
    // Public parts only.
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    api.stop().await;
}

async fn call(api: &Api, request: HttpRequest) -> Result<HttpResponse, Infallible> {
    let request = reqwest::Request::try_from(request).expect("it is a request");
    let answer = api
        .client
        .execute(request)
        .await
        .expect("the server answers");
    let mut response = oauth2::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let body = answer.bytes().await.expect("it can be read").to_vec();
    Ok(response.body(body).expect("it was a response before"))
}
