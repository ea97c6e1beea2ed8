//! What can be asked of the binary beside `run`.

use std::{collections::BTreeSet, process::Command, sync::Arc};

use anyhow::Result;
use feed_simulator::{World, summaries::SummariesConfig};
use kafka_test_kit::shared_broker;
use service_kit::exit_code::ExitCode;
use tempfile::TempDir;
use test_kit::{
    document::{described_commands, listed_commands, table},
    service_process::run_to_end,
    waiting::wait_until,
};

use crate::support::{DEADLINE, PROGRAM, Service, Topics, run};

#[tokio::test]
async fn the_manual_lists_the_commands_and_exit_codes_there_are() -> Result<()> {
    let folder = TempDir::new()?;
    let help = run(&["--help"], &folder).await?.stdout;
    let described = described_commands("etl/INTERFACE.md", "etl-service");
    assert_eq!(described, listed_commands(&help), "{help}");

    let rows = table("etl/INTERFACE.md", "exit code");
    let described: BTreeSet<u8> = rows
        .iter()
        .map(|row| row[0].parse())
        .collect::<Result<_, _>>()?;
    // What `verify` says by 1 is its own.
    let codes = ExitCode::ALL.into_iter().map(|code| code as u8);
    assert_eq!(described, codes.chain([1]).collect());
    Ok(())
}

#[tokio::test]
async fn validate_shows_every_setting_and_where_it_comes_from() -> Result<()> {
    let folder = TempDir::new()?;
    let shown = run(&["validate", "--counters-delay", "7s"], &folder).await?;
    assert_eq!(shown.exit_code, Some(0), "{shown:?}");
    for expected in ["COUNTERS_DELAY", "7s", "WAREHOUSE_URL", "embedded"] {
        assert!(
            shown.stdout.contains(expected),
            "{expected} in {}",
            shown.stdout
        );
    }
    Ok(())
}

#[tokio::test]
async fn settings_that_cannot_work_end_with_78_and_say_why() -> Result<()> {
    let folder = TempDir::new()?;
    std::fs::write(
        folder.path().join("data"),
        "a file where the folder should be",
    )?;
    for (arguments, said) in [
        (&["run", "--api-port", "x"][..], "API_PORT"),
        (
            &[
                "run",
                "--kafka-match-summary-topic=",
                "--kafka-match-id-topic=",
            ],
            "KAFKA_MATCH_ID_TOPIC",
        ),
        (&["run", "--api-port=0"], "WAREHOUSE_DIR"),
    ] {
        let program = env!("CARGO_BIN_EXE_etl-service");
        let ended = run_to_end(program, arguments, &[], folder.path()).await?;
        assert_eq!(ended.exit_code, Some(78), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{said} in {}", ended.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_built_again_on_request_and_verified() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics
        .fill(SummariesConfig::new(World::new(3), 300))
        .await?;
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &[]).await?;
    service.wait_until_loaded(&sent).await?;
    service.stop().await?;

    let days = ["--from", "2000-01-01", "--to", "2100-01-01"];
    let rebuilt = run(&[&["rebuild"], &days[..]].concat(), &folder).await?;
    assert_eq!(rebuilt.exit_code, Some(0), "{rebuilt:?}");
    assert!(rebuilt.stdout.contains("300 matches"), "{rebuilt:?}");
    let verified = run(&[&["verify"], &days[..]].concat(), &folder).await?;
    assert_eq!(verified.exit_code, Some(0), "{verified:?}");
    assert!(
        verified.stdout.contains("1 days compared, 0 differences"),
        "{verified:?}"
    );
    let nothing = run(&["verify", "--from=1999-01-01", "--to=1999-12-31"], &folder).await?;
    assert!(nothing.stdout.contains("0 days compared"), "{nothing:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_counted_again_when_the_list_of_patches_changes() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics
        .fill(SummariesConfig::new(World::new(4), 100))
        .await?;
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &[]).await?;
    service.wait_until_loaded(&sent).await?;
    service.stop().await?;

    let file = folder.path().join("patches.json");
    std::fs::write(&file, r#"[{"name":"9.99","since":"2010-01-01T00:00:00Z"}]"#)?;
    let given = [("PATCHES_FILE", "patches.json")];
    let service = Service::start(&topics, &folder, &given).await?;
    wait_until(DEADLINE, "the days have the new patch", async || {
        let heroes = service.json("/api/v1/stats/heroes?patch=9.99").await;
        heroes.is_ok_and(|found| {
            found["heroes"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        })
    })
    .await?;
    service.stop().await?;

    std::fs::write(&file, "[\n{\"name\":\"9.99\"}\n]")?;
    let ended = run_to_end(PROGRAM, &["validate"], &given, folder.path()).await?;
    assert_eq!(ended.exit_code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("line 2"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn top_prints_one_snapshot_where_there_is_no_terminal() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics.fill(SummariesConfig::new(World::new(5), 50)).await?;
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &[]).await?;
    service.wait_until_loaded(&sent).await?;
    let url = format!("http://{}", service.process.address());
    let shown = run(&["top", "--url", &url], &folder).await?;
    assert_eq!(shown.exit_code, Some(0), "{shown:?}");
    let topic = topics.summaries.as_str();
    for expected in [&url, "ledger     consumed ", "freshness  p50", topic] {
        assert!(
            shown.stdout.contains(expected),
            "{expected} in {}",
            shown.stdout
        );
    }
    assert!(!shown.stdout.contains('\x1b'), "{}", shown.stdout);
    service.stop().await?;

    let nobody = run(&["top", "--url", &url], &folder).await?;
    assert_eq!(nobody.exit_code, Some(69), "{nobody:?}");
    assert!(nobody.stderr.contains("is the service running there?"));
    Ok(())
}

#[tokio::test]
async fn a_command_whose_reader_has_gone_ends_as_if_it_were_read() -> Result<()> {
    let folder = TempDir::new()?;
    let days = ["--from", "2026-01-01", "--to", "2026-01-02"];
    let rebuild = [&["rebuild"], &days[..]].concat();
    for (arguments, expected) in [
        (&["migrate"][..], 0),
        (&["verify"], 0),
        (&rebuild, 0),
        (&["backfill", "list"], 0),
        (&["backfill", "--file", "nowhere"], 2),
        (&["healthcheck", "--api-port", "1"], 69),
    ] {
        // Of these pipes nobody has the other end.
        let (_, closed_out) = std::io::pipe()?;
        let (_, closed_errors) = std::io::pipe()?;
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .stdout(closed_out)
            .stderr(closed_errors);
        let status = tokio::task::spawn_blocking(move || command.status()).await??;
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
    Ok(())
}
