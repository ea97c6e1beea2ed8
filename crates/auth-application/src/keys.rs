//! The keys that tokens are signed with.

use std::fmt;

use domain::Timestamp;
use identity::Algorithm;

use crate::audit::{AuditEntry, AuditEvent};

/// Names a key: up to 64 of letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

/// A private key, encrypted: worth nothing without the key of the settings.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey(Vec<u8>);

/// What everybody may know of a key, in the words of RFC 7518; values are base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// A point of P-256, for [`Algorithm::Es256`].
    P256 {
        /// Its first coordinate.
        x: String,
        /// Its second coordinate.
        y: String,
    },
    /// A point of Ed25519, for [`Algorithm::EdDsa`].
    Ed25519 {
        /// The point.
        x: String,
    },
    /// For [`Algorithm::Rs256`].
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
}

/// A key that was just made, and that nobody knows of yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeKey {
    /// Its name.
    pub id: KeyId,
    /// Its private part, encrypted.
    pub sealed: SealedKey,
    /// Its public part.
    pub public: PublicKey,
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name.
    pub id: KeyId,
    /// Its private part, encrypted.
    pub sealed: SealedKey,
    /// Its public part.
    pub public: PublicKey,
    /// When everybody may know it.
    pub publish_at: Timestamp,
    /// From when it signs, until a later one does.
    pub active_from: Timestamp,
    /// When its last token is over; `None` as long as no later key is known.
    pub retire_at: Option<Timestamp>,
}

impl KeyId {
    /// Takes a name; `None` if it is none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let is_id = (1..=64).contains(&text.len()) && text.bytes().all(is_allowed);
        is_id.then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SealedKey {
    /// Takes encrypted bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The encrypted bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedKey")
    }
}

impl PublicKey {
    /// How tokens are signed with it.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256 { .. } => Algorithm::Es256,
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// What a key set says of it, by name (RFC 7517): all members but `kid`, `use` and `alg`.
    #[must_use]
    pub fn members(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::P256 { x, y } => vec![("kty", "EC"), ("crv", "P-256"), ("x", x), ("y", y)],
            Self::Ed25519 { x } => vec![("kty", "OKP"), ("crv", "Ed25519"), ("x", x)],
            Self::Rsa { n, e } => vec![("kty", "RSA"), ("n", n), ("e", e)],
        }
    }

    /// Reads what [`members`](Self::members) says; `None` if it is no such key.
    #[must_use]
    pub fn of_members(member: impl Fn(&str) -> Option<String>) -> Option<Self> {
        match (member("kty")?.as_str(), member("crv").as_deref()) {
            ("EC", Some("P-256")) => Some(Self::P256 {
                x: member("x")?,
                y: member("y")?,
            }),
            ("OKP", Some("Ed25519")) => Some(Self::Ed25519 { x: member("x")? }),
            ("RSA", None) => Some(Self::Rsa {
                n: member("n")?,
                e: member("e")?,
            }),
            _ => None,
        }
    }
}

impl SigningKey {
    /// What is set down when it is published or removed.
    #[must_use]
    pub fn entry(&self, event: AuditEvent, at: Timestamp) -> AuditEntry {
        let algorithm = self.public.algorithm().name().to_owned();
        AuditEntry::new(at, event)
            .with("kid", self.id.to_string())
            .with("algorithm", algorithm)
    }

    /// Whether it is in the key set.
    #[must_use]
    pub fn is_published(&self, now: Timestamp) -> bool {
        self.publish_at <= now && !self.is_retired(now)
    }

    /// Whether its last token is over.
    #[must_use]
    pub fn is_retired(&self, now: Timestamp) -> bool {
        self.retire_at.is_some_and(|at| at <= now)
    }

    /// The key of these that signs now: the one that has signed for the shortest time.
    #[must_use]
    pub fn active(keys: &[Self], now: Timestamp) -> Option<&Self> {
        let begun = keys.iter().filter(|key| key.active_from <= now);
        begun.max_by(|a, b| (a.active_from, &a.id).cmp(&(b.active_from, &b.id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_set_says_is_read_again() {
        let part = |text: &str| text.to_owned();
        for (algorithm, public) in [
            (
                Algorithm::Es256,
                PublicKey::P256 {
                    x: part("x"),
                    y: part("y"),
                },
            ),
            (Algorithm::EdDsa, PublicKey::Ed25519 { x: part("x") }),
            (
                Algorithm::Rs256,
                PublicKey::Rsa {
                    n: part("n"),
                    e: part("AQAB"),
                },
            ),
        ] {
            assert_eq!(public.algorithm(), algorithm);
            let members = public.members();
            let member = |name: &str| {
                let found = members.iter().find(|(it, _)| *it == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(PublicKey::of_members(member), Some(public.clone()));
            let without_kind = |name: &str| member(name).filter(|_| name != "kty");
            assert_eq!(PublicKey::of_members(without_kind), None);
        }
    }
}
