//! What a token says, which somebody with a key has signed.

use anyhow::Result;
use identity::TokenRefusal;
use serde_json::json;

use crate::{
    forge::{Forge, header, with},
    world::{NOW, taken},
};

#[tokio::test]
async fn what_may_differ_is_taken() -> Result<()> {
    let forge = Forge::new().await?;
    let now = NOW.unix_seconds();
    for changes in [
        json!({ "aud": ["elsewhere", "match-platform"] }),
        json!({ "iat": now + 30, "nbf": now + 30 }),
        json!({ "exp": now + 3_600 }),
        json!({ "exp": f64::from(1_795_953_600) + 0.5, "iat": 1_795_953_599.25 }),
        json!({ "scope": null, "sid": null, "name": null, "picture": null, "steam_id": null }),
        json!({ "exp": now + 1, "amr": ["steam"], "tenant": { "a": [1, null] } }),
    ] {
        forge.takes_claims(changes).await?;
    }
    let key = forge.world.issuer.key("first");
    let header = with(&header(&key), &json!({ "typ": "application/at+jwt" }));
    taken(&forge.verifier, &key.sign(&header, &forge.world.claims())).await?;
    Ok(())
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() -> Result<()> {
    use TokenRefusal::{Audience, Client, Form, Id, Issuer, Other, Subject};
    let forge = Forge::new().await?;
    let url = forge.world.issuer.url();
    for issuer in [
        json!("https://login.example"),
        json!(format!("{url}/")),
        json!(url.to_uppercase()),
        json!([url]),
        json!(null),
    ] {
        forge.refuses_claims(json!({ "iss": issuer }), Issuer).await;
    }
    for audience in [
        json!("match-platforms"),
        json!("MATCH-PLATFORM"),
        json!([]),
        json!(["elsewhere"]),
        json!(["match-platform", 7]),
        json!({ "match-platform": true }),
        json!(null),
    ] {
        forge
            .refuses_claims(json!({ "aud": audience }), Audience)
            .await;
    }
    for subject in [json!(null), json!(""), json!("76561198046967340"), json!(7)] {
        forge
            .refuses_claims(json!({ "sub": subject }), Subject)
            .await;
    }
    forge
        .refuses_claims(json!({ "client_id": null }), Client)
        .await;
    forge
        .refuses_claims(json!({ "client_id": 7 }), Client)
        .await;
    forge.refuses_claims(json!({ "jti": null }), Id).await;
    forge.refuses_claims(json!({ "jti": 7 }), Id).await;
    forge
        .refuses_claims(json!({ "sid": "everybody's" }), Other)
        .await;
    let key = forge.world.issuer.key("first");
    for text in [
        "[]",
        "null",
        "\"claims\"",
        "{\"iss\":\"a\",\"iss\":\"b\"}",
        "",
    ] {
        let expected = if text.is_empty() {
            TokenRefusal::Parts
        } else {
            Form
        };
        forge
            .refuses(&key.sign(&header(&key), &text), expected, text)
            .await;
    }
    Ok(())
}

#[tokio::test]
async fn a_token_of_another_time_is_refused() -> Result<()> {
    use TokenRefusal::{Expired, IssuedAt, Life, NotBefore, Other};
    let forge = Forge::new().await?;
    let now = NOW.unix_seconds();
    for over in [
        json!(now),
        json!(now - 1),
        json!(0),
        json!(-1),
        json!(format!("{}", now + 300)),
        json!([now + 300]),
        json!(true),
        json!(null),
    ] {
        forge.refuses_claims(json!({ "exp": over }), Expired).await;
    }
    for ahead in [
        json!(now + 31),
        json!(f64::from(1_795_953_631)),
        json!(format!("{now}")),
        json!({}),
    ] {
        forge
            .refuses_claims(json!({ "iat": ahead }), IssuedAt)
            .await;
    }
    forge.refuses_claims(json!({ "iat": null }), IssuedAt).await;
    for ahead in [
        json!(now + 31),
        json!(1e300),
        json!(format!("{now}")),
        json!(false),
    ] {
        forge
            .refuses_claims(json!({ "nbf": ahead }), NotBefore)
            .await;
    }
    forge
        .refuses_claims(json!({ "exp": now + 3_601 }), Life)
        .await;
    forge.refuses_claims(json!({ "exp": 1e300 }), Life).await;
    forge.refuses_claims(json!({ "iat": 0 }), Life).await;
    forge
        .refuses_claims(json!({ "auth_time": "yesterday" }), Other)
        .await;
    // A number that no float holds, and what is there without being anything.
    let key = forge.world.issuer.key("first");
    let claims = forge.world.claims().to_string();
    let honest = format!("\"exp\":{}", now + 300);
    for (spoilt, expected) in [("\"exp\":1e999", Expired), ("\"exp\":null", Expired)] {
        let token = key.sign(&header(&key), &claims.replace(&honest, spoilt));
        forge.refuses(&token, expected, spoilt).await;
    }
    Ok(())
}
