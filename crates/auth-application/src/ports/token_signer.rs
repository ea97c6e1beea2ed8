//! What is done with keys.

use std::fmt;

use async_trait::async_trait;
use domain::Timestamp;
use identity::{AccessClaims, Algorithm, Principal, TokenRefusal};
use thiserror::Error;

use crate::keys::{KeyId, MadeKey, SigningKey};

/// Makes keys.
#[async_trait]
pub trait KeyMaker: Send + Sync {
    /// Makes a key whose name nobody else gives, and seals its private part.
    ///
    /// MUST NOT keep a thread of the runtime busy.
    ///
    /// # Errors
    /// There is none; what to do.
    async fn make(&self, algorithm: Algorithm) -> Result<MadeKey, KeyFault>;
}

/// Signs access tokens, and verifies its own.
#[async_trait]
pub trait TokenSigner: Send + Sync {
    /// From now on, knows these keys and no others. Those whose private part cannot be opened still verify; they
    /// are named with why.
    ///
    /// MUST NOT keep a thread of the runtime busy. Given up, it knows those from before or these.
    async fn load(&self, keys: &[SigningKey]) -> Vec<(KeyId, KeyFault)>;

    /// Signs a token, with this key.
    ///
    /// # Errors
    /// The key is unknown, or its private part is.
    fn sign(&self, key: &KeyId, claims: &AccessClaims) -> Result<AccessToken, KeyFault>;

    /// Takes a token, as every verifier would that knows these keys.
    ///
    /// # Errors
    /// Why not.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, TokenRefusal>;
}

/// A signed access token. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

/// Why something is not done with a key, and what to do about it. It says nothing of what is secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct KeyFault(pub String);

impl AccessToken {
    /// Takes a token that was signed.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// As its holder gets it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken")
    }
}
