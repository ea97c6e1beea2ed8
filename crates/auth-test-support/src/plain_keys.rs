//! Keys and tokens without cryptography.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use auth_application::{
    KeyId, MadeKey, PublicKey, SealedKey, SigningKey,
    ports::{AccessToken, KeyFault, KeyMaker, TokenSigner},
};
use domain::Timestamp;
use identity::{AccessClaims, Algorithm, Principal, TokenRefusal};

/// Makes keys that are told apart by their names.
#[derive(Debug, Default)]
pub struct PlainMaker(AtomicU64);

/// Remembers what it has signed, by the name of the key; a key that is sealed with nothing cannot be opened.
#[derive(Debug, Default)]
pub struct PlainSigner {
    /// By their names, and whether they open.
    known: Mutex<BTreeMap<KeyId, bool>>,
    signed: Mutex<BTreeMap<String, (KeyId, AccessClaims)>>,
}

impl PlainMaker {
    /// How many it has made.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl KeyMaker for PlainMaker {
    async fn make(&self, algorithm: Algorithm) -> Result<MadeKey, KeyFault> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let (x, y) = (format!("x{number}"), format!("y{number}"));
        Ok(MadeKey {
            id: KeyId::new(&format!("key-{number}")).expect("it is a name"),
            sealed: SealedKey::new(vec![1, 2, 3]),
            public: match algorithm {
                Algorithm::Es256 => PublicKey::P256 { x, y },
                Algorithm::EdDsa => PublicKey::Ed25519 { x },
                Algorithm::Rs256 => PublicKey::Rsa { n: x, e: y },
            },
        })
    }
}

impl PlainSigner {
    /// What a token says that was signed here.
    #[must_use]
    pub fn claims(&self, token: &str) -> Option<AccessClaims> {
        let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        signed.get(token).map(|(_, claims)| claims.clone())
    }
}

#[async_trait]
impl TokenSigner for PlainSigner {
    async fn load(&self, keys: &[SigningKey]) -> Vec<(KeyId, KeyFault)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = |key: &&SigningKey| !key.sealed.as_bytes().is_empty();
        *known = keys
            .iter()
            .map(|key| (key.id.clone(), is_open(&key)))
            .collect();
        let closed = keys.iter().filter(|key| !is_open(key));
        let fault = || KeyFault("it is sealed with nothing".to_owned());
        closed.map(|key| (key.id.clone(), fault())).collect()
    }

    fn sign(&self, key: &KeyId, claims: &AccessClaims) -> Result<AccessToken, KeyFault> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(key) != Some(&true) {
            return Err(KeyFault(format!("{key} is not known, or does not open")));
        }
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("{key}.{}.signed", claims.id);
        signed.insert(token.clone(), (key.clone(), claims.clone()));
        Ok(AccessToken::new(token))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, TokenRefusal> {
        let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, claims) = signed.get(token).ok_or(TokenRefusal::Signature)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(key) {
            return Err(TokenRefusal::KeyUnknown);
        }
        if claims.expires_at <= now {
            return Err(TokenRefusal::Expired);
        }
        Ok(Principal {
            user: claims.user,
            client: claims.client.clone(),
            session: Some(claims.session),
            scopes: claims.scopes,
            authenticated_at: Some(claims.authenticated_at),
            steam_id: Some(claims.steam_id),
            name: claims.name.clone(),
            picture: claims.picture.clone(),
            expires_at: claims.expires_at,
        })
    }
}
