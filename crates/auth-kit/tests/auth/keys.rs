//! Where keys come from, how long they are good for, and what is left when their issuer is away.

use std::{fs, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use auth_kit::{KeySet, KeySetFault, Refused};
use auth_test_kit::{Answers, KeyKind, TestIssuer, TestKey};
use health_kit::HealthStatus::{Degraded, Healthy, Unhealthy};
use identity::{Issuer, TokenRefusal};
use serde_json::{Value, json};

use crate::world::{Watched, World, health, refused, taken};

#[tokio::test]
async fn a_token_is_worth_nothing_once_its_key_is_gone_also_one_that_was_taken() -> Result<()> {
    let world = World::new().await?;
    let verifier = world.with_own_keys()?;
    let (old, key) = (world.token(), world.issuer.key("first"));
    taken(&verifier, &old).await?;
    world.issuer.add_key(TestKey::new("second", KeyKind::Es256));
    verifier.take_keys(world.issuer.key_set().as_bytes())?;
    let new = world.token();
    taken(&verifier, &old).await?;
    taken(&verifier, &new).await?;
    world.issuer.remove_key("first");
    verifier.take_keys(world.issuer.key_set().as_bytes())?;
    refused(&verifier, &old, TokenRefusal::KeyUnknown, "its key is gone").await;
    taken(&verifier, &new).await?;
    // Another key under the old name does not bring it back; the old one does.
    world.issuer.add_key(TestKey::new("first", KeyKind::Es256));
    verifier.take_keys(world.issuer.key_set().as_bytes())?;
    refused(
        &verifier,
        &old,
        TokenRefusal::Signature,
        "its key is another one",
    )
    .await;
    verifier.take_keys(json!({ "keys": [key.public()] }).to_string().as_bytes())?;
    taken(&verifier, &old).await?;
    verifier.take_keys(b"{\"keys\":[]}")?;
    refused(&verifier, &old, TokenRefusal::KeyUnknown, "all are gone").await;
    let (status, reason) = health(&verifier);
    ensure!(
        status == Unhealthy && reason.contains("has no keys"),
        "{reason}"
    );
    Ok(())
}

#[tokio::test]
async fn a_remembered_token_is_forgotten_when_it_is_over() -> Result<()> {
    let world = World::new().await?;
    let verifier = world.with_own_keys()?;
    let token = world.token();
    taken(&verifier, &token).await?;
    world.clock.move_on(299);
    taken(&verifier, &token).await?;
    world.clock.move_on(1);
    refused(&verifier, &token, TokenRefusal::Expired, "it is over").await;
    Ok(())
}

#[tokio::test]
async fn what_is_no_set_of_keys_changes_nothing() -> Result<()> {
    let world = World::new().await?;
    let verifier = world.with_own_keys()?;
    let key = world.issuer.key("first").public();
    let many: Vec<Value> = (0..33).map(|_| json!({ "kty": "oct" })).collect();
    let with_space = |bytes: usize| format!("{{\"keys\":[{}]}}", " ".repeat(bytes - 11));
    for (text, expected) in [
        (
            json!({ "keys": many }).to_string(),
            Some(KeySetFault::TooMany),
        ),
        (
            json!({ "keys": [key, key] }).to_string(),
            Some(KeySetFault::RepeatedName),
        ),
        (
            with_space(KeySet::BYTES_MAX + 1),
            Some(KeySetFault::TooLarge),
        ),
        (json!({ "keys": { "first": key } }).to_string(), None),
        (json!([[key]]).to_string(), None),
        (json!({ "key": [key] }).to_string(), None),
        ("<html></html>".to_owned(), None),
        (String::new(), None),
    ] {
        let fault = verifier
            .take_keys(text.as_bytes())
            .err()
            .context(text.clone())?;
        let is_expected = match expected {
            Some(expected) => fault == expected,
            None => matches!(fault, KeySetFault::Form(_)),
        };
        ensure!(is_expected, "{fault:?}: {}", &text[..text.len().min(80)]);
    }
    taken(&verifier, &world.token()).await?;
    verifier.take_keys(with_space(KeySet::BYTES_MAX).as_bytes())?;
    Ok(())
}

#[tokio::test]
async fn keys_that_are_of_no_use_are_skipped_and_counted() -> Result<()> {
    let [point, edwards, rsa] = [KeyKind::Es256, KeyKind::EdDsa, KeyKind::Rs256]
        .map(|kind| TestKey::new("k", kind).public());
    let check = |honest: &Value, changes: Value, expected: usize| -> Result<()> {
        let mut key = honest.clone();
        for (name, value) in changes.as_object().context("these are members")? {
            key[name] = value.clone();
        }
        let set = KeySet::try_read(json!({ "keys": [key] }).to_string().as_bytes())?;
        ensure!(
            (set.len(), set.skipped()) == (expected, 1 - expected),
            "{key}"
        );
        Ok(())
    };
    for honest in [&point, &edwards, &rsa] {
        check(honest, json!({}), 1)?;
        check(honest, json!({ "alg": null, "use": null, "other": 7 }), 1)?;
        check(honest, json!({ "key_ops": ["verify"] }), 1)?;
        check(honest, json!({ "key_ops": ["sign"] }), 0)?;
        check(honest, json!({ "use": "enc" }), 0)?;
        check(honest, json!({ "alg": "HS256" }), 0)?;
        check(honest, json!({ "alg": "RS512" }), 0)?;
        check(honest, json!({ "kty": "oct", "k": "c2VjcmV0" }), 0)?;
        check(honest, json!({ "kid": "" }), 0)?;
        check(honest, json!({ "kid": null }), 0)?;
        check(honest, json!({ "kid": "k".repeat(129) }), 0)?;
        check(honest, json!({ "d": "AAAA" }), 0)?;
        check(honest, json!({ "crv": "P-384" }), 0)?;
    }
    check(&point, json!({ "x": "AAAA" }), 0)?;
    check(&point, json!({ "y": null }), 0)?;
    check(
        &edwards,
        json!({ "x": format!("{}=", edwards["x"].as_str().unwrap_or_default()) }),
        0,
    )?;
    let modulus = |bytes: usize| auth_test_kit::encoded([vec![0x80], vec![1; bytes - 1]].concat());
    check(&rsa, json!({ "n": modulus(256) }), 1)?;
    check(&rsa, json!({ "n": modulus(512) }), 1)?;
    check(&rsa, json!({ "n": modulus(255) }), 0)?;
    check(&rsa, json!({ "n": modulus(128) }), 0)?;
    check(&rsa, json!({ "n": modulus(513) }), 0)?;
    check(&rsa, json!({ "n": auth_test_kit::encoded([0x7f; 256]) }), 0)?;
    check(
        &rsa,
        json!({ "n": auth_test_kit::encoded([vec![0], vec![0x80; 256]].concat()) }),
        0,
    )?;
    check(&rsa, json!({ "e": "Aw" }), 1)?;
    for exponent in ["AQ", "Ag", "", "AAEAAQ", "AQAAAAAB"] {
        check(&rsa, json!({ "e": exponent }), 0)?;
    }
    let set = json!({ "keys": [point, { "kty": "oct" }, 7, [], "k"] }).to_string();
    let set = KeySet::try_read(set.as_bytes())?;
    ensure!((set.len(), set.skipped()) == (1, 4));
    Ok(())
}

#[tokio::test]
async fn keys_are_fetched_in_the_background() -> Result<()> {
    let world = World::new().await?;
    let verifier = world.unwatched(&world.settings()?, None)?;
    let (status, reason) = health(&verifier);
    ensure!(
        status == Unhealthy && reason.contains("has not been asked for keys yet"),
        "{reason}"
    );
    let watched = Watched::begin(verifier);
    watched.is(Healthy, "1 key of http://127.0.0.1:").await?;
    taken(&watched.verifier, &world.token()).await?;
    ensure!(world.issuer.fetches() == 1);
    Ok(())
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_for_all_and_not_again_soon() -> Result<()> {
    let world = World::new().await?;
    let watched = world.watched()?;
    watched.is(Healthy, "1 key").await?;
    // Newer keys than the verifier knows; everybody comes with a token of one while the issuer thinks.
    world.issuer.add_key(TestKey::new("second", KeyKind::Es256));
    let token = world.token();
    world.issuer.answer(Answers::Silence);
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (watched.verifier.clone(), token.clone());
            tokio::spawn(async move { verifier.verify(&token).await.map(drop) })
        })
        .collect();
    world.issuer.fetched(2).await;
    world.issuer.answer(Answers::Honest);
    for judged in waiting {
        ensure!(judged.await? == Ok(()));
    }
    ensure!(world.issuer.fetches() == 2, "{}", world.issuer.fetches());
    // And whoever makes names up moves nobody to ask again.
    world.issuer.add_key(TestKey::new("third", KeyKind::Es256));
    for _ in 0..50 {
        refused(
            &watched.verifier,
            &world.token(),
            TokenRefusal::KeyUnknown,
            "too soon",
        )
        .await;
    }
    ensure!(world.issuer.fetches() == 2);
    Ok(())
}

#[tokio::test]
async fn whoever_leaves_while_keys_are_fetched_takes_nothing_from_others() -> Result<()> {
    let world = World::new().await?;
    let watched = world.watched()?;
    watched.is(Healthy, "1 key").await?;
    world.issuer.add_key(TestKey::new("second", KeyKind::Es256));
    world.issuer.answer(Answers::Silence);
    let (verifier, token) = (watched.verifier.clone(), world.token());
    let leaving = tokio::spawn(async move { verifier.verify(&token).await.map(drop) });
    world.issuer.fetched(2).await;
    leaving.abort();
    ensure!(leaving.await.is_err_and(|error| error.is_cancelled()));
    world.issuer.answer(Answers::Honest);
    watched.is(Healthy, "2 keys").await?;
    taken(&watched.verifier, &world.token()).await?;
    Ok(())
}

#[tokio::test]
async fn tokens_are_taken_after_a_restart_while_the_issuer_is_away() -> Result<()> {
    let world = World::new().await?;
    let watched = world.watched()?;
    watched.is(Healthy, "1 key").await?;
    let file = world.settings()?.key_file;
    drop(watched);
    world.issuer.answer(Answers::Nobody);

    let verifier = world.unwatched(&world.settings()?, None)?;
    let (status, reason) = health(&verifier);
    ensure!(status == Healthy && reason.contains("1 key of"), "{reason}");
    ensure!(
        reason.contains("kept since 2026-11-29T12:00:00"),
        "{reason}"
    );
    taken(&verifier, &world.token()).await?;
    let watched = Watched::begin(verifier);
    watched.is(Degraded, "1 key of 2026-11-29T12:00:00").await?;
    taken(&watched.verifier, &world.token()).await?;
    refused(
        &watched.verifier,
        &TestKey::new("x", KeyKind::Es256).sign(
            &json!({ "typ": "at+jwt", "alg": "ES256", "kid": "x" }),
            &world.claims(),
        ),
        TokenRefusal::KeyUnknown,
        "it was never published",
    )
    .await;
    // It stays a set of keys for whoever else reads it, and there is nothing beside it.
    let kept = fs::read(&file)?;
    ensure!(KeySet::try_read(&kept)?.len() == 1);
    ensure!(fs::read_dir(world.folder.path().join("data"))?.count() == 1);
    Ok(())
}

#[tokio::test]
async fn kept_keys_of_somebody_else_or_in_pieces_are_not_used() -> Result<()> {
    let world = World::new().await?;
    let watched = world.watched()?;
    watched.is(Healthy, "1 key").await?;
    drop(watched);
    let settings = world.settings()?;
    let kept = fs::read_to_string(&settings.key_file)?;
    world.issuer.answer(Answers::Nobody);
    for spoilt in [
        kept.replace(world.issuer.url(), "http://127.0.0.1:1"),
        kept[..kept.len() - 1].to_owned(),
        "{}".to_owned(),
        String::new(),
    ] {
        fs::write(&settings.key_file, spoilt)?;
        let verifier = world.unwatched(&settings, None)?;
        ensure!(health(&verifier).0 == Unhealthy);
        let watched = Watched::begin(verifier);
        refused(
            &watched.verifier,
            &world.token(),
            TokenRefusal::KeyUnknown,
            "there are no keys",
        )
        .await;
        watched.is(Unhealthy, "there are no keys").await?;
    }
    Ok(())
}

#[tokio::test]
async fn keys_that_cannot_be_kept_are_used_and_it_is_said() -> Result<()> {
    let world = World::new().await?;
    let mut settings = world.settings()?;
    fs::write(world.folder.path().join("file"), "")?;
    settings.key_file = world.folder.path().join("file").join("jwks.json");
    let watched = Watched::begin(world.unwatched(&settings, None)?);
    watched.is(Degraded, "they cannot be kept in").await?;
    taken(&watched.verifier, &world.token()).await?;
    Ok(())
}

#[tokio::test]
async fn an_issuer_that_answers_something_else_is_asked_again_for_a_token_and_health_says_why()
-> Result<()> {
    for (answers, words) in [
        (Answers::Status(500), "status 500"),
        (Answers::Status(404), "status 404"),
        (Answers::Text("<html></html>".to_owned()), "no set of keys"),
        (
            Answers::Text("x".repeat(KeySet::BYTES_MAX + 1)),
            "larger than 65536 bytes",
        ),
        (Answers::Silence, "within 2s"),
        (Answers::Nobody, "the connection failed"),
    ] {
        let world = World::new().await?;
        world.issuer.answer(answers.clone());
        let watched = world.watched()?;
        watched.is(Unhealthy, words).await?;
        world.issuer.answer(Answers::Honest);
        taken(&watched.verifier, &world.token()).await?;
        watched.is(Healthy, "1 key").await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_issuer_that_comes_back_is_found_without_a_token() -> Result<()> {
    let world = World::new().await?;
    world.issuer.answer(Answers::Nobody);
    let watched = world.watched()?;
    watched.is(Unhealthy, "the connection failed").await?;
    world.issuer.answer(Answers::Honest);
    watched.is(Healthy, "1 key").await
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Result<()> {
    let world = World::new().await?;
    let other = TestIssuer::start(Arc::clone(&world.clock) as _).await?;
    let url = format!("{}/.well-known/jwks.json", other.url());
    world.issuer.answer(Answers::Redirect(url));
    let watched = world.watched()?;
    watched.is(Unhealthy, "status 302").await?;
    ensure!(other.fetches() == 0);
    Ok(())
}

#[tokio::test]
async fn without_an_issuer_every_token_is_refused_and_health_says_what_to_do() -> Result<()> {
    let world = World::new().await?;
    let mut settings = world.settings()?;
    settings.issuer = None;
    let watched = Watched::begin(world.unwatched(&settings, None)?);
    ensure!(watched.verifier.verify(&world.token()).await.map(drop) == Err(Refused::NotConfigured));
    watched.is(Unhealthy, "auth is not configured").await?;
    ensure!(world.issuer.fetches() == 0 && !watched.watching.is_finished());
    Ok(())
}

#[tokio::test]
async fn keys_may_be_elsewhere_than_the_issuer() -> Result<()> {
    let world = World::new().await?;
    let mut settings = world.settings()?;
    settings.issuer = Some(Issuer::try_new("https://login.example")?);
    settings.key_set_url = Some(format!("{}/.well-known/jwks.json", world.issuer.url()));
    let watched = Watched::begin(world.unwatched(&settings, None)?);
    watched.is(Healthy, "1 key").await?;
    refused(
        &watched.verifier,
        &world.token(),
        TokenRefusal::Issuer,
        "it says another one",
    )
    .await;
    let mut claims = world.claims();
    claims["iss"] = "https://login.example".into();
    taken(&watched.verifier, &world.issuer.sign(&claims)).await?;
    Ok(())
}
