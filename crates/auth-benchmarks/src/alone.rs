//! The least that a refresh could cost: its transaction, without rules, signatures and HTTP.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::open_loop::{Latencies, at_rate};

const TABLES: &str = "CREATE SCHEMA alone;
    CREATE TABLE alone.sessions (id bigint PRIMARY KEY, last_used_at timestamptz NOT NULL);
    CREATE TABLE alone.tokens (hash bytea PRIMARY KEY, session_id bigint NOT NULL REFERENCES alone.sessions,
        used_at timestamptz);
    CREATE UNIQUE INDEX ON alone.tokens (session_id) WHERE used_at IS NULL;
    CREATE TABLE alone.log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL,
        session_id bigint NOT NULL);";
const SESSIONS: &str =
    "INSERT INTO alone.sessions SELECT id, now() FROM generate_series(0, $1 - 1) id";
const TOKENS: &str = "INSERT INTO alone.tokens SELECT sha256(int8send(id)), id FROM alone.sessions";
const LOCK: &str = "SELECT id FROM alone.sessions WHERE id = $1 FOR UPDATE";
const USE: &str =
    "UPDATE alone.tokens SET used_at = now() WHERE session_id = $1 AND used_at IS NULL";
const GIVE: &str =
    "INSERT INTO alone.tokens VALUES (sha256(uuid_send(gen_random_uuid())), $1, NULL)";
const TOUCH: &str = "UPDATE alone.sessions SET last_used_at = now() WHERE id = $1";
const SET_DOWN: &str = "INSERT INTO alone.log (at, session_id) VALUES (now(), $1)";

/// A database with sessions and tokens, and as many connections as the service has.
pub struct Alone {
    pool: PgPool,
    sessions: i64,
}

impl Alone {
    /// Makes the tables.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn prepare(url: &str, sessions: i64) -> Result<Self> {
        let options = PgPoolOptions::new().max_connections(10);
        let pool = options
            .acquire_timeout(Duration::from_secs(30))
            .connect(url)
            .await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        sqlx::query(SESSIONS).bind(sessions).execute(&pool).await?;
        sqlx::query(TOKENS).execute(&pool).await?;
        Ok(Self { pool, sessions })
    }

    /// Refreshes so many sessions, at this rate.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn refresh(&self, per_second: u32, count: usize) -> Result<Latencies> {
        let pool = Arc::new(self.pool.clone());
        let sessions = self.sessions;
        at_rate(per_second, count, |index| {
            let pool = Arc::clone(&pool);
            async move {
                let session = i64::try_from(index)? % sessions;
                let mut transaction = pool.begin().await?;
                for statement in [LOCK, USE, GIVE, TOUCH, SET_DOWN] {
                    sqlx::query(statement)
                        .bind(session)
                        .execute(&mut *transaction)
                        .await?;
                }
                Ok(transaction.commit().await?)
            }
        })
        .await
    }
}
