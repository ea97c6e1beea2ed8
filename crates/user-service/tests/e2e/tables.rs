//! Tables: made once, by one; a newer program's are left alone.

use anyhow::{Result, ensure};
use reqwest::StatusCode;
use sql_test_kit::shared_postgres;
use sqlx::{Connection as _, PgConnection};
use test_kit::waiting::wait_until;

use crate::support::{DEADLINE, Service, USER, command, issuer, settings, user};

/// All tables with their columns, and all steps that were taken, as one text.
const PICTURE: &str = "SELECT (SELECT string_agg(table_name || '.' || column_name || ' ' || data_type, ', ' \
    ORDER BY table_name, column_name) FROM information_schema.columns WHERE table_schema = 'profiles') || ' | ' || \
    (SELECT string_agg(version || ' ' || taken_at, ', ' ORDER BY version) FROM profiles.schema_steps) || ' | ' || \
    (SELECT string_agg(p::text, ', ') FROM profiles.profiles p)";

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_program_end_every_command_with_78_and_are_left_alone() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("newer").await?;
    let issuer = issuer().await?;
    let settings = settings(&url, &issuer);
    let service = Service::start_ready(&settings).await?;
    service.profile(&issuer.token(user(1), USER)).await?;
    ensure!(service.stop().await? == 0);
    let mut connection = PgConnection::connect(&url).await?;
    let newer = "INSERT INTO profiles.schema_steps (version) VALUES (99)";
    sqlx::raw_sql(newer).execute(&mut connection).await?;
    let before: String = sqlx::query_scalar(PICTURE)
        .fetch_one(&mut connection)
        .await?;

    for arguments in [&["run"][..], &["migrate"], &["migrate", "--check"]] {
        let ended = command(arguments, &settings).await?;
        ensure!(ended.exit_code == Some(78), "{arguments:?}: {ended:?}");
        ensure!(
            ended.stderr.contains("newer program"),
            "{arguments:?}: {ended:?}"
        );
    }
    let examined = command(&["doctor"], &settings).await?;
    ensure!(examined.exit_code == Some(69), "{examined:?}");
    ensure!(examined.stdout.contains("version 99"), "{examined:?}");
    let after: String = sqlx::query_scalar(PICTURE)
        .fetch_one(&mut connection)
        .await?;
    ensure!(before == after, "{before} and then {after}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_must_not_make_its_tables_waits_until_migrate_has() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("refuse").await?;
    let issuer = issuer().await?;
    let mut settings = settings(&url, &issuer);
    settings.push(("DATABASE_MIGRATE", "refuse"));
    let service = Service::start(&settings).await?;
    let says_so = async || {
        let health = service.site.text("/api/v1/health").await;
        health.contains("run `migrate`")
    };
    wait_until(DEADLINE, "health says what to do", says_so).await?;
    ensure!(service.site.get("/readyz").await.status() == StatusCode::SERVICE_UNAVAILABLE);
    let checked = command(&["migrate", "--check"], &settings).await?;
    ensure!(checked.exit_code == Some(69), "{checked:?}");
    // Several at once, as when all pods of a deployment begin with it.
    let (one, other) = tokio::join!(
        command(&["migrate"], &settings),
        command(&["migrate"], &settings)
    );
    for migrated in [one?, other?] {
        ensure!(migrated.exit_code == Some(0), "{migrated:?}");
    }
    let checked = command(&["migrate", "--check"], &settings).await?;
    ensure!(checked.exit_code == Some(0), "{checked:?}");
    service.wait_until_healthy().await?;
    service.profile(&issuer.token(user(1), USER)).await?;
    Ok(())
}
