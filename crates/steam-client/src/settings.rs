//! What an operator decides about calls.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use service_kit::config::Broken;

/// Where the API is, and who calls it.
#[derive(Debug, Clone)]
pub struct SteamSettings {
    /// What paths go behind; without a slash at its end.
    pub url: String,
    /// Whose calls they are: none, one, or two that take turns.
    pub keys: Vec<SecretString>,
    /// How long a call may take, from the connection to the last byte.
    pub call_time_max: Duration,
}

impl SteamSettings {
    /// How long a call may take, where nothing else is said. A page of a hundred
    /// matches is large, and comes slowly.
    pub const CALL_TIME_MAX: Duration = Duration::from_secs(30);

    /// How many keys may take turns.
    pub const KEYS_MAX: usize = 2;

    /// The rules that are broken by a setting.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let mut url = |reason| broken.push(Broken::new("STEAM_API_URL", reason));
        let authority = self.url.split('/').nth(2).unwrap_or_default();
        if authority.contains('@') {
            url("holds a user; a key says whose calls they are");
        }
        if self.url.contains('?') {
            url("holds a query; paths are put behind it, and a key is a setting of its own");
        }
        if let [first, second] = &self.keys[..]
            && first.expose_secret() == second.expose_secret()
        {
            let reason = "holds the same key twice, which is no more than once";
            broken.push(Broken::new("STEAM_API_KEYS", reason));
        }
        broken
    }
}
