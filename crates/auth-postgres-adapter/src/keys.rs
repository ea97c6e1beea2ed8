//! Signing keys.

use async_trait::async_trait;
use auth_application::{
    AuditEvent, KeyId, KeySchedule, MadeKey, PublicKey, SigningKey,
    ports::{KeyStore, StoreError},
};
use domain::Timestamp;
use serde_json::{Map, Value};
use sqlx::{Connection as _, PgConnection};

use crate::{
    audit::set_down,
    rows,
    statements::{ADD_KEY, KEYS, LOCK_KEYS, REMOVE_KEY, RETIRE_KEY},
    store::{PostgresStore, Sql},
};

#[async_trait]
impl KeyStore for PostgresStore {
    async fn keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.call(async |connection| keys(connection).await).await
    }

    async fn add(
        &self,
        made: &MadeKey,
        schedule: &KeySchedule,
        now: Timestamp,
    ) -> Result<Option<SigningKey>, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let mut keys = locked(&mut transaction).await?;
            let Some(key) = schedule.follow(&mut keys, made, now) else {
                return Ok(None);
            };
            for before in &keys {
                let retired = sqlx::query(RETIRE_KEY)
                    .bind(before.id.as_str())
                    .bind(before.retire_at.map(Timestamp::as_unix_ms));
                retired.execute(&mut *transaction).await?;
            }
            let added = sqlx::query(ADD_KEY)
                .bind(key.id.as_str())
                .bind(key.public.algorithm().name())
                .bind(key.sealed.as_bytes())
                .bind(document(&key.public))
                .bind(key.publish_at.as_unix_ms())
                .bind(key.active_from.as_unix_ms());
            added.execute(&mut *transaction).await?;
            let entry = key.entry(AuditEvent::KeyPublished, now);
            set_down(&mut transaction, &[entry]).await?;
            transaction.commit().await?;
            Ok(Some(key))
        })
        .await
    }

    async fn remove_retired(&self, now: Timestamp) -> Result<Vec<KeyId>, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let mut keys = locked(&mut transaction).await?;
            keys.retain(|key| key.is_retired(now));
            for key in &keys {
                let removed = sqlx::query(REMOVE_KEY).bind(key.id.as_str());
                removed.execute(&mut *transaction).await?;
            }
            let entries = keys
                .iter()
                .map(|key| key.entry(AuditEvent::KeyRemoved, now));
            set_down(&mut transaction, &entries.collect::<Vec<_>>()).await?;
            transaction.commit().await?;
            Ok(keys.into_iter().map(|key| key.id).collect())
        })
        .await
    }
}

async fn locked(connection: &mut PgConnection) -> Sql<Vec<SigningKey>> {
    sqlx::query(LOCK_KEYS).execute(&mut *connection).await?;
    keys(connection).await
}

async fn keys(connection: &mut PgConnection) -> Sql<Vec<SigningKey>> {
    let keys = sqlx::query(KEYS).fetch_all(connection).await?;
    keys.iter().map(rows::key).collect()
}

fn document(public: &PublicKey) -> String {
    let members = public.members().into_iter();
    let members = members.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(members.collect::<Map<_, _>>()).to_string()
}
