//! Profiles on a real server, held to the suite; and what only a database has.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use sql_kit::{DatabaseSettings, Migrate, PostgresDatabase, PostgresPlace};
use sql_test_kit::shared_postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use user_application::ports::{Begun, ProfileStore, StoreError};
use user_postgres_adapter::{PostgresProfiles, SCHEMA, STATEMENTS};
use user_test_support::{beginning, store_contract::check, user};

/// A database with the tables of profiles, and its address.
async fn database(name: &str) -> Result<(PostgresDatabase, String)> {
    let url = shared_postgres().await?.fresh_database(name).await?;
    let database = connect(&url)?;
    database.migrate(SCHEMA, Migrate::Auto).await?;
    Ok((database, url))
}

fn connect(url: &str) -> Result<PostgresDatabase> {
    let place = PostgresPlace::try_new(url).map_err(anyhow::Error::msg)?;
    let settings = DatabaseSettings {
        place: None,
        connections_max: 10,
        // The machine may be busy; how soon a call gives up is not what is tested here.
        timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
        migrate: Migrate::Auto,
    };
    Ok(PostgresDatabase::new(&settings, place, "test"))
}

#[tokio::test]
async fn those_on_a_server_keep_the_promises() -> Result<()> {
    check(async || {
        let (database, _) = database("profiles").await?;
        Ok(Arc::new(PostgresProfiles::new(database)) as Arc<dyn ProfileStore>)
    })
    .await
}

#[tokio::test]
async fn the_server_understands_every_statement() -> Result<()> {
    let (_, url) = database("statements").await?;
    let mut connection = PgConnection::connect(&url).await?;
    for (number, statement) in STATEMENTS.iter().enumerate() {
        let prepare = format!("PREPARE statement_{number} AS {statement}");
        let prepared = sqlx::raw_sql(AssertSqlSafe(prepare));
        let prepared = prepared.execute(&mut connection).await;
        prepared.with_context(|| (*statement).to_owned())?;
    }
    Ok(())
}

/// Panels see nothing by which somebody could be known elsewhere, and write nothing.
#[tokio::test]
async fn a_panel_sees_no_names_and_writes_nothing() -> Result<()> {
    let (database, url) = database("panels").await?;
    let store = PostgresProfiles::new(database);
    let begun = store.begin(beginning(1, 0)).await?;
    ensure!(matches!(begun, Begun::Profile(_)));
    let mut connection = PgConnection::connect(&url).await?;
    let columns = "SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, ordinal_position) \
        FROM information_schema.columns WHERE table_schema = 'profiles' AND table_name LIKE 'panel_%'";
    let columns: String = sqlx::query_scalar(columns)
        .fetch_one(&mut connection)
        .await?;
    ensure!(
        columns
            == "panel_changes.id panel_changes.user_id panel_changes.at panel_changes.by panel_changes.fields \
                panel_deletions.user_id panel_deletions.deleted_at panel_profiles.user_id panel_profiles.locale \
                panel_profiles.time_zone panel_profiles.plan panel_profiles.status \
                panel_profiles.current_period_end panel_profiles.source panel_profiles.version \
                panel_profiles.created_at panel_profiles.updated_at",
        "{columns}"
    );
    let plan = "SELECT plan FROM profiles.panel_profiles";
    let plan: String = sqlx::query_scalar(plan).fetch_one(&mut connection).await?;
    ensure!(plan == "free");

    // As the manual has it; a role is the server's, and other tests share the server.
    let role = format!("panels_{}", std::process::id());
    let grant = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA profiles TO {role}; GRANT SELECT ON profiles.panel_profiles, \
         profiles.panel_changes, profiles.panel_deletions TO {role}"
    );
    sqlx::raw_sql(AssertSqlSafe(grant))
        .execute(&mut connection)
        .await?;
    let drop = format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}");
    for (statement, is_allowed) in [
        ("SELECT count(*) FROM profiles.panel_profiles", true),
        ("SELECT count(*) FROM profiles.panel_changes", true),
        ("SELECT count(*) FROM profiles.profiles", false),
        ("DELETE FROM profiles.panel_deletions", false),
    ] {
        let set = format!("SET ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(set))
            .execute(&mut connection)
            .await?;
        let came = sqlx::raw_sql(statement).execute(&mut connection).await;
        ensure!(came.is_ok() == is_allowed, "{statement}: {came:?}");
    }
    sqlx::raw_sql(AssertSqlSafe(drop))
        .execute(&mut connection)
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_database_without_tables_is_not_a_profile_that_is_not_there() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("empty").await?;
    let store = PostgresProfiles::new(connect(&url)?);
    let found = store.find(user(1)).await;
    ensure!(matches!(found, Err(StoreError::Away(_))), "{found:?}");
    Ok(())
}
