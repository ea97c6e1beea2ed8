//! What those who test with it rely on.

use std::{error::Error, sync::Arc, time::Duration};

use auth_test_kit::{Answers, KeyKind, TestIssuer, TestKey};
use domain::{Timestamp, UserId};
use reqwest::Client;
use serde_json::Value;
use test_kit::clock::StoppedClock;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);

async fn get(url: &str) -> Result<(u16, String), Box<dyn Error>> {
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()?;
    let answer = client.get(url).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test]
async fn it_serves_the_public_halves_of_its_keys_or_what_it_is_told() -> Result<(), Box<dyn Error>>
{
    let issuer = TestIssuer::start(Arc::new(StoppedClock(NOW))).await?;
    let url = format!("{}/.well-known/jwks.json", issuer.url());
    for kind in [KeyKind::EdDsa, KeyKind::Rs256] {
        issuer.add_key(TestKey::new(&format!("{kind:?}"), kind));
    }
    let (status, text) = get(&url).await?;
    let set: Value = serde_json::from_str(&text)?;
    let names: Vec<_> = (0..3).map(|at| set["keys"][at]["kid"].as_str()).collect();
    assert_eq!(
        (status, names),
        (200, vec![Some("first"), Some("EdDsa"), Some("Rs256")])
    );
    assert!(!text.contains("\"d\":"), "{text}");
    issuer.remove_key("EdDsa");
    assert!(!get(&url).await?.1.contains("EdDSA"));
    issuer.answer(Answers::Text("no set".to_owned()));
    assert_eq!(get(&url).await?, (200, "no set".to_owned()));
    issuer.answer(Answers::Status(503));
    assert_eq!(get(&url).await?.0, 503);
    issuer.answer(Answers::Nobody);
    assert!(get(&url).await.is_err());
    assert_eq!(issuer.fetches(), 5);
    Ok(())
}

#[tokio::test]
async fn a_token_has_three_parts_and_says_whose_it_is() -> Result<(), Box<dyn Error>> {
    let issuer = TestIssuer::start(Arc::new(StoppedClock(NOW))).await?;
    let user = UserId::new(NOW, [1; 10]);
    assert_eq!(issuer.token(user, "profile:read").split('.').count(), 3);
    let claims = issuer.claims(user, "profile:read");
    assert_eq!(claims["sub"], user.to_string());
    assert_eq!(claims["exp"], NOW.unix_seconds() + 300);
    Ok(())
}
