//! Sessions that ended before their tokens.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use identity::{Principal, revoked_key};
use redis_kit::KeySpace;
use tokio::time::{Instant, timeout};

/// A request is not held up for more than that.
const LOOK_TIME_MAX: Duration = Duration::from_millis(100);
/// After a look that failed, no request is held up for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// What Redis says of sessions. While it is away none is known to have ended: tokens live for minutes, and are taken for
/// as long as they do without Redis, too.
pub(crate) struct Revocations {
    keys: Arc<dyn KeySpace>,
    /// Until when nobody looks.
    resting: Mutex<Option<Instant>>,
}

impl Revocations {
    pub(crate) fn new(keys: Arc<dyn KeySpace>) -> Self {
        Self {
            keys,
            resting: Mutex::default(),
        }
    }

    /// Whether the session of a token is known to have ended.
    pub(crate) async fn hold(&self, principal: &Principal) -> bool {
        let Some(session) = principal.session else {
            return false;
        };
        let resting = *self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        let key = revoked_key(session);
        let reason = match timeout(LOOK_TIME_MAX, self.keys.get(&key)).await {
            Ok(Ok(found)) => {
                self.rest(None);
                return found.is_some();
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {LOOK_TIME_MAX:?}"),
        };
        self.rest(Some(Instant::now() + PAUSE));
        if resting.is_none() {
            tracing::warn!(
                reason,
                "ended sessions are not known; their tokens are taken until they expire"
            );
        }
        false
    }

    fn rest(&self, until: Option<Instant>) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}
