//! The commands as a user or a container runs them.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use feed_simulator::Config;
use service_kit::exit_code::ExitCode;
use tempfile::TempDir;
use test_kit::document::{described_commands, listed_commands, table};
use tokio::net::TcpSocket;

use crate::support::{Finished, Lines, Service, Topics, feed, run_to_end, wait_until};

/// Metrics that dashboards rely on.
const STABLE_METRICS: [&str; 10] = [
    "ingestion_received_total{source=\"opendota_stream\"} ",
    "ingestion_published_total ",
    "ingestion_duplicates_total{source=\"opendota_stream\"} ",
    "ingestion_dead_lettered_total{reason=\"not_json\"} ",
    "ingestion_pending ",
    "ingestion_seconds_since_last_match ",
    "ingestion_publish_latency_seconds_bucket{le=\"+Inf\"} ",
    "ingestion_source_connected{source=\"opendota_stream\"} 1",
    "ingestion_source_reconnects_total{source=\"opendota_stream\",reason=\"connect_failed\"} ",
    "ingestion_build_info{version=\"",
];

async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Result<Finished> {
    let folder = TempDir::new()?;
    run_to_end(arguments, settings, folder.path()).await
}

#[tokio::test]
async fn the_manual_lists_the_commands_and_exit_codes_there_are() -> Result<()> {
    let help = run(&["--help"], &[]).await?.stdout;
    let described = described_commands("ingestion/INTERFACE.md", "ingestion-service");
    assert_eq!(described, listed_commands(&help), "{help}");

    let rows = table("ingestion/INTERFACE.md", "exit code");
    let described: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    let shown = ExitCode::ALL.map(|code| (code as u8).to_string());
    assert_eq!(described, shown);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_and_metrics_speak_of_the_running_service() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(1_000),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    let (host, port) = service.address().split_once(':').context("host:port")?;
    // The service is asked directly, whatever proxy there may be for others.
    let beside_a_proxy = [
        ("API_HOST", host),
        ("API_PORT", port),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
    ];
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let finished = run(arguments, &beside_a_proxy).await?;
        assert_eq!(finished.exit_code, Some(0), "{finished:?}");
    }
    service.wait_for_figure("published", 1_000).await;
    let (_, metrics) = service.get("/metrics").await?;
    for series in STABLE_METRICS {
        assert!(
            metrics.lines().any(|line| line.starts_with(series)),
            "no {series} in\n{metrics}"
        );
    }
    assert_eq!(
        service
            .metric("ingestion_publish_latency_seconds_count")
            .await?,
        1_000
    );
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_says_where_it_asked_in_vain() -> Result<()> {
    // Bound but not listening, it keeps the port from others.
    let reserved = TcpSocket::new_v4()?;
    reserved.bind("127.0.0.1:0".parse()?)?;
    let port = reserved.local_addr()?.port().to_string();
    for (arguments, path) in [
        (&["healthcheck"][..], "livez"),
        (&["healthcheck", "--ready"], "readyz"),
    ] {
        let finished = run(arguments, &[("API_PORT", &port)]).await?;
        assert_eq!(
            (finished.exit_code, finished.stdout.as_str()),
            (Some(69), ""),
            "{finished:?}"
        );
        let expected = format!(
            "no answer from http://127.0.0.1:{port}/{path}: is the service running with this API_PORT?"
        );
        assert!(
            finished.stderr.starts_with(&expected),
            "{}",
            finished.stderr
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn version_names_version_and_commit() -> Result<()> {
    let finished = run(&["--version"], &[]).await?;
    assert_eq!(finished.exit_code, Some(0));
    let beginning = concat!("ingestion-service ", env!("CARGO_PKG_VERSION"), " (");
    let commit = finished
        .stdout
        .strip_prefix(beginning)
        .and_then(|rest| rest.strip_suffix(")\n"));
    assert!(
        commit.is_some_and(|commit| !commit.is_empty()),
        "{}",
        finished.stdout
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_apart_from_wrong_settings() -> Result<()> {
    for arguments in [
        &["frobnicate"][..],
        &["--no-such-flag"],
        &["--api-port"],
        &["run", "twice"],
        &["healthcheck", "--alive"],
        &["demo", "--duration", "soon"],
        &["demo", "--rate"],
    ] {
        let finished = run(arguments, &[]).await?;
        assert_eq!(
            (finished.exit_code, finished.stdout.as_str()),
            (Some(2), ""),
            "{finished:?}"
        );
        assert!(finished.stderr.contains("--help"), "{}", finished.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_delivers_every_match_once_and_shows_it_live() -> Result<()> {
    let folder = TempDir::new()?;
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ingestion-service"))
        .args(["demo", "--duration", "3s", "--rate", "0", "--port", "0"])
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let said = Lines::of(demo.stdout.take().context("it was asked to be piped")?);
    let mut page = None;
    wait_until("it names its page", async || {
        let lines = said.so_far();
        page = lines
            .iter()
            .find_map(|line| line.trim().strip_prefix("page    ").map(str::to_owned));
        page.is_some()
    })
    .await;
    let page = page.context("it was waited for")?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build()?;
    let answer = client.get(&page).send().await?;
    assert_eq!(answer.status(), 200, "{page}");
    assert!(answer.text().await?.contains("<html"), "{page}");

    let said = said.to_the_end().await?.join("\n");
    assert_eq!(demo.wait()?.code(), Some(0), "{said}");
    let verdict = said.lines().last().unwrap_or_default();
    let count = verdict
        .strip_prefix("all of ")
        .and_then(|rest| rest.strip_suffix(" matches delivered once"));
    let count: u64 = count
        .with_context(|| said.clone())?
        .replace(',', "")
        .parse()?;
    assert!(count > 1_000, "{said}");
    Ok(())
}
