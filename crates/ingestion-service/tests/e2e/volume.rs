//! Many matches in little memory, and figures that add up all the while.

use anyhow::Result;
use feed_simulator::Config;
use kafka_test_kit::Quiet;

use crate::support::{Service, Topics, assert_all_delivered_once, feed, wait_until};

/// What the service may ever use: 64 MB, of which 18 MB are left to the pages of
/// the binary that ships.
pub(crate) const BUSY_KIB_MAX: u64 = 46_000_000 / 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_million_matches_pass_in_bounded_memory() -> Result<()> {
    const COUNT: u64 = 1_000_000;
    const STARTED_KIB_MAX: u64 = 62_000_000 / 1024;
    let _quiet = Quiet::keep().await;
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(COUNT),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_figure("published", COUNT).await;
    let peak = service.peak_memory_kib()?;
    assert!(peak < BUSY_KIB_MAX, "{peak} KiB");
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await?;

    // Nor does a start beside a full topic cost much.
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_until("the window is restored", async || {
        let log = service.log();
        log.iter()
            .any(|line| line.contains("read the newest match ids"))
    })
    .await;
    let peak = service.peak_memory_kib()?;
    assert!(peak < STARTED_KIB_MAX, "{peak} KiB");
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_add_up_in_every_answer_under_load() -> Result<()> {
    const COUNT: u64 = 200_000;
    const ANSWERS_MIN: u32 = 50;
    let topics = Topics::create().await?;
    let config = Config {
        count: Some(COUNT),
        duplicate_fraction: 0.1,
        invalid_fraction: 0.1,
        ..Config::default()
    };
    let feed = feed(config).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    // The helper compares the figures of each answer.
    let reader = async || {
        let mut answers_under_load = 0;
        wait_until("all is published", async || {
            let published = service.figure("published").await.unwrap_or_default();
            answers_under_load += u32::from((1..COUNT).contains(&published));
            published == COUNT
        })
        .await;
        answers_under_load
    };
    let answers = tokio::join!(reader(), reader(), reader());
    assert!(
        answers.0 + answers.1 + answers.2 > ANSWERS_MIN,
        "{answers:?}"
    );
    service.wait_for_figure("pending", 0).await;
    let sent = feed.truth().sent;
    assert_eq!(service.figure("received").await?, sent.total());
    assert_eq!(service.figure("duplicates").await?, sent.duplicates);
    assert_eq!(service.figure("dead_lettered").await?, sent.invalid_total());
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}
