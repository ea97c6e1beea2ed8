//! Secrets that we hand out, and what we keep of them.
//!
//! A secret is 256 random bits. Whoever holds it sends it back; we keep only its
//! SHA-256, which is of no use to whoever steals it: nothing shorter than the
//! secret itself leads back to it, so it needs no salt and no slow hash.

use std::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

/// How many bytes a secret has, and how many its digest.
const BYTES: usize = 32;
/// How many characters a secret has where it is written down.
const CHARACTERS: usize = 43;

/// What secrets are for. A secret of one kind is never taken for one of another.
pub mod kind {
    /// For the way to Steam and back.
    #[derive(Debug)]
    pub enum Attempt {}
    /// For the browser that began an attempt.
    #[derive(Debug)]
    pub enum Browser {}
    /// For the client, to be exchanged for tokens.
    #[derive(Debug)]
    pub enum Code {}
    /// For the client, to be exchanged for newer tokens.
    #[derive(Debug)]
    pub enum Refresh {}
}

/// Names an attempt on its way to Steam and back.
pub type AttemptSecret = Secret<kind::Attempt>;
/// Tells the browser that began an attempt from all others; it keeps it in a cookie.
pub type BrowserSecret = Secret<kind::Browser>;
/// An authorization code.
pub type Code = Secret<kind::Code>;
/// A refresh token.
pub type RefreshToken = Secret<kind::Refresh>;

/// 256 random bits. They are wiped when they are dropped, and never shown by `Debug`.
pub struct Secret<K> {
    bytes: Zeroizing<[u8; BYTES]>,
    kind: PhantomData<fn() -> K>,
}

/// The SHA-256 of a secret: what is kept of it.
///
/// Two are compared in a time that does not tell how alike they are.
pub struct Digest<K> {
    bytes: [u8; BYTES],
    kind: PhantomData<fn() -> K>,
}

/// What was sent as a secret is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not the 43 characters of a secret of ours")]
pub struct NoSecret;

impl<K> Secret<K> {
    /// Makes one of bits that nobody can guess.
    #[must_use]
    pub fn new(chance: [u8; BYTES]) -> Self {
        Self {
            bytes: Zeroizing::new(chance),
            kind: PhantomData,
        }
    }

    /// Reads what [`written`](Self::written) wrote, and no other spelling of it.
    ///
    /// # Errors
    /// [`NoSecret`]; it does not repeat what was sent.
    pub fn try_read(text: &str) -> Result<Self, NoSecret> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        if text.len() != CHARACTERS {
            return Err(NoSecret);
        }
        // The engine refuses set bits behind the last byte.
        let length = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice());
        match length {
            Ok(BYTES) => Ok(Self {
                bytes,
                kind: PhantomData,
            }),
            _ => Err(NoSecret),
        }
    }

    /// As its holder gets it: 43 characters that need no escape in a URL or a cookie.
    #[must_use]
    pub fn written(&self) -> SecretString {
        SecretString::from(URL_SAFE_NO_PAD.encode(self.bytes.as_slice()))
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> Digest<K> {
        Digest::from_bytes(Sha256::digest(self.bytes.as_slice()).into())
    }
}

impl<K> fmt::Debug for Secret<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<K> Digest<K> {
    /// One that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self {
            bytes,
            kind: PhantomData,
        }
    }

    /// As it is kept.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; BYTES] {
        &self.bytes
    }
}

// Derived, these would ask the same of the kind.

impl<K> Clone for Digest<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Digest<K> {}

impl<K> PartialEq for Digest<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(&other.bytes).into()
    }
}

impl<K> Eq for Digest<K> {}

impl<K> Hash for Digest<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<K> fmt::Debug for Digest<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_kept_as_its_sha_256() {
        let secret = Code::new([0; 32]);
        // sha256sum of 32 zero bytes.
        let expected = [
            0x66, 0x68, 0x7a, 0xad, 0xf8, 0x62, 0xbd, 0x77, 0x6c, 0x8f, 0xc1, 0x8b, 0x8e, 0x9f,
            0x8e, 0x20, 0x08, 0x97, 0x14, 0x85, 0x6e, 0xe2, 0x33, 0xb3, 0x90, 0x2a, 0x59, 0x1d,
            0x0d, 0x5f, 0x29, 0x25,
        ];
        assert_eq!(secret.digest().as_bytes(), &expected);
    }

    #[test]
    fn nothing_shows_a_secret() {
        let secret = RefreshToken::new([0x61; 32]);
        let shown = format!("{secret:?} {:?} {:?}", secret.digest(), secret.written());
        assert!(!shown.contains("YWFh") && !shown.contains("aaa"), "{shown}");
        assert!(!shown.contains("97") && !shown.contains("61"), "{shown}");
    }

    #[test]
    fn another_spelling_is_no_secret() {
        let written = Code::new([0xff; 32]).written();
        let written = written.expose_secret();
        for text in [
            String::new(),
            format!("{written}="),
            format!("{written}A"),
            written[1..].to_owned(),
            written.replace('_', "/"),
            // The same bytes, with bits behind them.
            format!("{}9", &written[..42]),
            " ".repeat(43),
            "ä".repeat(21) + "a",
        ] {
            assert_eq!(Code::try_read(&text).map(drop), Err(NoSecret), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(chance: [u8; 32], other: [u8; 32]) {
            let secret = Code::new(chance);
            let read = Code::try_read(secret.written().expose_secret());
            prop_assert_eq!(read.map(|read| read.digest()), Ok(secret.digest()));
            let is_same = secret.digest() == Code::new(other).digest();
            prop_assert_eq!(is_same, chance == other);
        }
    }
}
