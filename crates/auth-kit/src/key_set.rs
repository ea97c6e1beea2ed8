//! The set of an issuer's keys (RFC 7517).

use std::{collections::BTreeMap, sync::Arc};

use client_kit::wire::Object;
use domain::Timestamp;
use identity::{Principal, TokenRefusal, Verifier, parts};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    key::Key,
    token::{decoded, with_claims, with_header},
};

/// Twenty times what an issuer has that changes its keys every day.
const KEYS_MAX: usize = 32;
const NAME_LENGTH_MAX: usize = 128;

/// A key with its name.
pub(crate) type NamedKey = (String, Arc<Key>);

/// Public keys by their names.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: BTreeMap<String, Arc<Key>>,
    skipped: usize,
}

/// Why what was sent is no set of keys. One that was there before stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeySetFault {
    /// It is larger than any set.
    #[error("it is larger than {} bytes", KeySet::BYTES_MAX)]
    TooLarge,
    /// It is something else.
    #[error("it is no set of keys: {0}")]
    Form(String),
    /// There are too many.
    #[error("it has more than {KEYS_MAX} keys")]
    TooMany,
    /// Nobody could say which of them is meant.
    #[error("two of its keys have the same kid")]
    RepeatedName,
}

#[derive(Deserialize)]
struct WrittenSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// A key as it is written. What it says beside that does not matter.
#[derive(Deserialize)]
pub(crate) struct WrittenKey {
    #[serde(rename = "kty")]
    pub(crate) kind: String,
    #[serde(rename = "kid")]
    name: String,
    #[serde(rename = "alg")]
    pub(crate) algorithm: Option<String>,
    #[serde(rename = "use")]
    pub(crate) usage: Option<String>,
    #[serde(rename = "key_ops")]
    pub(crate) operations: Option<Vec<String>>,
    #[serde(rename = "crv")]
    pub(crate) curve: Option<String>,
    pub(crate) x: Option<String>,
    pub(crate) y: Option<String>,
    pub(crate) n: Option<String>,
    pub(crate) e: Option<String>,
    #[serde(rename = "d")]
    pub(crate) private: Option<serde::de::IgnoredAny>,
}

impl KeySet {
    /// The most that a set may take.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// Reads a set. Keys that are of no use here are skipped, and counted: of another kind or for something else,
    /// too short, without a name, or not written as they should be.
    ///
    /// # Errors
    /// Why it is none.
    pub fn try_read(text: &[u8]) -> Result<Self, KeySetFault> {
        if text.len() > Self::BYTES_MAX {
            return Err(KeySetFault::TooLarge);
        }
        let written: Result<Object<WrittenSet<'_>>, _> = serde_json::from_slice(text);
        let written = written
            .map_err(|error| KeySetFault::Form(error.to_string()))?
            .0
            .keys;
        if written.len() > KEYS_MAX {
            return Err(KeySetFault::TooMany);
        }
        let mut set = Self::default();
        for text in &written {
            let Some((name, key)) = read(text) else {
                set.skipped += 1;
                continue;
            };
            if set.keys.insert(name, Arc::new(key)).is_some() {
                return Err(KeySetFault::RepeatedName);
            }
        }
        Ok(set)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many were skipped.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Judges a token by these keys and these rules, and nothing else.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(
        &self,
        rules: &Verifier,
        token: &str,
        now: Timestamp,
    ) -> Result<Principal, TokenRefusal> {
        let (principal, _) = self.judge_with_key(rules, token, now)?;
        Ok(principal)
    }

    /// The same; says also by which key.
    pub(crate) fn judge_with_key(
        &self,
        rules: &Verifier,
        token: &str,
        now: Timestamp,
    ) -> Result<(Principal, NamedKey), TokenRefusal> {
        let [header, claims, signature] = parts(token)?;
        let (name, key) = with_header(&decoded(header)?, |sent| {
            let name = sent.key.unwrap_or_default();
            let key = self.get(name);
            rules.judge_header(sent, |_| key.map(|key| key.algorithm()))?;
            let key = key.ok_or(TokenRefusal::KeyUnknown)?;
            Ok((name.to_owned(), Arc::clone(key)))
        })?;
        let message = &token[..header.len() + 1 + claims.len()];
        if !key.has_signed(message.as_bytes(), &decoded(signature)?) {
            return Err(TokenRefusal::Signature);
        }
        let principal = with_claims(&decoded(claims)?, |sent| rules.judge_claims(sent, now))?;
        Ok((principal, (name, key)))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Key>> {
        self.keys.get(name)
    }

    /// Whether this is still one of them.
    pub(crate) fn has(&self, name: &str, key: &Key) -> bool {
        self.get(name).is_some_and(|it| **it == *key)
    }
}

fn read(text: &RawValue) -> Option<(String, Key)> {
    let written: Object<WrittenKey> = serde_json::from_str(text.get()).ok()?;
    let key = Key::read(&written.0)?;
    let name = written.0.name;
    (1..=NAME_LENGTH_MAX)
        .contains(&name.len())
        .then_some((name, key))
}
