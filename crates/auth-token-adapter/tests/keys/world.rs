//! Keys, and somebody to issue tokens for.

use std::time::Duration;

use anyhow::{Result, ensure};
use auth_application::{
    MadeKey, SigningKey,
    ports::{KeyMaker as _, TokenSigner as _},
};
use auth_token_adapter::{EncryptionKey, SealedKeys, SealedSigner};
use domain::{DisplayName, PictureUrl, SessionId, Timestamp, TokenId, UserId};
use identity::{AccessClaims, Algorithm, ClientId, Issuer, Scope, Scopes, Verifier};

pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);

pub(super) fn encryption_key() -> Result<EncryptionKey> {
    let bytes = std::array::from_fn(|index| u8::try_from(index).unwrap_or(0));
    Ok(EncryptionKey::try_new(&bytes)?)
}

pub(super) fn rules() -> Result<Verifier> {
    Ok(Verifier {
        issuer: Issuer::try_new("https://login.example")?,
        audience: "match-platform".to_owned(),
        skew: Duration::from_secs(30),
    })
}

pub(super) fn signer() -> Result<SealedSigner> {
    Ok(SealedSigner::new(encryption_key()?, rules()?))
}

pub(super) async fn made(algorithm: Algorithm) -> Result<MadeKey> {
    Ok(SealedKeys::new(encryption_key()?).make(algorithm).await?)
}

/// A key as it is kept.
pub(super) fn kept(made: &MadeKey) -> SigningKey {
    SigningKey {
        id: made.id.clone(),
        sealed: made.sealed.clone(),
        public: made.public.clone(),
        publish_at: NOW,
        active_from: NOW,
        retire_at: None,
    }
}

/// One that has loaded these, all of which open.
pub(super) async fn loaded(keys: &[SigningKey]) -> Result<SealedSigner> {
    let signer = signer()?;
    let faults = signer.load(keys).await;
    ensure!(faults.is_empty(), "{faults:?}");
    Ok(signer)
}

pub(super) fn claims() -> Result<AccessClaims> {
    Ok(AccessClaims {
        issuer: Issuer::try_new("https://login.example")?,
        audience: "match-platform".to_owned(),
        id: TokenId::new(NOW, [1; 10]),
        user: UserId::new(NOW, [2; 10]),
        steam_id: "76561198046967340".parse()?,
        name: Some(DisplayName::try_new("Puppey \u{1f600} \"<")?),
        picture: Some(PictureUrl::try_new("https://avatars.example/a.jpg")?),
        session: SessionId::new(NOW, [3; 10]),
        client: ClientId::try_new("stats")?,
        scopes: Scopes::from_iter([Scope::ProfileRead, Scope::DraftWrite]),
        authenticated_at: NOW.saturating_sub(Duration::from_millis(1_500)),
        issued_at: NOW.saturating_add(Duration::from_millis(999)),
        expires_at: NOW.saturating_add(Duration::from_millis(300_999)),
    })
}
