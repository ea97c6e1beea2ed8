//! What is set down.

use async_trait::async_trait;
use auth_application::{
    AddressPrefix, AuditEntry,
    ports::{AuditLog, StoreError},
};
use domain::{SessionId, UserId};
use identity::ClientId;
use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::{
    statements::SET_DOWN,
    store::{PostgresStore, Sql},
};

#[async_trait]
impl AuditLog for PostgresStore {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entries = std::slice::from_ref(entry);
        self.call(async |connection| set_down(connection, entries).await)
            .await
    }
}

/// Sets entries down, in their order.
pub(crate) async fn set_down(connection: &mut PgConnection, entries: &[AuditEntry]) -> Sql<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let each = || entries.iter();
    let detail = |entry: &AuditEntry| {
        let detail = entry.detail.iter();
        let detail = detail.map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
        Value::Object(detail.collect::<Map<_, _>>()).to_string()
    };
    let at: Vec<_> = each().map(|it| it.at.as_unix_ms()).collect();
    let event: Vec<_> = each().map(|it| it.event.code()).collect();
    let user: Vec<_> = each().map(|it| it.user.map(UserId::as_uuid)).collect();
    let client: Vec<_> = each()
        .map(|it| it.client.as_ref().map(ClientId::as_str))
        .collect();
    let session: Vec<_> = each()
        .map(|it| it.session.map(SessionId::as_uuid))
        .collect();
    let address: Vec<_> = each()
        .map(|it| it.address.as_ref().map(AddressPrefix::as_str))
        .collect();
    let detail: Vec<_> = each().map(detail).collect();
    let inserted = sqlx::query(SET_DOWN)
        .bind(at)
        .bind(event)
        .bind(user)
        .bind(client)
        .bind(session)
        .bind(address)
        .bind(detail);
    inserted.execute(connection).await.map(drop)
}
