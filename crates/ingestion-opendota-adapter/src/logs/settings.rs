//! Where the log is, and how patient the feed is with it.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use service_kit::config::{Declaration, Section, Setting, SettingsReader, Url};
use tokio_tungstenite::tungstenite::http::Uri;

/// How to reach the log and how patient to be with it.
#[derive(Debug, Clone)]
pub struct LogsSettings {
    /// `http://` or `https://`; its query may hold a secret.
    pub url: SecretString,
    /// From the name to the head of the answer.
    pub connect_timeout: Duration,
    /// Without any event for so long, the connection is given up.
    pub idle_timeout: Duration,
    /// After so long it is made anew.
    pub renew_after: Duration,
    /// The shortest wait before another attempt.
    pub backoff_min: Duration,
    /// The longest wait before another attempt, unless the upstream asks for more.
    pub backoff_max: Duration,
}

impl LogsSettings {
    /// With the patience that suits the real one: it says something several times
    /// a second, and its own page connects anew every five minutes.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            renew_after: Duration::from_mins(5),
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
        }
    }

    /// Host and port as they stand in the URL, for people.
    pub(super) fn name(&self) -> String {
        let uri = self.url.expose_secret().parse::<Uri>().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or("the log");
        match uri.as_ref().and_then(Uri::port_u16) {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

/// The setting that fills [`LogsSettings`].
pub struct LogsSection {
    url: Setting<Url>,
}

impl LogsSection {
    /// The setting of the service.
    pub const DEFAULT: Self = Self {
        url: Setting {
            variable: "OPENDOTA_LOGS_URL",
            default: "https://api.opendota.com/logs",
            help: "The log as server-sent events, for the feed `opendota-logs`",
            parser: Url {
                schemes: &["http", "https"],
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> LogsSettings {
        LogsSettings::new(reader.get(&self.url))
    }
}

impl Section for LogsSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.url]
    }
}
