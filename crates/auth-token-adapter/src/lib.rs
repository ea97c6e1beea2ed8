//! The keys that access tokens are signed with (`[auth]`): made, sealed, opened, and what they sign.
//!
//! [`SealedKeys`] makes keys for ES256, `EdDSA` and RS256 and seals their private parts with the key of the settings, by
//! AES-256-GCM; the name of a key and its algorithm are a part of the seal, so one cannot be put in the place of
//! another. [`SealedSigner`] opens them, signs what the application tells it to, and judges tokens as everybody does.
//!
//! Which key is published, signs or retires, and when, is said in `auth-application`. Private parts are wiped when they
//! are dropped, and shown by nothing.

mod chance;
mod encryption_key;
mod key_pair;
mod key_set;
mod maker;
mod section;
mod signer;
mod token;

pub use chance::SystemChance;
pub use encryption_key::{EncryptionKey, EncryptionKeyFault};
pub use key_set::key_set;
pub use maker::SealedKeys;
pub use section::{SigningSection, SigningSettings};
pub use signer::SealedSigner;
