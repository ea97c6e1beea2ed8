//! What can be asked of the binary beside `run`.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, ensure};
use service_kit::exit_code::ExitCode;
use sql_test_kit::shared_postgres;
use steam_simulator::Mode;
use test_kit::{
    document::{assert_promises_are_tested, described_commands, listed_commands, table},
    waiting::wait_until,
};

use crate::support::{ANA, DEADLINE, NOWHERE, World};

const MANUAL: &str = "auth/INTERFACE.md";
/// 32 bytes that nobody has sealed anything with.
const OTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[tokio::test]
async fn the_manual_lists_the_commands_and_exit_codes_there_are() -> Result<()> {
    let help = World::new(NOWHERE)
        .await?
        .command(&["--help"])
        .await?
        .stdout;
    assert_eq!(
        described_commands(MANUAL, "auth-service"),
        listed_commands(&help),
        "{help}"
    );
    let rows = table(MANUAL, "exit code");
    let described: BTreeSet<u8> = rows
        .iter()
        .map(|row| row[0].parse())
        .collect::<Result<_, _>>()?;
    assert_eq!(described, ExitCode::ALL.map(|code| code as u8).into());
    Ok(())
}

#[test]
fn every_promise_names_tests_that_there_are() {
    assert_promises_are_tested(MANUAL, 12);
}

#[tokio::test]
async fn wrong_settings_end_with_78_within_two_seconds_and_are_named() -> Result<()> {
    for (variable, text, said) in [
        ("DATABASE_URL", None, "DATABASE_URL"),
        ("DATABASE_URL", Some("sqlite:///auth.db"), "DATABASE_URL"),
        ("AUTH_ISSUER", None, "AUTH_ISSUER"),
        ("AUTH_KEY_ENCRYPTION_KEY", None, "AUTH_KEY_ENCRYPTION_KEY"),
        ("STEAM_SIMULATED", None, "STEAM_OPENID_ENDPOINT"),
        (
            "AUTH_CLIENTS_FILE",
            Some("nowhere.toml"),
            "AUTH_CLIENTS_FILE",
        ),
        ("RATE_TOKEN", Some("often"), "RATE_TOKEN"),
    ] {
        let world = World::new(NOWHERE).await?.with(variable, text);
        for arguments in [&[][..], &["run"], &["validate"], &["doctor"], &["migrate"]] {
            let ended = world.command(arguments).await?;
            ensure!(ended.exit_code == Some(78), "{arguments:?}: {ended:?}");
            ensure!(ended.stderr.contains(said), "{arguments:?}: {ended:?}");
            ensure!(ended.took < Duration::from_secs(2), "{:?}", ended.took);
        }
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let world = World::new(NOWHERE).await?.with("API_PORT", Some(&port));
    let ended = world.command(&["run"]).await?;
    ensure!(
        ended.exit_code == Some(78) && ended.stderr.contains("API_PORT"),
        "{ended:?}"
    );
    let ended = world.command(&["fly"]).await?;
    ensure!(ended.exit_code == Some(2), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn validate_shows_every_setting_and_where_it_comes_from() -> Result<()> {
    let world = World::new(NOWHERE).await?;
    let shown = world.command(&["validate", "--code-life", "30s"]).await?;
    ensure!(shown.exit_code == Some(0), "{shown:?}");
    for expected in ["CODE_LIFE=30s", "AUTH_ISSUER", &world.steam.endpoint()] {
        ensure!(
            shown.stdout.contains(expected),
            "{expected} in {}",
            shown.stdout
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tries_everything_and_says_what_fails() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("doctor").await?;
    let mut world = World::new(&url).await?;
    let before = world.command(&["doctor", "--json"]).await?;
    ensure!(before.exit_code == Some(69), "{before:?}");
    let checks = before.checks()?;
    ensure!(
        checks.contains(&"database.tables failed".to_owned()),
        "{checks:?}"
    );
    ensure!(world.command(&["migrate"]).await?.exit_code == Some(0));
    let examined = world.command(&["doctor", "--json"]).await?;
    ensure!(examined.exit_code == Some(0), "{examined:?}");
    let expected = [
        "settings ok",
        "database ok",
        "database.tables ok",
        "database.clock ok",
        "signing.keys ok",
        "steam ok",
        "redis skipped",
    ];
    ensure!(examined.checks()? == expected, "{examined:?}");

    // Whose key is it? Not ours.
    let service = world.start_ready().await?;
    world.sign_in(&service, ANA).await?;
    ensure!(service.stop().await? == 0);
    let examined = world.command(&["doctor"]).await?;
    ensure!(examined.stdout.contains("1 can be opened"), "{examined:?}");
    world.set("AUTH_KEY_ENCRYPTION_KEY", Some(OTHER_KEY));
    let examined = world.command(&["doctor"]).await?;
    ensure!(examined.exit_code == Some(69), "{examined:?}");
    ensure!(
        examined.stdout.contains("FAILED   signing.keys")
            && examined.stdout.contains("AUTH_KEY_ENCRYPTION_KEY"),
        "{examined:?}"
    );

    let nowhere = World::new(NOWHERE)
        .await?
        .with("REDIS_URL", Some("redis://127.0.0.1:1"))
        .with(
            "STEAM_OPENID_ENDPOINT",
            Some("http://127.0.0.1:1/openid/login"),
        );
    nowhere.steam.set_mode(Mode::Close);
    let examined = nowhere.command(&["doctor"]).await?;
    ensure!(examined.exit_code == Some(69), "{examined:?}");
    for expected in [
        "FAILED   database ",
        "skipped  database.tables",
        "skipped  signing.keys",
        "FAILED   steam",
        "FAILED   redis",
    ] {
        ensure!(
            examined.stdout.contains(expected),
            "{expected}: {}",
            examined.stdout
        );
    }
    let migrated = nowhere.command(&["migrate"]).await?;
    ensure!(migrated.exit_code == Some(69), "{migrated:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_tells_alive_from_ready() -> Result<()> {
    let mut world = World::new(NOWHERE).await?;
    let service = world.start().await?;
    let address = service.process.address().to_owned();
    let (_, port) = address.rsplit_once(':').unwrap_or_default();
    world.set("API_PORT", Some(port));
    ensure!(world.command(&["healthcheck"]).await?.exit_code == Some(0));
    let ready = world.command(&["healthcheck", "--ready"]).await?;
    ensure!(ready.exit_code == Some(69), "{ready:?}");
    ensure!(service.stop().await? == 0);
    let gone = async || {
        let asked = world.command(&["healthcheck"]).await;
        asked.is_ok_and(|asked| asked.exit_code == Some(69))
    };
    wait_until(DEADLINE, "nobody answers", gone).await
}
