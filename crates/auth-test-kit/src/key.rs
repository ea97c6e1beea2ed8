//! Keys that sign anything.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};

/// Known to everybody, as everything here.
const RSA_KEY: &str = include_str!("rsa_key.txt");

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA of 2048 bits; all of these are the same one.
    Rs256,
}

/// A key with its name.
pub struct TestKey {
    /// `kid`
    pub name: String,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<rsa::KeyPair>),
}

impl TestKey {
    /// A key of this name that there was not before, unless it is for RSA.
    ///
    /// # Panics
    /// The machine has no randomness.
    #[must_use]
    pub fn new(name: &str, kind: KeyKind) -> Self {
        let random = SystemRandom::new();
        let pair = match kind {
            KeyKind::Es256 => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random)
                    .expect("a machine that tests run on has randomness");
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random);
                Pair::Es256(pair.expect("it was made for this"))
            }
            KeyKind::EdDsa => {
                let made = Ed25519KeyPair::generate_pkcs8(&random)
                    .expect("a machine that tests run on has randomness");
                let pair = Ed25519KeyPair::from_pkcs8(made.as_ref());
                Pair::EdDsa(pair.expect("it was made for this"))
            }
            KeyKind::Rs256 => {
                let text: String = RSA_KEY.split_whitespace().collect();
                let made = STANDARD.decode(text).expect("it was written for this");
                let pair = rsa::KeyPair::from_pkcs8(&made).expect("it was made for this");
                Pair::Rs256(Box::new(pair))
            }
        };
        Self {
            name: name.to_owned(),
            pair,
        }
    }

    /// `alg`
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
            Pair::Rs256(_) => "RS256",
        }
    }

    /// Its public half, as sets of keys have it.
    #[must_use]
    pub fn public(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Es256(pair) => {
                // A byte that says that both coordinates follow, and these.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Pair::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key()) })
            }
            Pair::Rs256(pair) => {
                let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": encoded(key.n), "e": encoded(key.e) })
            }
        };
        key["kid"] = self.name.as_str().into();
        key["alg"] = self.algorithm().into();
        key["use"] = "sig".into();
        key
    }

    /// A token with this header and these claims, as JSON or as whatever they are, and this key's signature.
    ///
    /// # Panics
    /// The machine has no randomness.
    #[must_use]
    pub fn sign(&self, header: &impl ToString, claims: &impl ToString) -> String {
        let message = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(claims.to_string())
        );
        let signature = self.signature(message.as_bytes());
        format!("{message}.{}", encoded(signature))
    }

    /// This key's signature of anything.
    ///
    /// # Panics
    /// The machine has no randomness.
    #[must_use]
    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => {
                let signature = pair.sign(&random, message);
                let signature = signature.expect("a machine that tests run on has randomness");
                signature.as_ref().to_vec()
            }
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a machine that tests run on has randomness");
                signature
            }
        }
    }
}

/// As the parts of tokens and keys are written.
#[must_use]
pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
