//! Ended sessions in Redis, for verifiers that read them there.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use auth_application::ports::{RevocationFault, RevocationList};
use bytes::Bytes;
use domain::{SessionId, Timestamp};
use identity::revoked_key;
use redis_kit::KeySpace;

/// Of a call: a user waits for it.
pub(crate) const CALL_TIME_MAX: Duration = Duration::from_millis(500);

/// Whoever reads it asks only whether it is there.
const ENDED: Bytes = Bytes::from_static(b"1");

/// Tells verifiers of ended sessions by keys that expire with their last access tokens.
pub(crate) struct RedisRevocations {
    keys: Arc<dyn KeySpace>,
}

impl RedisRevocations {
    /// In this space, whose calls end within [`CALL_TIME_MAX`].
    pub(crate) fn new(keys: Arc<dyn KeySpace>) -> Self {
        Self { keys }
    }
}

#[async_trait]
impl RevocationList for RedisRevocations {
    async fn revoke(
        &self,
        sessions: &[SessionId],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), RevocationFault> {
        let life = until.saturating_since(now);
        if life.is_zero() {
            return Ok(());
        }
        let key = |session: &SessionId| (revoked_key(*session), ENDED);
        let values: Vec<_> = sessions.iter().map(key).collect();
        let told = self.keys.set_many(&values, Some(life)).await;
        told.map_err(|error| RevocationFault(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use redis_kit::{MemoryKeySpace, TimeToLive};
    use test_kit::clock::StoppedClock;

    use super::*;

    #[tokio::test]
    async fn a_session_is_told_of_until_its_last_token_is_over() {
        let now = Timestamp::from_unix_seconds(1_795_953_600);
        let keys = Arc::new(MemoryKeySpace::new(Arc::new(StoppedClock(now))));
        let list = RedisRevocations::new(keys.clone());
        let session = SessionId::new(now, [1; 10]);
        let until = now.saturating_add(Duration::from_mins(5));
        list.revoke(&[session], now, until)
            .await
            .expect("it is told");
        let left = keys.time_to_live(&revoked_key(session)).await;
        let left = left.expect("it answers");
        assert_eq!(left, TimeToLive::Left(Duration::from_mins(5)));

        let other = SessionId::new(now, [2; 10]);
        list.revoke(&[other], now, now)
            .await
            .expect("nothing is left to tell");
        let found = keys.get(&revoked_key(other)).await;
        assert_eq!(found.expect("it answers"), None);
    }
}
