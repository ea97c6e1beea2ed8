//! What is signed.

use anyhow::{Context as _, Result, ensure};
use auth_application::{KeyId, PublicKey, ports::TokenSigner as _};
use auth_token_adapter::key_set;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Timestamp;
use identity::{Algorithm, TokenRefusal};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Value, json};

use crate::world::{NOW, claims, kept, loaded, made, signer};

fn bytes(text: &str) -> Result<Vec<u8>> {
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

fn read(part: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&bytes(part)?)?)
}

/// Judges a signature by another library, with nothing but what is published.
fn is_signed(key: &Value, message: &[u8], signature: &[u8]) -> Result<bool> {
    let member = |name: &str| bytes(key[name].as_str().context(name.to_owned())?);
    let judged = match key["alg"].as_str() {
        Some("ES256") => {
            let point = [vec![4], member("x")?, member("y")?].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
        }
        Some("EdDSA") => UnparsedPublicKey::new(&ED25519, member("x")?).verify(message, signature),
        _ => {
            let (n, e) = (member("n")?, member("e")?);
            let key = RsaPublicKeyComponents { n, e };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
        }
    };
    Ok(judged.is_ok())
}

#[tokio::test]
async fn a_token_says_what_it_shall_and_everybody_can_tell_who_has_signed_it() -> Result<()> {
    for algorithm in Algorithm::ALL {
        let key = kept(&made(algorithm).await?);
        let signer = loaded(std::slice::from_ref(&key)).await?;
        let claims = claims()?;
        let token = signer.sign(&key.id, &claims)?;
        let (message, signature) = token.as_str().rsplit_once('.').context("three parts")?;
        let (head, said) = message.split_once('.').context("three parts")?;
        let name = algorithm.name();
        ensure!(read(head)? == json!({ "typ": "at+jwt", "alg": name, "kid": key.id.as_str() }));
        let now = NOW.unix_seconds();
        let expected = json!({
            "iss": "https://login.example", "sub": claims.user.to_string(), "aud": "match-platform",
            "exp": now + 300, "iat": now, "jti": claims.id.to_string(), "client_id": "stats",
            "scope": "profile:read draft:write", "sid": claims.session.to_string(), "auth_time": now - 2,
            "steam_id": "76561198046967340", "name": "Puppey \u{1f600} \"<",
            "picture": "https://avatars.example/a.jpg",
        });
        ensure!(read(said)? == expected, "{}", read(said)?);

        let set: Value = serde_json::from_str(&key_set([&key]))?;
        let signature = bytes(signature)?;
        ensure!(
            is_signed(&set["keys"][0], message.as_bytes(), &signature)?,
            "{name}"
        );
        ensure!(
            !is_signed(&set["keys"][0], b"something else", &signature)?,
            "{name}"
        );

        let principal = signer.verify(token.as_str(), NOW)?;
        ensure!(principal.user == claims.user && principal.session == Some(claims.session));
        ensure!(principal.scopes == claims.scopes && principal.name == claims.name);
        let over = Timestamp::from_unix_seconds(now + 300);
        ensure!(signer.verify(token.as_str(), over) == Err(TokenRefusal::Expired));
        ensure!(!format!("{token:?} {signer:?}").contains(said));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_known_is_not_said() -> Result<()> {
    let key = kept(&made(Algorithm::Es256).await?);
    let signer = loaded(std::slice::from_ref(&key)).await?;
    let mut claims = claims()?;
    (claims.name, claims.picture, claims.scopes) = (None, None, identity::Scopes::NONE);
    let token = signer.sign(&key.id, &claims)?;
    let said = read(token.as_str().split('.').nth(1).context("three parts")?)?;
    for name in ["name", "picture", "scope"] {
        ensure!(said.get(name).is_none(), "{said}");
    }
    ensure!(signer.verify(token.as_str(), NOW)?.scopes.is_empty());
    Ok(())
}

#[tokio::test]
async fn only_the_keys_of_now_sign_and_verify() -> Result<()> {
    let old = kept(&made(Algorithm::Es256).await?);
    let new = kept(&made(Algorithm::EdDsa).await?);
    let signer = signer()?;
    let claims = claims()?;
    ensure!(signer.sign(&old.id, &claims).is_err());
    ensure!(signer.load(std::slice::from_ref(&old)).await.is_empty());
    let of_old = signer.sign(&old.id, &claims)?;
    ensure!(signer.load(&[old.clone(), new.clone()]).await.is_empty());
    let of_new = signer.sign(&new.id, &claims)?;
    for token in [&of_old, &of_new, &signer.sign(&old.id, &claims)?] {
        signer.verify(token.as_str(), NOW)?;
    }
    ensure!(signer.load(std::slice::from_ref(&new)).await.is_empty());
    ensure!(signer.verify(of_old.as_str(), NOW) == Err(TokenRefusal::KeyUnknown));
    ensure!(signer.sign(&old.id, &claims).is_err());
    signer.verify(of_new.as_str(), NOW)?;
    ensure!(signer.load(&[]).await.is_empty());
    ensure!(signer.verify(of_new.as_str(), NOW) == Err(TokenRefusal::KeyUnknown));
    let stranger = KeyId::new("stranger").context("a name")?;
    let fault = signer
        .sign(&stranger, &claims)
        .err()
        .context("it is unknown")?;
    ensure!(fault.to_string().contains("stranger"), "{fault}");
    Ok(())
}

#[tokio::test]
async fn the_set_of_keys_has_their_public_parts_and_nothing_else() -> Result<()> {
    let mut keys = Vec::new();
    for algorithm in Algorithm::ALL {
        keys.push(kept(&made(algorithm).await?));
    }
    let set: Value = serde_json::from_str(&key_set(&keys))?;
    ensure!(set.as_object().is_some_and(|set| set.len() == 1));
    let of_all = ["kty", "kid", "alg", "use"];
    for (index, own) in [&["crv", "x", "y"][..], &["crv", "x"], &["n", "e"]]
        .into_iter()
        .enumerate()
    {
        let key = set["keys"][index].as_object().context("a key")?;
        let mut expected: Vec<&str> = of_all.iter().chain(own).copied().collect();
        expected.sort_unstable();
        let mut names: Vec<&str> = key.keys().map(String::as_str).collect();
        names.sort_unstable();
        ensure!(names == expected, "{names:?}");
        let set = auth_kit::KeySet::try_read(key_set([&keys[index]]).as_bytes())?;
        ensure!((set.len(), set.skipped()) == (1, 0));
    }
    let PublicKey::Rsa { n, e } = &keys[2].public else {
        anyhow::bail!("it is for RSA");
    };
    ensure!(bytes(n)?.len() == 256 && bytes(e)? == [1, 0, 1]);
    Ok(())
}
