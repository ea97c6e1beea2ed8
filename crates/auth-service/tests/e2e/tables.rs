//! Tables: made once, by one; a newer program's are left alone.

use anyhow::{Result, ensure};
use reqwest::StatusCode;
use sql_test_kit::{dump, shared_postgres};
use sqlx::{Connection as _, PgConnection};
use test_kit::waiting::wait_until;

use crate::support::{ANA, DEADLINE, World};

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_program_end_every_command_with_78_and_are_left_alone() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("newer").await?;
    let world = World::new(&url).await?;
    let service = world.start_ready().await?;
    world.sign_in(&service, ANA).await?;
    ensure!(service.stop().await? == 0);
    let mut connection = PgConnection::connect(&url).await?;
    let newer = "INSERT INTO auth.schema_steps (version) VALUES (99)";
    sqlx::raw_sql(newer).execute(&mut connection).await?;
    let before = dump(&url, "auth").await?;

    for arguments in [&["run"][..], &["migrate"], &["migrate", "--check"]] {
        let ended = world.command(arguments).await?;
        ensure!(ended.exit_code == Some(78), "{arguments:?}: {ended:?}");
        ensure!(
            ended.stderr.contains("newer program"),
            "{arguments:?}: {ended:?}"
        );
    }
    let examined = world.command(&["doctor"]).await?;
    ensure!(examined.exit_code == Some(69), "{examined:?}");
    ensure!(examined.stdout.contains("version 99"), "{examined:?}");
    let after = dump(&url, "auth").await?;
    ensure!(before == after, "{before} and then {after}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_must_not_make_its_tables_waits_until_migrate_has() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("refuse").await?;
    let world = World::new(&url)
        .await?
        .with("DATABASE_MIGRATE", Some("refuse"));
    let service = world.start().await?;
    let says_so = async || {
        let health = service.site.text("/api/v1/health").await;
        health.contains("run `migrate`")
    };
    wait_until(DEADLINE, "health says what to do", says_so).await?;
    ensure!(service.site.get("/readyz").await.status() == StatusCode::SERVICE_UNAVAILABLE);
    let checked = world.command(&["migrate", "--check"]).await?;
    ensure!(checked.exit_code == Some(69), "{checked:?}");
    // Several at once, as when all pods of a deployment begin with it.
    let (one, other) = tokio::join!(world.command(&["migrate"]), world.command(&["migrate"]));
    for migrated in [one?, other?] {
        ensure!(migrated.exit_code == Some(0), "{migrated:?}");
    }
    let checked = world.command(&["migrate", "--check"]).await?;
    ensure!(checked.exit_code == Some(0), "{checked:?}");
    service.wait_until_healthy().await?;
    world.sign_in(&service, ANA).await?;
    Ok(())
}
