//! What an operator decides about the feed.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use thiserror::Error;

use super::route::Route;

/// Waits beyond this are mistakes, and would overflow a clock at the far end.
const DURATION_MAX: Duration = Duration::from_hours(24 * 365);

/// How to reach the feed and how patient to be with it.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// `ws://` or `wss://`; user information becomes basic authentication.
    pub url: SecretString,
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
    pub problems: Vec<SettingProblem>,
}

/// One setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{setting}: {problem}")]
pub struct SettingProblem {
    /// The name of the field of [`StreamSettings`].
    pub setting: &'static str,
    /// What is wrong with it and what is allowed; holds no secrets.
    pub problem: String,
}

impl SettingProblem {
    pub(super) fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self {
            setting,
            problem: problem.into(),
        }
    }
}

impl StreamSettings {
    /// Whether the feed can work with these; nothing is connected.
    ///
    /// # Errors
    /// Every setting that cannot work, the file of authorities included.
    pub fn check(&self) -> Result<(), StreamSettingsError> {
        Route::try_new(self).map(drop)
    }

    /// The problems of the numbers; those of the addresses show when they are used.
    pub(super) fn check_limits(&self) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        for (setting, duration) in [
            ("heartbeat", self.heartbeat),
            ("connect_timeout", self.connect_timeout),
            ("idle_timeout", self.idle_timeout),
            ("backoff_min", self.backoff_min),
            ("backoff_max", self.backoff_max),
        ] {
            if duration.is_zero() || duration > DURATION_MAX {
                let problem = "must be more than zero and at most 365 days";
                problems.push(SettingProblem::new(setting, problem));
            }
        }
        if self.backoff_min > self.backoff_max {
            let problem = format!("longer than backoff_max, which is {:?}", self.backoff_max);
            problems.push(SettingProblem::new("backoff_min", problem));
        }
        if self.message_size_max == 0 {
            let problem = "must be at least one byte";
            problems.push(SettingProblem::new("message_size_max", problem));
        }
        problems
    }
}
