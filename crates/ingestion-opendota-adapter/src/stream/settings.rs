//! What an operator decides about the feed.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use service_kit::config::Broken;
use thiserror::Error;

use super::{format::StreamFormat, route::Route};

/// Waits beyond this are mistakes, and would overflow a clock at the far end.
const DURATION_MAX: Duration = Duration::from_hours(24 * 365);

/// How to reach the feed and how patient to be with it.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// By preference, at least one: `ws://` or `wss://`; user information becomes
    /// basic authentication.
    pub urls: Vec<SecretString>,
    /// How matches stand in messages.
    pub format: StreamFormat,
    /// A text that is sent after each connect; never an empty one.
    pub subscribe: Option<SecretString>,
    /// Further request headers; they win over those of the service. The feed may
    /// choose one of the subprotocols in `Sec-WebSocket-Protocol`, or none.
    pub headers: Vec<(String, SecretString)>,
    /// PEM file of authorities to trust besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// Time between pings, and the time a pong may take.
    pub heartbeat: Duration,
    /// Limit for DNS, TCP, TLS and the upgrade together.
    pub connect_timeout: Duration,
    /// Without a data frame for so long, the connection is given up.
    pub idle_timeout: Duration,
    /// The shortest wait before another attempt.
    pub backoff_min: Duration,
    /// The longest wait before another attempt, unless the upstream asks for more.
    pub backoff_max: Duration,
    /// A larger message costs the connection; also the sum of its fragments.
    pub message_size_max: usize,
    /// Names of the variables that name a proxy in this environment. None is
    /// used; a failure to reach the feed mentions them.
    pub proxy_variables: Vec<String>,
}

/// Settings that cannot work; all of them, not the first.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct StreamSettingsError {
    /// What is wrong, never empty.
    pub problems: Vec<Broken>,
}

impl StreamSettings {
    /// The rules these settings break, beside each other and in the world; the
    /// file of authorities is looked into, nothing is connected.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        match Route::try_each(self) {
            Ok(_) => Vec::new(),
            Err(error) => error.problems,
        }
    }

    /// The broken rules of the numbers; those of the addresses show when they are used.
    pub(super) fn check_limits(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (variable, duration) in [
            ("OPENDOTA_STREAM_HEARTBEAT", self.heartbeat),
            ("OPENDOTA_STREAM_CONNECT_TIMEOUT", self.connect_timeout),
            ("OPENDOTA_STREAM_IDLE_TIMEOUT", self.idle_timeout),
            ("OPENDOTA_STREAM_BACKOFF_MIN", self.backoff_min),
            ("OPENDOTA_STREAM_BACKOFF_MAX", self.backoff_max),
        ] {
            if duration.is_zero() || duration > DURATION_MAX {
                let reason = "must be more than zero and at most 365 days";
                broken.push(Broken::new(variable, reason));
            }
        }
        if self.backoff_min > self.backoff_max {
            let max = self.backoff_max;
            let reason = format!("longer than OPENDOTA_STREAM_BACKOFF_MAX, which is {max:?}");
            broken.push(Broken::new("OPENDOTA_STREAM_BACKOFF_MIN", reason));
        }
        if self.message_size_max == 0 {
            let reason = "must be at least one byte";
            broken.push(Broken::new("OPENDOTA_STREAM_MESSAGE_SIZE_MAX", reason));
        }
        broken
    }
}
