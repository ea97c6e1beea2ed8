//! Databases for tests.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use auth_application::Stores;
use auth_postgres_adapter::{PostgresStore, SCHEMA};
use auth_test_support::store_contract::{Audited, Subject};
use domain::{SessionId, UserId};
use sql_kit::{DatabaseSettings, Migrate, PostgresDatabase, PostgresPlace};
use sql_test_kit::shared_postgres;
use sqlx::{Connection as _, PgConnection, Row as _, types::Uuid};

/// Two instances of the service over one database, each with connections of its own.
pub(crate) struct Shared {
    pub(crate) url: String,
    instances: [PostgresDatabase; 2],
}

/// A database without tables, and its address.
pub(crate) async fn empty(name: &str) -> Result<String> {
    shared_postgres().await?.fresh_database(name).await
}

/// The machine may be busy; how soon a call gives up is mostly not what is tested here.
const PATIENCE: Duration = Duration::from_secs(30);

fn connect(url: &str, patience: Duration) -> Result<PostgresDatabase> {
    let place = PostgresPlace::try_new(url).map_err(anyhow::Error::msg)?;
    let settings = DatabaseSettings {
        place: None,
        connections_max: 10,
        timeout: patience,
        statement_timeout: PATIENCE,
        migrate: Migrate::Auto,
    };
    Ok(PostgresDatabase::new(&settings, place, "test"))
}

pub(crate) fn store(url: &str) -> Result<PostgresStore> {
    Ok(PostgresStore::new(connect(url, PATIENCE)?))
}

impl Shared {
    pub(crate) async fn new(name: &str) -> Result<Self> {
        Self::at(empty(name).await?, PATIENCE).await
    }

    /// In this database; `patience` is for connections.
    pub(crate) async fn at(url: String, patience: Duration) -> Result<Self> {
        let instances = [connect(&url, patience)?, connect(&url, patience)?];
        instances[0].migrate(SCHEMA, Migrate::Auto).await?;
        Ok(Self { url, instances })
    }
}

#[async_trait]
impl Subject for Shared {
    fn instance(&self, number: usize) -> Stores {
        let database = self.instances[number % 2].clone();
        Stores::of(std::sync::Arc::new(PostgresStore::new(database)))
    }

    async fn audit(&self) -> Result<Vec<Audited>> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let entries = "SELECT event, user_id, client_id, session_id, address_prefix, \
            (SELECT array_agg(key || '=' || value) FROM jsonb_each_text(detail)) AS detail \
            FROM auth.panel_audit ORDER BY id";
        let entries = sqlx::query(entries).fetch_all(&mut connection).await?;
        connection.close().await?;
        let entry = |row: &sqlx::postgres::PgRow| {
            let detail: Option<Vec<String>> = row.try_get("detail")?;
            let detail = detail.unwrap_or_default().into_iter().map(|member| {
                let (name, value) = member.split_once('=').context("a member")?;
                Ok((name.to_owned(), value.to_owned()))
            });
            let user: Option<Uuid> = row.try_get("user_id")?;
            let session: Option<Uuid> = row.try_get("session_id")?;
            Ok(Audited {
                event: row.try_get("event")?,
                user: user.map(UserId::from_uuid),
                client: row.try_get("client_id")?,
                session: session.map(SessionId::from_uuid),
                address: row.try_get("address_prefix")?,
                detail: detail.collect::<Result<BTreeMap<_, _>>>()?,
            })
        };
        entries.iter().map(entry).collect()
    }
}
