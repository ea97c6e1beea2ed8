//! What the README tells a newcomer to type, typed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use test_kit::{
    document::commands,
    terminal::{Program, Terminal},
    workspace_program,
};

/// A server, two services and all that somebody types, beside other tests.
const TYPED_WITHIN: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn the_way_from_a_sign_in_to_a_changed_profile_can_be_typed() -> Result<()> {
    let typed = commands("README.md", "-p steam-simulator");
    let program = |package, path, usual_port| Program {
        package,
        path,
        usual_port,
    };
    let of_others = |package| workspace_program(package, package);
    let own = env!("CARGO_BIN_EXE_auth-service").into();
    let programs = [
        program("sql-test-kit", of_others("sql-test-kit")?, None),
        program("steam-simulator", of_others("steam-simulator")?, None),
        program("auth-service", own, Some(8082)),
        program("user-service", of_others("user-service")?, Some(8083)),
    ];
    // As the text below them says.
    let script = format!("{typed}\nkill %1 %2 %3 %4\nwait");
    let mut terminal = Terminal::run(&script, &programs)?;
    let printed = terminal.ended(TYPED_WITHIN).await?;
    let mut profiles = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let seen = profiles.next().context("the profile is printed")?;
    let changed = profiles
        .next()
        .with_context(|| format!("it is printed once changed: {printed}"))?;
    ensure!(seen["steam_id"] == "76561198012345678", "{seen}");
    ensure!(
        changed["preferences"]["favourite_heroes"] == serde_json::json!([10]),
        "{changed}"
    );
    ensure!(changed["id"] == seen["id"], "{changed}");
    Ok(())
}
