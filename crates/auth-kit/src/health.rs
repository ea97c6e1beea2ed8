//! How the keys are, in words that say what to do.

use std::sync::Arc;

use health_kit::{Clock, Condition, HealthCheck, HealthStatus};
use http_kit::rfc3339;

use crate::{key_set::KeySet, source::FetchFailed};

const NOT_CONFIGURED: &str = "auth is not configured, so every token is refused: set AUTH_ISSUER to the address of auth-service";

/// The check `auth`.
pub(crate) struct KeyHealth {
    condition: Condition,
    /// How bad it is when no token can be taken.
    when_without: HealthStatus,
}

impl KeyHealth {
    /// Nobody's tokens are taken.
    pub(crate) fn not_configured(when_without: HealthStatus, clock: Arc<dyn Clock>) -> Self {
        Self {
            condition: Condition::new("auth", when_without, NOT_CONFIGURED, clock),
            when_without,
        }
    }

    /// Keys that come from `whence` have not been fetched yet; perhaps there are some that were kept.
    pub(crate) fn not_fetched(
        whence: &str,
        kept: Option<(&KeySet, i64)>,
        when_without: HealthStatus,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (status, reason) = match kept {
            Some((set, at)) if !set.is_empty() => (
                HealthStatus::Healthy,
                format!("{} of {whence}, kept since {}", keys(set), rfc3339(at)),
            ),
            _ => (
                when_without,
                format!("{whence} has not been asked for keys yet"),
            ),
        };
        Self {
            condition: Condition::new("auth", status, reason, clock),
            when_without,
        }
    }

    /// There are new ones, and perhaps they could not be kept.
    pub(crate) fn fetched(&self, whence: &str, set: &KeySet, not_kept: Option<String>) {
        let skipped = match set.skipped() {
            0 => String::new(),
            count => format!(", and {count} that are of no use here"),
        };
        if set.is_empty() {
            let reason = format!("{whence} has no keys{skipped}, so every token is refused");
            self.condition.set_and_log(self.when_without, reason);
        } else if let Some(not_kept) = not_kept {
            let reason = format!("{} of {whence}{skipped}; {not_kept}", keys(set));
            self.condition.set_and_log(HealthStatus::Degraded, reason);
        } else {
            self.condition.set_and_log(
                HealthStatus::Healthy,
                format!("{} of {whence}{skipped}", keys(set)),
            );
        }
    }

    /// There are none, so those of `since` go on.
    pub(crate) fn failed(&self, whence: &str, why: &FetchFailed, set: &KeySet, since: i64) {
        if set.is_empty() {
            let reason = format!("there are no keys, so every token is refused; {whence}: {why}");
            self.condition.set_and_log(self.when_without, reason);
        } else {
            let since = rfc3339(since);
            let reason = format!("{} of {since} go on; {whence}: {why}", keys(set));
            self.condition.set_and_log(HealthStatus::Degraded, reason);
        }
    }

    pub(crate) fn check(&self) -> HealthCheck {
        self.condition.check()
    }
}

fn keys(set: &KeySet) -> String {
    match set.len() {
        1 => "1 key".to_owned(),
        count => format!("{count} keys"),
    }
}
