//! What can be asked of the binary beside `run`.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, ensure};
use service_kit::exit_code::ExitCode;
use sql_test_kit::shared_postgres;
use test_kit::{
    document::{assert_promises_are_tested, described_commands, listed_commands, table},
    waiting::wait_until,
};

use crate::support::{DEADLINE, Service, command, issuer, settings};

const MANUAL: &str = "user/INTERFACE.md";
/// Nobody listens there.
const NOWHERE: &str = "postgresql://u:p@127.0.0.1:1/users";

#[tokio::test]
async fn the_manual_lists_the_commands_and_exit_codes_there_are() -> Result<()> {
    let help = command(&["--help"], &[]).await?.stdout;
    assert_eq!(
        described_commands(MANUAL, "user-service"),
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
    assert_promises_are_tested(MANUAL, 10);
}

#[tokio::test]
async fn wrong_settings_end_with_78_within_two_seconds_and_are_named() -> Result<()> {
    let issuer = issuer().await?;
    let right = settings(NOWHERE, &issuer);
    for (variable, text, said) in [
        ("DATABASE_URL", None, "DATABASE_URL"),
        ("AUTH_ISSUER", None, "AUTH_ISSUER"),
        ("DATABASE_URL", Some("sqlite:///users.db"), "DATABASE_URL"),
        ("API_PORT", Some("x"), "API_PORT"),
    ] {
        let others = right.iter().copied().filter(|(name, _)| *name != variable);
        let given: Vec<_> = others.chain(text.map(|text| (variable, text))).collect();
        for arguments in [&[][..], &["run"], &["validate"], &["doctor"], &["migrate"]] {
            let ended = command(arguments, &given).await?;
            ensure!(ended.exit_code == Some(78), "{arguments:?}: {ended:?}");
            ensure!(ended.stderr.contains(said), "{arguments:?}: {ended:?}");
            ensure!(ended.took < Duration::from_secs(2), "{:?}", ended.took);
        }
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let mut given = right.clone();
    given.retain(|(name, _)| *name != "API_PORT");
    given.push(("API_PORT", &port));
    let ended = command(&["run"], &given).await?;
    ensure!(
        ended.exit_code == Some(78) && ended.stderr.contains("API_PORT"),
        "{ended:?}"
    );
    let ended = command(&["fly"], &right).await?;
    ensure!(ended.exit_code == Some(2), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn validate_shows_every_setting_and_where_it_comes_from() -> Result<()> {
    let issuer = issuer().await?;
    let settings = settings(NOWHERE, &issuer);
    let shown = command(&["validate", "--database-timeout", "700ms"], &settings).await?;
    ensure!(shown.exit_code == Some(0), "{shown:?}");
    for expected in ["DATABASE_TIMEOUT", "700ms", "AUTH_ISSUER", issuer.url()] {
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
    let issuer = issuer().await?;
    let before = command(&["doctor", "--json"], &settings(&url, &issuer)).await?;
    ensure!(before.exit_code == Some(69), "{before:?}");
    ensure!(
        before
            .checks()?
            .contains(&"database.tables failed".to_owned()),
        "{before:?}"
    );
    ensure!(
        command(&["migrate"], &settings(&url, &issuer))
            .await?
            .exit_code
            == Some(0)
    );
    let examined = command(&["doctor", "--json"], &settings(&url, &issuer)).await?;
    ensure!(examined.exit_code == Some(0), "{examined:?}");
    let all = [
        "settings",
        "database",
        "database.tables",
        "database.clock",
        "auth.keys",
        "auth.cache",
    ];
    ensure!(
        examined.checks()? == all.map(|name| format!("{name} ok")),
        "{examined:?}"
    );

    issuer.answer(auth_test_kit::Answers::Nobody);
    let nowhere = settings(NOWHERE, &issuer);
    let examined = command(&["doctor"], &nowhere).await?;
    ensure!(examined.exit_code == Some(69), "{examined:?}");
    for expected in [
        "FAILED   database ",
        "skipped  database.tables",
        "FAILED   auth.keys",
    ] {
        ensure!(
            examined.stdout.contains(expected),
            "{expected}: {}",
            examined.stdout
        );
    }
    let migrated = command(&["migrate"], &nowhere).await?;
    ensure!(migrated.exit_code == Some(69), "{migrated:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_tells_alive_from_ready() -> Result<()> {
    let issuer = issuer().await?;
    let nowhere = settings(NOWHERE, &issuer);
    let service = Service::start(&nowhere).await?;
    let port = service
        .process
        .address()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut asked = nowhere.clone();
    asked.retain(|(name, _)| *name != "API_PORT");
    asked.push(("API_PORT", &port));
    ensure!(command(&["healthcheck"], &asked).await?.exit_code == Some(0));
    ensure!(
        command(&["healthcheck", "--ready"], &asked)
            .await?
            .exit_code
            == Some(69)
    );
    ensure!(service.stop().await? == 0);
    let gone = async || {
        let asked = command(&["healthcheck"], &asked).await;
        asked.is_ok_and(|asked| asked.exit_code == Some(69))
    };
    wait_until(DEADLINE, "nobody answers", gone).await
}
