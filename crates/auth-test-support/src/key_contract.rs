//! What whoever makes and uses signing keys must do, as one suite of checks.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use auth_application::{
    MadeKey, SealedKey, SigningKey,
    ports::{KeyMaker, TokenSigner},
};
use domain::{DisplayName, PictureUrl, SessionId, Timestamp, TokenId, UserId};
use identity::{AccessClaims, Algorithm, ClientId, Issuer, Scope, Scopes, TokenRefusal};

/// Who issues the tokens of the suite.
pub const ISSUER: &str = "https://login.example";
/// For whom they are.
pub const AUDIENCE: &str = "match-platform";

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
const LIFE: Duration = Duration::from_mins(5);

/// A maker and a signer that are to be held to their ports; the signer takes tokens of [`ISSUER`] for [`AUDIENCE`].
pub type Subject = (Arc<dyn KeyMaker>, Arc<dyn TokenSigner>);

/// Checks everything; `make` makes a signer without keys, and a maker of keys for it.
///
/// # Errors
/// A promise is broken; it says which.
pub async fn check(make: impl Fn() -> Result<Subject>) -> Result<()> {
    for algorithm in Algorithm::ALL {
        let name = algorithm.name();
        keys_are_told_apart(&make()?, algorithm)
            .await
            .context(name)?;
        what_is_signed_is_taken_until_it_expires(&make()?, algorithm)
            .await
            .context(name)?;
        only_the_keys_of_now_sign_and_verify(&make()?, algorithm)
            .await
            .context(name)?;
        a_key_that_does_not_open_is_named_and_verifies(&make()?, algorithm)
            .await
            .context(name)?;
    }
    Ok(())
}

async fn keys_are_told_apart((maker, _): &Subject, algorithm: Algorithm) -> Result<()> {
    let mut names = BTreeSet::new();
    for _ in 0..3 {
        let made = maker.make(algorithm).await?;
        ensure!(made.public.algorithm() == algorithm, "another algorithm");
        ensure!(names.insert(made.id), "two keys of one name");
    }
    Ok(())
}

async fn what_is_signed_is_taken_until_it_expires(
    (maker, signer): &Subject,
    algorithm: Algorithm,
) -> Result<()> {
    let key = kept(maker.make(algorithm).await?);
    let claims = claims()?;
    ensure!(
        signer.sign(&key.id, &claims).is_err(),
        "an unknown key signs"
    );
    let faults = signer.load(std::slice::from_ref(&key)).await;
    ensure!(faults.is_empty(), "{faults:?}");
    let token = signer.sign(&key.id, &claims)?;
    let principal = signer.verify(token.as_str(), NOW)?;
    let is_same = principal.user == claims.user
        && principal.client == claims.client
        && principal.session == Some(claims.session)
        && principal.scopes == claims.scopes
        && principal.authenticated_at == Some(claims.authenticated_at)
        && principal.steam_id == Some(claims.steam_id)
        && principal.name == claims.name
        && principal.picture == claims.picture
        && principal.expires_at == claims.expires_at;
    ensure!(is_same, "{principal:?} of {claims:?}");
    let last = claims.expires_at.saturating_sub(Duration::from_millis(1));
    signer.verify(token.as_str(), last)?;
    let over = signer.verify(token.as_str(), claims.expires_at);
    ensure!(over == Err(TokenRefusal::Expired), "{over:?}");
    let longer = format!("{}x", token.as_str());
    ensure!(
        signer.verify(&longer, NOW).is_err(),
        "another token is taken"
    );
    ensure!(
        !format!("{token:?}").contains(token.as_str()),
        "it is shown"
    );
    Ok(())
}

async fn only_the_keys_of_now_sign_and_verify(
    (maker, signer): &Subject,
    algorithm: Algorithm,
) -> Result<()> {
    let (old, new) = (
        kept(maker.make(algorithm).await?),
        kept(maker.make(algorithm).await?),
    );
    let claims = claims()?;
    signer.load(std::slice::from_ref(&old)).await;
    let of_old = signer.sign(&old.id, &claims)?;
    signer.load(&[old.clone(), new.clone()]).await;
    let mut other = claims.clone();
    other.id = TokenId::new(NOW, [9; 10]);
    let of_new = signer.sign(&new.id, &other)?;
    for token in [&of_old, &of_new] {
        signer.verify(token.as_str(), NOW)?;
    }
    signer.load(std::slice::from_ref(&new)).await;
    let gone = signer.verify(of_old.as_str(), NOW);
    ensure!(gone == Err(TokenRefusal::KeyUnknown), "{gone:?}");
    ensure!(
        signer.sign(&old.id, &claims).is_err(),
        "a key that is gone signs"
    );
    signer.verify(of_new.as_str(), NOW)?;
    Ok(())
}

async fn a_key_that_does_not_open_is_named_and_verifies(
    (maker, signer): &Subject,
    algorithm: Algorithm,
) -> Result<()> {
    let (key, other) = (
        kept(maker.make(algorithm).await?),
        kept(maker.make(algorithm).await?),
    );
    let claims = claims()?;
    signer.load(std::slice::from_ref(&key)).await;
    let token = signer.sign(&key.id, &claims)?;
    let mut closed = key.clone();
    closed.sealed = SealedKey::new(Vec::new());
    let faults = signer.load(&[closed, other.clone()]).await;
    let named: Vec<_> = faults.iter().map(|(id, _)| id).collect();
    ensure!(named == [&key.id], "{faults:?}");
    ensure!(signer.sign(&key.id, &claims).is_err(), "it signs");
    signer.verify(token.as_str(), NOW)?;
    signer.sign(&other.id, &claims)?;
    Ok(())
}

fn kept(made: MadeKey) -> SigningKey {
    SigningKey {
        id: made.id,
        sealed: made.sealed,
        public: made.public,
        publish_at: NOW,
        active_from: NOW,
        retire_at: None,
    }
}

fn claims() -> Result<AccessClaims> {
    Ok(AccessClaims {
        issuer: Issuer::try_new(ISSUER)?,
        audience: AUDIENCE.to_owned(),
        id: TokenId::new(NOW, [1; 10]),
        user: UserId::new(NOW, [2; 10]),
        steam_id: "76561198046967340".parse()?,
        name: Some(DisplayName::try_new("Puppey")?),
        picture: Some(PictureUrl::try_new("https://avatars.example/a.jpg")?),
        session: SessionId::new(NOW, [3; 10]),
        client: ClientId::try_new("stats")?,
        scopes: Scopes::from_iter([Scope::ProfileRead, Scope::DraftWrite]),
        authenticated_at: NOW.saturating_sub(Duration::from_hours(1)),
        issued_at: NOW,
        expires_at: NOW.saturating_add(LIFE),
    })
}
