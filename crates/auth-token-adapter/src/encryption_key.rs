//! What private keys are sealed with.

use std::{fmt, sync::Arc};

use auth_application::{KeyId, SealedKey};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use identity::Algorithm;
use thiserror::Error;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
/// Before the nonce and what is encrypted, should another way ever be needed.
const VERSION: u8 = 1;
const PURPOSE: &str = "signing key of access tokens";

/// The key of the settings: it seals private keys, so that whoever steals the database has none of them. Never shown
/// by `Debug`; cloned, it is the same one.
///
/// Each seal has a random nonce of 96 bits; keys are made every few weeks, so two are never the same.
#[derive(Clone)]
pub struct EncryptionKey(Arc<LessSafeKey>);

/// What was given is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncryptionKeyFault {
    /// It is written in another way.
    #[error("not 32 bytes in base64")]
    Form,
    /// Nobody has drawn it.
    #[error("the same byte again and again")]
    Guessable,
}

/// What was sealed cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it was sealed with another AUTH_KEY_ENCRYPTION_KEY, or changed since")]
pub(crate) struct NotOpened;

/// There is no randomness, or no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the library for cryptography failed")]
pub(crate) struct LibraryFailed;

impl EncryptionKey {
    /// Takes random bytes.
    ///
    /// # Errors
    /// [`EncryptionKeyFault::Guessable`].
    pub fn try_new(bytes: &[u8; KEY_BYTES]) -> Result<Self, EncryptionKeyFault> {
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(EncryptionKeyFault::Guessable);
        }
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("it has the length of such a key");
        Ok(Self(Arc::new(LessSafeKey::new(key))))
    }

    /// Reads 32 random bytes in base64, as `openssl rand -base64 32` writes them.
    ///
    /// # Errors
    /// What is wrong with it, which does not repeat it.
    pub fn try_read(text: &str) -> Result<Self, EncryptionKeyFault> {
        // The decoder writes whole groups of three bytes, so it wants a byte more.
        let mut bytes = Zeroizing::new([0; KEY_BYTES + 1]);
        let length = STANDARD.decode_slice(text, bytes.as_mut_slice());
        match (length, bytes.first_chunk()) {
            (Ok(KEY_BYTES), Some(key)) => Self::try_new(key),
            _ => Err(EncryptionKeyFault::Form),
        }
    }

    pub(crate) fn seal(
        &self,
        id: &KeyId,
        algorithm: Algorithm,
        private: &[u8],
    ) -> Result<SealedKey, LibraryFailed> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| LibraryFailed)?;
        // Encrypted where it lies, and never moved before that.
        let mut sealed = Zeroizing::new(private.to_vec());
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                of(id, algorithm),
                &mut sealed,
            )
            .map_err(|_| LibraryFailed)?;
        let bytes = [&[VERSION], &nonce[..], &sealed, tag.as_ref()].concat();
        Ok(SealedKey::new(bytes))
    }

    pub(crate) fn open(
        &self,
        id: &KeyId,
        algorithm: Algorithm,
        sealed: &SealedKey,
    ) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (version, rest) = sealed.as_bytes().split_first().ok_or(NotOpened)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(NotOpened)?;
        if *version != VERSION {
            return Err(NotOpened);
        }
        let mut opened = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .0
            .open_in_place(nonce, of(id, algorithm), &mut opened)
            .map_err(|_| NotOpened)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// Which key it is, and what for: sealed as any other, it does not open.
fn of(id: &KeyId, algorithm: Algorithm) -> Aad<String> {
    Aad::from(format!("{PURPOSE}\n{}\n{id}", algorithm.name()))
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_for_one_key_opens_for_no_other() {
        let key = EncryptionKey::try_new(&std::array::from_fn(|index| index.to_le_bytes()[0]));
        let key = key.expect("nobody would guess it");
        let id = |name| KeyId::new(name).expect("a name");
        let sealed = key.seal(&id("a"), Algorithm::Es256, b"private");
        let sealed = sealed.expect("there is randomness");
        let open = |name, algorithm| key.open(&id(name), algorithm, &sealed);
        let opened = open("a", Algorithm::Es256).expect("it is this one");
        assert_eq!(opened.as_slice(), b"private");
        assert_eq!(open("b", Algorithm::Es256), Err(NotOpened));
        assert_eq!(open("a", Algorithm::EdDsa), Err(NotOpened));
        assert_eq!(open("a", Algorithm::Rs256), Err(NotOpened));
    }
}
