//! What is sealed, and by whom it is opened.

use std::{collections::BTreeSet, sync::mpsc};

use anyhow::{Context as _, Result, ensure};
use auth_application::{
    SealedKey,
    ports::{KeyMaker as _, TokenSigner as _},
};
use auth_token_adapter::{EncryptionKey, SealedKeys, SealedSigner};
use futures_util::FutureExt as _;
use identity::{Algorithm, TokenRefusal};
use tokio::{runtime::Builder, task::spawn_blocking};

use crate::world::{NOW, claims, encryption_key, kept, loaded, made, rules, signer};

#[tokio::test]
async fn no_two_keys_are_the_same_nor_their_names_nor_their_seals() -> Result<()> {
    let (mut names, mut publics, mut nonces) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..20 {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let made = made(algorithm).await?;
            publics.insert(format!("{:?}", made.public));
            nonces.insert(made.sealed.as_bytes()[1..13].to_vec());
            names.insert(made.id);
        }
    }
    ensure!((names.len(), publics.len(), nonces.len()) == (40, 40, 40));
    Ok(())
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_is_named_and_still_verifies() -> Result<()> {
    let key = kept(&made(Algorithm::Es256).await?);
    let other = kept(&made(Algorithm::EdDsa).await?);
    let token = loaded(std::slice::from_ref(&key))
        .await?
        .sign(&key.id, &claims()?)?;
    let theirs = EncryptionKey::try_read("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
    // That is ours in another spelling.
    let signer = SealedSigner::new(theirs, rules()?);
    ensure!(signer.load(std::slice::from_ref(&key)).await.is_empty());

    let mut bytes = [7; 32];
    bytes[0] = 8;
    let signer = SealedSigner::new(EncryptionKey::try_new(&bytes)?, rules()?);
    let faults = signer.load(&[key.clone(), other.clone()]).await;
    let ids: Vec<_> = faults.iter().map(|(id, _)| id).collect();
    ensure!(ids == [&key.id, &other.id], "{faults:?}");
    let fault = faults[0].1.to_string();
    ensure!(fault.contains("another AUTH_KEY_ENCRYPTION_KEY"), "{fault}");
    ensure!(signer.sign(&key.id, &claims()?).is_err());
    signer.verify(token.as_str(), NOW)?;
    Ok(())
}

#[tokio::test]
async fn a_seal_is_of_one_key_and_one_algorithm_and_whole() -> Result<()> {
    let key = kept(&made(Algorithm::Es256).await?);
    let other = kept(&made(Algorithm::Es256).await?);
    let third = kept(&made(Algorithm::EdDsa).await?);
    let signer = signer()?;
    let refuses = async |spoilt, what: &str| -> Result<()> {
        // Also if it knew the honest one.
        ensure!(signer.load(std::slice::from_ref(&key)).await.is_empty());
        let faults = signer.load(&[spoilt]).await;
        ensure!(faults.len() == 1, "{what}");
        Ok(())
    };
    let mut spoilt = key.clone();
    spoilt.sealed = other.sealed.clone();
    refuses(spoilt.clone(), "the seal of another key").await?;
    spoilt.public = other.public.clone();
    refuses(spoilt, "another key under this name").await?;
    let mut spoilt = key.clone();
    spoilt.public = other.public.clone();
    refuses(spoilt, "the public part of another key").await?;
    let mut spoilt = key.clone();
    spoilt.public = third.public.clone();
    refuses(spoilt, "another algorithm").await?;
    let sealed = key.sealed.as_bytes();
    for index in 0..sealed.len() {
        let mut bytes = sealed.to_vec();
        bytes[index] ^= 1;
        let mut spoilt = key.clone();
        spoilt.sealed = SealedKey::new(bytes);
        refuses(spoilt, &format!("byte {index}")).await?;
    }
    for length in [0, 1, 12, 13, 28, 29, sealed.len() - 1] {
        let mut spoilt = key.clone();
        spoilt.sealed = SealedKey::new(sealed[..length].to_vec());
        refuses(spoilt, &format!("{length} bytes")).await?;
    }
    ensure!(signer.load(std::slice::from_ref(&key)).await.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_seal_holds_nothing_that_can_be_read() -> Result<()> {
    // Every private key in PKCS #8 names its algorithm.
    let names: [(Algorithm, &[u8]); 3] = [
        (
            Algorithm::Es256,
            &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
        ),
        (Algorithm::EdDsa, &[0x2b, 0x65, 0x70]),
        (
            Algorithm::Rs256,
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01],
        ),
    ];
    for (algorithm, name) in names {
        let made = made(algorithm).await?;
        let has_name = made
            .sealed
            .as_bytes()
            .windows(name.len())
            .any(|it| it == name);
        ensure!(!has_name, "{}", algorithm.name());
        let shown = format!(
            "{made:?} {:?} {:?}",
            encryption_key()?,
            SealedKeys::new(encryption_key()?)
        );
        ensure!(
            shown.contains("SealedKey") && shown.contains("EncryptionKey"),
            "{shown}"
        );
        ensure!(
            !shown.contains("[0, 1") && !shown.contains("AAEC"),
            "{shown}"
        );
    }
    Ok(())
}

#[test]
fn making_and_opening_keeps_no_thread_of_the_runtime_busy() -> Result<()> {
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()?;
    runtime.block_on(async {
        let key = kept(&made(Algorithm::Rs256).await?);
        let (maker, signer) = (SealedKeys::new(encryption_key()?), signer()?);
        // As long as the one thread for work that takes long is taken, nothing is done.
        let (release, held) = mpsc::channel::<()>();
        let holding = spawn_blocking(move || held.recv());
        ensure!(maker.make(Algorithm::Rs256).now_or_never().is_none());
        let loading = signer.load(std::slice::from_ref(&key));
        ensure!(loading.now_or_never().is_none());
        release.send(())?;
        holding.await??;
        // Given up, it knows what it knew before.
        ensure!(signer.sign(&key.id, &claims()?).is_err());
        Ok(())
    })
}

#[tokio::test]
async fn more_keys_than_a_set_holds_are_refused_all() -> Result<()> {
    let first = made(Algorithm::Es256).await?;
    let mut keys = Vec::new();
    for index in 0..33 {
        let mut key = kept(&first);
        key.id = auth_application::KeyId::new(&format!("key-{index}")).context("a name")?;
        keys.push(key);
    }
    let signer = loaded(&[kept(&first)]).await?;
    let token = signer.sign(&first.id, &claims()?)?;
    let faults = signer.load(&keys).await;
    ensure!(faults.len() == 33 && faults[0].1.to_string().contains("more than 32 keys"));
    ensure!(signer.verify(token.as_str(), NOW) == Err(TokenRefusal::KeyUnknown));
    Ok(())
}
