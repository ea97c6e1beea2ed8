//! Whose tokens are taken.

use std::{path::PathBuf, time::Duration};

use identity::{Issuer, Verifier};
use service_kit::config::Broken;

/// Whose tokens are taken, and where the keys to judge them are.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// `AUTH_ISSUER`: who issues them. Without one no token is taken.
    pub issuer: Option<Issuer>,
    /// `AUTH_AUDIENCE`: for whom they must be.
    pub audience: String,
    /// `AUTH_JWKS_URL`: where the set of its keys is, if it is not where the issuer has it.
    pub key_set_url: Option<String>,
    /// `AUTH_JWKS_CACHE_FILE`: where the set is kept.
    pub key_file: PathBuf,
    /// `AUTH_CLOCK_SKEW`: how far ahead the issuer's clock may be.
    pub skew: Duration,
}

impl AuthSettings {
    /// Where an issuer has the set of its keys.
    pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

    /// Where the set of keys is; nowhere without an issuer.
    #[must_use]
    pub fn key_set_url(&self) -> Option<String> {
        let issuer = self.issuer.as_ref()?;
        let own = || format!("{issuer}{}", Self::KEY_SET_PATH);
        Some(self.key_set_url.clone().unwrap_or_else(own))
    }

    /// Which tokens are taken; none without an issuer.
    #[must_use]
    pub fn rules(&self) -> Option<Verifier> {
        Some(Verifier {
            issuer: self.issuer.clone()?,
            audience: self.audience.clone(),
            skew: self.skew,
        })
    }

    /// The rules that are broken by a setting.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        let authority = self
            .key_set_url
            .as_ref()
            .and_then(|url| url.split('/').nth(2));
        let has_user = authority.is_some_and(|authority| authority.contains('@'));
        let rule = Broken::new(
            "AUTH_JWKS_URL",
            "holds a user; public keys are for everybody",
        );
        Vec::from_iter(has_user.then_some(rule))
    }
}
