//! What has let somebody in elsewhere.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use auth_test_kit::{KeyKind, TestIssuer, TestKey, encoded};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{TOKEN_BYTES_MAX, TokenRefusal};
use ring::hmac;
use serde_json::json;

use crate::{
    forge::{Forge, header, with},
    world::{NOW, World, taken},
};

const KINDS: [KeyKind; 3] = [KeyKind::Es256, KeyKind::EdDsa, KeyKind::Rs256];

#[tokio::test]
async fn a_token_of_each_algorithm_is_taken_for_what_it_is() -> Result<()> {
    let world = World::new().await?;
    for kind in KINDS {
        world
            .issuer
            .add_key(TestKey::new(&format!("{kind:?}"), kind));
        let verifier = world.with_own_keys()?;
        let token = world.token();
        for _ in ["judged", "remembered"] {
            let principal = taken(&verifier, &token).await?;
            assert_eq!(principal.user, world.user);
            assert_eq!(principal.scopes.to_string(), "profile:read draft:read");
            assert_eq!(principal.client.as_str(), "tests");
            assert_eq!(
                principal.steam_id.map(|id| id.to_string()).as_deref(),
                Some("76561198046967340")
            );
            assert_eq!(
                principal.expires_at.unix_seconds(),
                NOW.unix_seconds() + 300
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_nobody_has_signed_is_refused() -> Result<()> {
    use TokenRefusal::{Algorithm, Parts};
    let forge = Forge::new().await?;
    let key = forge.world.issuer.key("first");
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(&header(&key), &json!({ "alg": algorithm }));
        let token = key.sign(&header, &forge.world.claims());
        let (unsigned, _) = token.rsplit_once('.').context("it has parts")?;
        forge
            .refuses(&format!("{unsigned}."), Parts, algorithm)
            .await;
        forge.refuses(unsigned, Parts, algorithm).await;
        forge.refuses(&token, Algorithm, algorithm).await;
    }
    forge
        .refuses_header(json!({ "alg": null }), Algorithm)
        .await;
    Ok(())
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() -> Result<()> {
    let forge = Forge::new().await?;
    let key = forge.world.issuer.key("first");
    let public = key.public();
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(public[name].as_str().unwrap_or_default());
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    for secret in [
        point,
        public.to_string().into_bytes(),
        forge.world.issuer.key_set().into_bytes(),
    ] {
        let header = with(&header(&key), &json!({ "alg": "HS256" }));
        let message = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(forge.world.claims().to_string())
        );
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            message.as_bytes(),
        );
        let token = format!("{message}.{}", encoded(tag));
        forge
            .refuses(&token, TokenRefusal::Algorithm, "HS256")
            .await;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_signs_by_its_own_algorithm_and_no_other() -> Result<()> {
    let forge = Forge::new().await?;
    for kind in KINDS {
        forge
            .world
            .issuer
            .add_key(TestKey::new(&format!("{kind:?}"), kind));
    }
    forge
        .verifier
        .take_keys(forge.world.issuer.key_set().as_bytes())?;
    let names = ["first", "EdDsa", "Rs256"].map(|name| forge.world.issuer.key(name));
    for signer in &names {
        for named in &names {
            if signer.name == named.name {
                continue;
            }
            let what = format!("{} as {}", signer.name, named.name);
            let claims = forge.world.claims();
            let as_signed = with(&header(signer), &json!({ "kid": named.name }));
            forge
                .refuses(
                    &signer.sign(&as_signed, &claims),
                    TokenRefusal::Algorithm,
                    &what,
                )
                .await;
            forge
                .refuses(
                    &signer.sign(&header(named), &claims),
                    TokenRefusal::Signature,
                    &what,
                )
                .await;
        }
    }
    for algorithm in [
        "ES384", "ES512", "PS256", "HS512", "es256", "ES256K", "Ed25519",
    ] {
        forge
            .refuses_header(json!({ "alg": algorithm }), TokenRefusal::Algorithm)
            .await;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_header_says_of_keys_leads_nowhere() -> Result<()> {
    let forge = Forge::new().await?;
    let attacker = TestIssuer::start(Arc::clone(&forge.world.clock) as _).await?;
    let theirs = attacker.key("first");
    let url = format!("{}/.well-known/jwks.json", attacker.url());
    let ours = header(&forge.world.issuer.key("first"));
    for own in [
        json!({ "jwk": theirs.public() }),
        json!({ "jku": url }),
        json!({ "x5u": url }),
        json!({ "x5c": [encoded("a certificate")] }),
        json!({ "x5t#S256": encoded([7; 32]), "url": url, "iss": attacker.url() }),
    ] {
        let claims = forge.world.claims();
        let token = theirs.sign(&with(&ours, &own), &claims);
        forge
            .refuses(&token, TokenRefusal::Signature, &own.to_string())
            .await;
        let named = with(&with(&ours, &own), &json!({ "kid": url }));
        forge
            .refuses(
                &theirs.sign(&named, &claims),
                TokenRefusal::KeyUnknown,
                &own.to_string(),
            )
            .await;
        // Our own token with the same members is still ours: they are not even read.
        let token = forge
            .world
            .issuer
            .key("first")
            .sign(&with(&ours, &own), &claims);
        taken(&forge.verifier, &token).await?;
    }
    assert_eq!(attacker.fetches(), 0);
    for name in [
        "",
        "../first",
        "/dev/null",
        "../../../../dev/null",
        "first\u{0}",
        "FIRST",
        "first' OR '1'='1",
    ] {
        forge
            .refuses_header(json!({ "kid": name }), TokenRefusal::KeyUnknown)
            .await;
    }
    for odd in [
        json!({ "kid": null }),
        json!({ "kid": 1 }),
        json!({ "kid": ["first"] }),
    ] {
        forge.refuses_header(odd, TokenRefusal::KeyUnknown).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_header_of_something_else_is_refused() -> Result<()> {
    use TokenRefusal::{Critical, Form, Kind};
    let forge = Forge::new().await?;
    for kind in [
        json!("JWT"),
        json!("at+jwt "),
        json!("AT+JWT+x"),
        json!("id+jwt"),
        json!(7),
        json!(["at+jwt"]),
    ] {
        forge.refuses_header(json!({ "typ": kind }), Kind).await;
    }
    forge.refuses_header(json!({ "typ": null }), Kind).await;
    for critical in [
        json!([]),
        json!(["exp"]),
        json!(["b64"]),
        json!(false),
        json!(""),
    ] {
        forge
            .refuses_header(json!({ "crit": critical }), Critical)
            .await;
    }
    let key = forge.world.issuer.key("first");
    let claims = forge.world.claims().to_string();
    for (text, expected) in [
        (
            "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"first\",\"crit\":null}",
            Critical,
        ),
        (
            "{\"typ\":\"at+jwt\",\"alg\":\"none\",\"kid\":\"first\",\"alg\":\"ES256\"}",
            Form,
        ),
        (
            "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"other\",\"kid\":\"first\"}",
            Form,
        ),
        ("[\"at+jwt\",\"ES256\",\"first\"]", Form),
        (
            "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"first\"} {}",
            Form,
        ),
        ("\"at+jwt\"", Form),
        ("null", Form),
        ("{", Form),
    ] {
        forge
            .refuses(&key.sign(&text, &claims), expected, text)
            .await;
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_somebody_has_touched_is_refused() -> Result<()> {
    use TokenRefusal::{Parts, Signature};
    let forge = Forge::new().await?;
    let honest = forge.world.token();
    let [head, claims, signature] = identity::parts(&honest)?;
    let more = forge
        .world
        .issuer
        .claims(forge.world.user, "admin")
        .to_string();
    let raised = format!("{head}.{}.{signature}", encoded(more));
    forge.refuses(&raised, Signature, "other claims").await;
    let wordy = encoded(format!(
        "{} ",
        String::from_utf8(URL_SAFE_NO_PAD.decode(head)?)?
    ));
    forge
        .refuses(
            &format!("{wordy}.{claims}.{signature}"),
            Signature,
            "another header",
        )
        .await;
    let mut bytes = URL_SAFE_NO_PAD.decode(signature)?;
    for short in [&bytes[..63], &bytes[..32], &[0; 64], &[0; 1]] {
        let token = format!("{head}.{claims}.{}", encoded(short));
        forge.refuses(&token, Signature, "no signature").await;
    }
    bytes[40] ^= 1;
    forge
        .refuses(
            &format!("{head}.{claims}.{}", encoded(&bytes)),
            Signature,
            "a bit of it",
        )
        .await;
    // 64 bytes leave four bits of their last character open; another spelling is another token.
    let last = signature.chars().last().context("it has characters")?;
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).context("it is one of them")?;
    let spelt = format!(
        "{}{}",
        &honest[..honest.len() - 1],
        &alphabet[place + 1..place + 2]
    );
    forge.refuses(&spelt, Parts, "another spelling").await;
    for odd in [
        format!("{honest}.{signature}"),
        format!("{head}.{claims}"),
        format!("{head}..{signature}"),
        format!("{head}.{claims}=.{signature}"),
        format!(" {honest}"),
        format!("{honest}\n"),
        String::new(),
        "...".to_owned(),
        "ä.ö.ü".to_owned(),
    ] {
        forge.refuses(&odd, Parts, &odd).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_of_the_same_name_is_another_key() -> Result<()> {
    let forge = Forge::new().await?;
    let theirs = TestKey::new("first", KeyKind::Es256);
    let token = theirs.sign(&header(&theirs), &forge.world.claims());
    forge
        .refuses(&token, TokenRefusal::Signature, "another key")
        .await;
    Ok(())
}

#[tokio::test]
async fn a_token_is_as_long_as_it_may_be_and_no_longer() -> Result<()> {
    let forge = Forge::new().await?;
    let padded = |length: usize| {
        let claims = with(
            &forge.world.claims(),
            &json!({ "padding": "x".repeat(length) }),
        );
        forge.world.issuer.sign(&claims)
    };
    let frame = padded(0).len();
    let length = (TOKEN_BYTES_MAX - frame) / 4 * 3;
    let longest = padded(length);
    assert!(
        (TOKEN_BYTES_MAX - 4..=TOKEN_BYTES_MAX).contains(&longest.len()),
        "{}",
        longest.len()
    );
    taken(&forge.verifier, &longest).await?;
    forge
        .refuses(&padded(length + 4), TokenRefusal::TooLong, "long")
        .await;
    Ok(())
}
