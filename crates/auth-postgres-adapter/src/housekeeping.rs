//! Forgetting what is over.

use std::time::Duration;

use async_trait::async_trait;
use auth_application::ports::{
    ATTEMPT_KEPT, CODE_KEPT, Housekeeping, Pruned, SESSION_KEPT, StoreError,
};
use domain::Timestamp;
use identity::{SessionLife, openid::NONCE_KEPT};

use crate::{
    statements::{FORGET_ATTEMPTS, FORGET_CODES, FORGET_NONCES, FORGET_SESSIONS, FORGET_TOKENS},
    store::PostgresStore,
};

#[async_trait]
impl Housekeeping for PostgresStore {
    async fn prune(
        &self,
        now: Timestamp,
        life: SessionLife,
        count_max: u32,
    ) -> Result<Pruned, StoreError> {
        // Each within a call of its own, so that each has the time of one.
        let forget = async |statement, kept: Duration, idle: Option<Duration>| {
            let before = now.saturating_sub(kept);
            self.call(async |connection| {
                let forgotten = sqlx::query(statement)
                    .bind(before.as_unix_ms())
                    .bind(i64::from(count_max));
                let forgotten = match idle {
                    Some(idle) => forgotten.bind(before.saturating_sub(idle).as_unix_ms()),
                    None => forgotten,
                };
                Ok(forgotten.execute(connection).await?.rows_affected())
            })
            .await
        };
        Ok(Pruned {
            attempts: forget(FORGET_ATTEMPTS, ATTEMPT_KEPT, None).await?,
            nonces: forget(FORGET_NONCES, NONCE_KEPT, None).await?,
            codes: forget(FORGET_CODES, CODE_KEPT, None).await?,
            refresh_tokens: forget(FORGET_TOKENS, Duration::ZERO, None).await?,
            sessions: forget(FORGET_SESSIONS, SESSION_KEPT, Some(life.idle)).await?,
        })
    }
}
