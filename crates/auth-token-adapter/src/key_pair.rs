//! A key with its private part.

use auth_application::PublicKey;
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::Algorithm;
use zeroize::Zeroizing;

/// A coordinate of a point on P-256.
const COORDINATE_BYTES: usize = 32;

/// A key that signs. The library wipes it when it is dropped.
pub(crate) enum KeyPair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(rsa::KeyPair),
}

impl KeyPair {
    /// One that there was not before. RSA takes some hundred milliseconds.
    pub(crate) fn make(algorithm: Algorithm) -> Result<Self, Unspecified> {
        Ok(match algorithm {
            Algorithm::Es256 => {
                Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)
            }
            Algorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::generate()?),
            Algorithm::Rs256 => Self::Rs256(rsa::KeyPair::generate(KeySize::Rsa2048)?),
        })
    }

    /// The one that was [written](Self::private).
    pub(crate) fn read(algorithm: Algorithm, private: &[u8]) -> Result<Self, KeyRejected> {
        Ok(match algorithm {
            Algorithm::Es256 => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                Self::Es256(EcdsaKeyPair::from_pkcs8(algorithm, private)?)
            }
            Algorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::from_pkcs8(private)?),
            Algorithm::Rs256 => Self::Rs256(rsa::KeyPair::from_pkcs8(private)?),
        })
    }

    /// Both parts, in PKCS #8.
    pub(crate) fn private(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        Ok(Zeroizing::new(match self {
            Self::Es256(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::EdDsa(pair) => pair.to_pkcs8()?.as_ref().to_vec(),
            Self::Rs256(pair) => {
                let written: Pkcs8V1Der<'_> = pair.as_der()?;
                written.as_ref().to_vec()
            }
        }))
    }

    /// What everybody may know.
    pub(crate) fn public(&self) -> PublicKey {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Es256(pair) => {
                // SEC 1, 2.3.3: a byte that says that both coordinates follow, and these.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(COORDINATE_BYTES);
                let (x, y) = (text(x), text(y));
                PublicKey::P256 { x, y }
            }
            Self::EdDsa(pair) => PublicKey::Ed25519 {
                x: text(pair.public_key().as_ref()),
            },
            Self::Rs256(pair) => {
                let key = pair.public_key();
                PublicKey::Rsa {
                    n: text(key.modulus().big_endian_without_leading_zero()),
                    e: text(key.exponent().big_endian_without_leading_zero()),
                }
            }
        }
    }

    /// The signature of this, as RFC 7518 and RFC 8037 write it.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Es256(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Self::EdDsa(pair) => pair.try_sign(message)?.as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                signature
            }
        })
    }
}
