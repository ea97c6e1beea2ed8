//! What the README tells a newcomer to type, typed.

use anyhow::{Context as _, Result, ensure};
use test_kit::{
    document::commands,
    terminal::{Program, Terminal},
    workspace_program,
};

use crate::support::DEADLINE;

#[tokio::test(flavor = "multi_thread")]
async fn the_way_from_match_ids_to_counters_can_be_typed() -> Result<()> {
    let typed = commands("README.md", "feed-simulator -- --broker");
    let program = |package, path, usual_port| Program {
        package,
        path,
        usual_port,
    };
    let of_others = |package| workspace_program(package, package);
    let programs = [
        program("feed-simulator", of_others("feed-simulator")?, None),
        program(
            "ingestion-service",
            of_others("ingestion-service")?,
            Some(8000),
        ),
        program(
            "etl-service",
            env!("CARGO_BIN_EXE_etl-service").into(),
            Some(8001),
        ),
    ];
    // As the text below them says.
    let mut terminal = Terminal::run(&format!("{typed}\nkill %1 %2 %3\nwait"), &programs)?;
    let printed = terminal.ended(DEADLINE).await?;
    let answer = printed.lines().last().context("it prints the answer")?;
    ensure!(
        answer.contains(r#""hero":10,"#) && answer.contains(r#""games":"#),
        "{printed}"
    );
    let log = terminal.file("ingestion.log")?;
    ensure!(!log.contains(r#""ledger.published":0,"#), "{log}");
    Ok(())
}
