//! Proof Key for Code Exchange (RFC 7636): whoever redeems a code shows that it asked for it. With S256 alone:
//! `plain` shows the secret to everybody who sees the request.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

const LENGTHS: std::ops::RangeInclusive<usize> = 43..=128;

/// What a client shows when it asks for a code: a hash of its verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(String);

/// What it shows when it redeems the code. Never shown by `Debug`, and wiped when it is dropped.
pub struct CodeVerifier(SecretString);

/// What is wrong with a challenge or a verifier; it does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PkceFault {
    /// No method is named, which would mean `plain`.
    #[error("code_challenge_method is missing: S256 is needed")]
    MethodMissing,
    /// Another method than S256.
    #[error("code_challenge_method is not S256")]
    MethodOther,
    /// The challenge is not of 43 to 128 unreserved characters.
    #[error("code_challenge is not 43 to 128 of A-Z, a-z, 0-9, -, ., _ and ~")]
    Challenge,
    /// The verifier is not of 43 to 128 unreserved characters.
    #[error("code_verifier is not 43 to 128 of A-Z, a-z, 0-9, -, ., _ and ~")]
    Verifier,
}

impl CodeChallenge {
    /// Takes a challenge with its method, which must be `S256`.
    ///
    /// # Errors
    /// [`PkceFault`].
    pub fn try_new(challenge: &str, method: Option<&str>) -> Result<Self, PkceFault> {
        match method {
            None => return Err(PkceFault::MethodMissing),
            Some("S256") => {}
            Some(_) => return Err(PkceFault::MethodOther),
        }
        let challenge = is_unreserved(challenge).then(|| Self(challenge.to_owned()));
        challenge.ok_or(PkceFault::Challenge)
    }

    /// As it was sent, and as it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the hash of this verifier; the time it takes does not tell how nearly it is.
    #[must_use]
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        let hash = Sha256::digest(verifier.0.expose_secret());
        let expected = URL_SAFE_NO_PAD.encode(hash);
        self.0.as_bytes().ct_eq(expected.as_bytes()).into()
    }
}

impl CodeVerifier {
    /// Takes a verifier.
    ///
    /// # Errors
    /// [`PkceFault::Verifier`].
    pub fn try_new(verifier: &str) -> Result<Self, PkceFault> {
        let verifier = is_unreserved(verifier).then(|| Self(SecretString::from(verifier)));
        verifier.ok_or(PkceFault::Verifier)
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier")
    }
}

fn is_unreserved(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    LENGTHS.contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn a_challenge_is_met_by_its_verifier_alone() {
        let challenge = CodeChallenge::try_new(CHALLENGE, Some("S256")).expect("a challenge");
        let check = |verifier: &str, expected| {
            let verifier = CodeVerifier::try_new(verifier).expect("a verifier");
            assert_eq!(challenge.is_met_by(&verifier), expected);
        };
        check(VERIFIER, true);
        check(&VERIFIER.replace('X', "Y"), false);
        // As `plain` would have it.
        check(CHALLENGE, false);
        check(&format!("{VERIFIER}a"), false);
        assert_eq!(challenge.as_str(), CHALLENGE);
    }

    #[test]
    fn only_s256_is_taken() {
        let check = |method, expected| {
            let challenge = CodeChallenge::try_new(CHALLENGE, method);
            assert_eq!(challenge.map(drop), expected, "{method:?}");
        };
        check(Some("S256"), Ok(()));
        check(None, Err(PkceFault::MethodMissing));
        for method in ["plain", "s256", "S256 ", "", "S512"] {
            check(Some(method), Err(PkceFault::MethodOther));
        }
    }

    #[test]
    fn both_have_43_to_128_unreserved_characters() {
        let mixed = "-._~AZaz09".repeat(5);
        for (text, is_valid) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            (mixed.clone(), true),
            (format!("{mixed}+"), false),
            (format!("{mixed}/"), false),
            (format!("{mixed}="), false),
            (format!("{mixed} "), false),
            (format!("{mixed}\n"), false),
            (format!("{mixed}ä"), false),
            (String::new(), false),
        ] {
            let challenge = CodeChallenge::try_new(&text, Some("S256")).map(drop);
            assert_eq!(
                challenge,
                is_valid.then_some(()).ok_or(PkceFault::Challenge),
                "{text}"
            );
            let verifier = CodeVerifier::try_new(&text).map(drop);
            assert_eq!(
                verifier,
                is_valid.then_some(()).ok_or(PkceFault::Verifier),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_shows_a_verifier() {
        let verifier = CodeVerifier::try_new(VERIFIER).expect("a verifier");
        assert_eq!(format!("{verifier:?}"), "CodeVerifier");
    }
}
