//! What an operator decides about calls.

use std::time::Duration;

use secrecy::SecretString;
use service_kit::config::Broken;

/// Where the API is, who calls it, and how much of it is left to others.
#[derive(Debug, Clone)]
pub struct OpenDotaSettings {
    /// What paths go behind; without a slash at its end.
    pub url: String,
    /// Whose calls they are; none for those of this address.
    pub key: Option<SecretString>,
    /// How much of each limit is kept for others on this address.
    pub reserve_percent: u8,
    /// How long a call may take, from the connection to the last byte.
    pub call_time_max: Duration,
}

impl OpenDotaSettings {
    /// How long a call may take, where nothing else is said.
    pub const CALL_TIME_MAX: Duration = Duration::from_secs(30);

    /// The rules that are broken by a setting.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let authority = self.url.split('/').nth(2).unwrap_or_default();
        if authority.contains('@') {
            let reason = "holds a user; OPENDOTA_API_KEY is for whose calls they are";
            broken.push(Broken::new("OPENDOTA_API_URL", reason));
        }
        if self.url.contains('?') {
            let reason = "holds a query; paths are put behind it, and a key belongs into \
                          OPENDOTA_API_KEY";
            broken.push(Broken::new("OPENDOTA_API_URL", reason));
        }
        broken
    }
}
