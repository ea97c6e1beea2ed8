//! One public key, and the signatures that it judges.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::Algorithm;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use crate::key_set::WrittenKey;

/// A coordinate of a point on P-256, and a key of Ed25519.
const POINT_BYTES: usize = 32;
/// Said before the coordinates of a point, if both follow.
const BOTH_COORDINATES: u8 = 4;
/// 2048 bits; shorter ones are within reach.
const MODULUS_BYTES_MIN: usize = 256;
/// 4096 bits; longer ones only cost time.
const MODULUS_BYTES_MAX: usize = 512;
const EXPONENT_BYTES_MAX: usize = 4;

/// A public key. It judges signatures of its own algorithm and of no other, whatever a token says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Es256([u8; 1 + 2 * POINT_BYTES]),
    EdDsa([u8; POINT_BYTES]),
    Rs256 { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl Key {
    /// The key that is written so; `None` if it is of no use here.
    pub(crate) fn read(written: &WrittenKey) -> Option<Self> {
        let is_to_verify = |uses: &Vec<String>| uses.iter().any(|it| it == "verify");
        let is_for_signatures = written.usage.as_deref().is_none_or(|it| it == "sig")
            && written.operations.as_ref().is_none_or(is_to_verify);
        // A set that gives private halves away is not to be believed.
        let is_public = written.private.is_none();
        let key = match (written.kind.as_str(), written.curve.as_deref()) {
            ("EC", Some("P-256")) => {
                let (x, y) = (point(written.x.as_ref())?, point(written.y.as_ref())?);
                let mut both = [BOTH_COORDINATES; 1 + 2 * POINT_BYTES];
                both[1..=POINT_BYTES].copy_from_slice(&x);
                both[1 + POINT_BYTES..].copy_from_slice(&y);
                Self::Es256(both)
            }
            ("OKP", Some("Ed25519")) => Self::EdDsa(point(written.x.as_ref())?),
            ("RSA", None) => {
                let (modulus, exponent) =
                    (number(written.n.as_ref())?, number(written.e.as_ref())?);
                let is_long = (MODULUS_BYTES_MIN..=MODULUS_BYTES_MAX).contains(&modulus.len());
                // Its highest bit makes it as long as it looks.
                let is_full = modulus[0] & 0x80 != 0;
                let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
                let is_exponent = exponent.len() <= EXPONENT_BYTES_MAX && is_odd && exponent != [1];
                if !(is_long && is_full && is_exponent) {
                    return None;
                }
                Self::Rs256 { modulus, exponent }
            }
            _ => return None,
        };
        let is_named = written
            .algorithm
            .as_deref()
            .is_none_or(|it| it == key.algorithm().name());
        (is_for_signatures && is_public && is_named).then_some(key)
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256(_) => Algorithm::Es256,
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Rs256 { .. } => Algorithm::Rs256,
        }
    }

    /// Whether this key has signed this.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let judged = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::EdDsa(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        judged.is_ok()
    }
}

fn point(text: Option<&String>) -> Option<[u8; POINT_BYTES]> {
    URL_SAFE_NO_PAD.decode(text?).ok()?.try_into().ok()
}

/// A number in its one spelling: without zeros before it.
fn number(text: Option<&String>) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text?).ok()?;
    let is_spelt = bytes.first().is_some_and(|first| *first != 0);
    is_spelt.then_some(bytes)
}
