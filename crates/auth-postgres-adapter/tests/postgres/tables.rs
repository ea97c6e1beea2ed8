//! The tables: what the server makes of the statements, who may change and see what.

use anyhow::{Context as _, Result, ensure};
use auth_application::ports::{StoreError, UserStore as _};
use auth_postgres_adapter::STATEMENTS;
use auth_test_support::store_contract::{BEGIN, World};
use domain::{AccountId, SteamId, UserId};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::database::{Shared, empty, store};

#[tokio::test]
async fn the_server_understands_every_statement() -> Result<()> {
    let shared = Shared::new("statements").await?;
    let mut connection = PgConnection::connect(&shared.url).await?;
    for (number, statement) in STATEMENTS.iter().enumerate() {
        let prepare = format!("PREPARE statement_{number} AS {statement}");
        let prepared = sqlx::raw_sql(AssertSqlSafe(prepare));
        let prepared = prepared.execute(&mut connection).await;
        prepared.with_context(|| (*statement).to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_database_without_tables_is_away_and_no_empty_one() -> Result<()> {
    let store = store(&empty("empty").await?)?;
    let found = store.user(UserId::new(BEGIN, [1; 10])).await;
    ensure!(
        matches!(found, Err(StoreError::Unavailable { .. })),
        "{found:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_audit_log_is_only_added_to() -> Result<()> {
    let shared = Shared::new("audit").await?;
    let mut connection = PgConnection::connect(&shared.url).await?;
    let world = World::new(std::sync::Arc::new(shared));
    let person = SteamId::of(AccountId::try_new(1)?);
    world.begin_session(person, BEGIN).await?;
    for statement in [
        "UPDATE auth.audit_log SET event = 'nothing'",
        "DELETE FROM auth.audit_log",
        "TRUNCATE auth.audit_log",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut connection).await;
        let refused = refused.err().context("it is refused")?.to_string();
        ensure!(refused.contains("only added to"), "{refused}");
    }
    let count = "SELECT count(*) FROM auth.audit_log";
    let count: i64 = sqlx::query_scalar(count).fetch_one(&mut connection).await?;
    ensure!(count == 2, "{count}");
    Ok(())
}

/// Also if a program that nobody has written yet forgot the rule.
#[tokio::test]
async fn the_database_has_no_second_tip() -> Result<()> {
    let shared = Shared::new("tips").await?;
    let mut connection = PgConnection::connect(&shared.url).await?;
    let world = World::new(std::sync::Arc::new(shared));
    let person = SteamId::of(AccountId::try_new(1)?);
    world.begin_session(person, BEGIN).await?;
    let second = "INSERT INTO auth.refresh_tokens (hash, session_id, created_at, expires_at) \
        SELECT '\\x00', id, now(), now() FROM auth.sessions";
    let refused = sqlx::raw_sql(second).execute(&mut connection).await;
    let refused = refused.err().context("it is refused")?.to_string();
    ensure!(refused.contains("refresh_tokens_one_tip"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_panel_sees_no_hashes_and_keys_and_writes_nothing() -> Result<()> {
    let shared = Shared::new("panels").await?;
    let mut connection = PgConnection::connect(&shared.url).await?;
    let columns = "SELECT DISTINCT column_name::text FROM information_schema.columns \
        WHERE table_schema = 'auth' AND table_name LIKE 'panel_%'";
    let columns: Vec<String> = sqlx::query_scalar(columns)
        .fetch_all(&mut connection)
        .await?;
    for hidden in [
        "hash",
        "id_hash",
        "browser_hash",
        "parent",
        "sealed",
        "public",
        "client_state",
        "code_challenge",
        "display_name",
        "avatar_url",
    ] {
        ensure!(!columns.iter().any(|it| it == hidden), "{hidden}");
    }

    // As the crate's documentation has it; a role is the server's, and other tests share the server.
    let role = format!("auth_panels_{}", std::process::id());
    let grant = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA auth TO {role}; GRANT SELECT ON auth.panel_users, \
         auth.panel_sessions, auth.panel_audit, auth.panel_keys TO {role}; SET ROLE {role}"
    );
    sqlx::raw_sql(AssertSqlSafe(grant))
        .execute(&mut connection)
        .await?;
    let mut came = Vec::new();
    for (statement, is_allowed) in [
        ("SELECT count(*) FROM auth.panel_users", true),
        ("SELECT count(*) FROM auth.panel_sessions", true),
        ("SELECT count(*) FROM auth.panel_audit", true),
        ("SELECT count(*) FROM auth.panel_keys", true),
        ("SELECT count(*) FROM auth.signing_keys", false),
        ("SELECT count(*) FROM auth.refresh_tokens", false),
        ("SELECT count(*) FROM auth.users", false),
        ("DELETE FROM auth.panel_sessions", false),
        ("UPDATE auth.panel_users SET blocked_at = NULL", false),
    ] {
        let done = sqlx::raw_sql(statement).execute(&mut connection).await;
        came.push((statement, is_allowed, done.is_ok()));
    }
    let drop = format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(AssertSqlSafe(drop))
        .execute(&mut connection)
        .await?;
    for (statement, is_allowed, is_done) in came {
        ensure!(is_allowed == is_done, "{statement}");
    }
    Ok(())
}
