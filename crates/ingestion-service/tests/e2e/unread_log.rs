//! A log that nobody reads: a pipe that is full, and whose reader is alive.

use std::time::Duration;

use anyhow::{Context as _, Result};
use feed_simulator::Config;
use tokio::time::Instant;

use crate::support::{Service, Topics, assert_all_delivered_once, feed, wait_until};

/// An end comes within this time, and a second more that the log is given.
const PROMPTLY: Duration = Duration::from_secs(5);

/// Many lines of its own and librdkafka's, all of them long.
fn talkative() -> [(&'static str, &'static str); 3] {
    const NAME: &str = "\u{1f5e3}\u{1f5e3}\u{1f5e3}\u{1f5e3}\u{1f5e3}\u{1f5e3}\u{1f5e3}\u{1f5e3}\u{1f5e3}\u{1f5e3}";
    [
        ("LOG_LEVEL", "TRACE"),
        ("KAFKA_PROPERTIES", "debug=all"),
        ("SERVICE_NAME", NAME),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_neither_matches_nor_answers_nor_the_end() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(Config {
        rate: 1000.0,
        ..Config::default()
    })
    .await?;
    let mut service = Service::start(&feed.websocket_url(), &topics, &talkative()).await?;
    service.wait_for_figure_above("published", 0).await;
    service.pause_log(true);
    for _ in 0..5 {
        let published = service.figure("published").await?;
        service
            .wait_for_figure_above("published", published + 1000)
            .await;
    }
    assert_eq!(service.get("/livez").await?.0, 200);
    let (status, health) = service.health().await?;
    assert_eq!(status, 200, "{health}");

    let begun = Instant::now();
    service.signal("TERM")?;
    assert_eq!(service.exit_code().await?, 0, "one signal is enough");
    assert!(begun.elapsed() < PROMPTLY, "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_were_dropped_are_told_when_the_log_is_read_again() -> Result<()> {
    const COUNT: u64 = 20_000;
    let topics = Topics::create().await?;
    let feed = feed(Config {
        rate: 2000.0,
        count: Some(COUNT),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &talkative()).await?;
    service.pause_log(true);
    service.wait_for_figure("published", COUNT).await;
    service.pause_log(false);
    wait_until("the dropped lines are told", async || {
        let log = service.log();
        log.iter()
            .any(|line| line.contains("log lines were dropped") && line.contains("log.dropped"))
    })
    .await;
    let (_, metrics) = service.get("/metrics").await?;
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("log_lines_dropped_total "));
    let dropped: u64 = dropped.context("it is a metric")?.parse()?;
    assert!(dropped > 0, "{dropped}");
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}
