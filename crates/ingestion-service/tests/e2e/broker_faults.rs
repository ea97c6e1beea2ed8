//! Whatever happens to Kafka, nothing is lost, and health says what is wrong.
//!
//! Nothing is twice in the topic either where the brokers keep what they know
//! of the producer: it numbers its records. Delivery is at least once all the
//! same, so where that knowledge goes with a topic only losses are looked for.

use std::time::Duration;

use anyhow::{Context as _, Result};
use feed_simulator::{Config, Rows, RunningSimulator};
use kafka_test_kit::{KafkaCluster, shared_broker};
use tokio::time::{Instant, sleep};

use crate::{
    support::{
        PARTITIONS, Service, Topics, assert_all_delivered_once, feed, wait_until, wait_until_within,
    },
    volume::BUSY_KIB_MAX,
};

/// Health knows a loss and a recovery within this time.
pub(crate) const HEALTH_KNOWS_WITHIN: Duration = Duration::from_secs(5);
/// Matches are delivered again within this time.
pub(crate) const RESUMES_WITHIN: Duration = Duration::from_secs(5);

/// A feed of so many matches a second.
pub(crate) async fn steady_feed(rate: f64) -> Result<RunningSimulator> {
    feed(Config {
        rate,
        ..Config::default()
    })
    .await
}

/// The reason of a check that is not healthy.
pub(crate) async fn complaint(service: &Service, check: &str) -> Result<Option<String>> {
    let (_, health) = service.health().await?;
    let checks = health["checks"].as_array().context("health has checks")?;
    let found = checks
        .iter()
        .find(|found| found["name"] == check)
        .context("there is such a check")?;
    let is_healthy = found["status"] == "healthy";
    Ok((!is_healthy).then(|| found["reason"].as_str().unwrap_or_default().to_owned()))
}

/// Waits until `check` complains with these words.
pub(crate) async fn wait_for_complaint(service: &Service, check: &str, words: &str) {
    wait_until(&format!("{check} complains: {words}"), async || {
        let complaint = complaint(service, check).await.ok().flatten();
        complaint.is_some_and(|reason| reason.contains(words))
    })
    .await;
}

/// Waits until more is published than now.
pub(crate) async fn wait_for_deliveries(service: &Service, deadline: Duration) -> Result<()> {
    let before = service.figure("published").await?;
    wait_until_within(deadline, "matches are delivered", async || {
        service
            .figure("published")
            .await
            .is_ok_and(|published| published > before)
    })
    .await;
    Ok(())
}

/// Ends the feed, and waits until the service has settled all that came from it.
pub(crate) async fn settle(feed: &RunningSimulator, service: &Service) {
    feed.pause();
    let sent = feed.truth().sent.total();
    service.wait_for_figure("received", sent).await;
    service.wait_for_figure("pending", 0).await;
}

/// Asserts that the brokers being back is soon known and used; then that
/// nothing was lost or repeated.
async fn assert_recovers(feed: &RunningSimulator, service: Service, topics: &Topics) -> Result<()> {
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    assert_nothing_happened(feed, service, topics).await
}

/// Asserts that nothing was lost or repeated, and ends the service.
pub(crate) async fn assert_nothing_happened(
    feed: &RunningSimulator,
    service: Service,
    topics: &Topics,
) -> Result<()> {
    settle(feed, &service).await;
    assert_all_delivered_once(feed, topics).await?;
    assert_eq!(
        feed.truth().connections_opened,
        1,
        "the feed had nothing to do with it"
    );
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_for_20_seconds_loses_nothing() -> Result<()> {
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    let feed = steady_feed(2000.0).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    cluster.kill(0)?;
    let killed = Instant::now();
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 503).await;
    wait_for_complaint(&service, "kafka", &topics.bootstrap_servers).await;
    sleep(Duration::from_secs(20).saturating_sub(killed.elapsed())).await;
    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    assert_recovers(&feed, service, &topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_frozen_for_10_seconds_loses_nothing() -> Result<()> {
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    let feed = steady_feed(1000.0).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    cluster.pause(0)?;
    let frozen = Instant::now();
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 503).await;
    sleep(Duration::from_secs(10).saturating_sub(frozen.elapsed())).await;
    cluster.resume(0)?;
    cluster.wait_until_it_answers().await?;
    assert_recovers(&feed, service, &topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_brokers_is_not_missed() -> Result<()> {
    let cluster = KafkaCluster::start(3).await?;
    let topics = Topics::create_on(&cluster).await?;
    let feed = steady_feed(500.0).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    cluster.kill(0)?;
    // The controllers give a broker 9 s to be heard of before its partitions move.
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 503).await;
    service.wait_for_health(Duration::from_secs(20), 200).await;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;
    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    assert_recovers(&feed, service, &topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_at_the_start_the_service_waits_for_it() -> Result<()> {
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    cluster.kill(0)?;
    let feed = steady_feed(1000.0).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_figure_above("pending", 2000).await;
    assert_eq!(service.get("/livez").await?.0, 200);
    assert_eq!(service.get("/readyz").await?.0, 200);
    assert_eq!(service.health().await?.0, 503);
    wait_for_complaint(&service, "kafka", &topics.bootstrap_servers).await;
    assert_eq!(service.figure("published").await?, 0);

    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    assert_recovers(&feed, service, &topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_journal_pushes_back_on_the_feed() -> Result<()> {
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    let feed = feed(Config {
        rows: Rows::Realistic,
        ..Config::default()
    })
    .await?;
    // So short that they would end the connection while it is not read.
    let settings = [
        ("OPENDOTA_STREAM_HEARTBEAT", "2s"),
        ("OPENDOTA_STREAM_IDLE_TIMEOUT", "8s"),
        ("JOURNAL_SIZE_MAX", "4MiB"),
    ];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    cluster.kill(0)?;
    wait_for_complaint(&service, "journal", "JOURNAL_SIZE_MAX").await;
    let mut held = (0, 0);
    wait_until("the feed cannot send any more", async || {
        let before = held;
        sleep(Duration::from_secs(1)).await;
        held = (
            feed.truth().sent.total(),
            service.figure("received").await.unwrap_or_default(),
        );
        held == before
    })
    .await;
    let pending = service.figure("pending").await?;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(
        held,
        (feed.truth().sent.total(), service.figure("received").await?)
    );
    assert_eq!(pending, service.figure("pending").await?);
    wait_for_complaint(&service, "backlog", "feeds are not read").await;
    assert!(
        feed.truth().frames_unproved < 200_000,
        "it is the socket that holds the feed back"
    );
    let peak = service.peak_memory_kib()?;
    assert!(peak < BUSY_KIB_MAX, "{peak} KiB");

    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    assert_recovers(&feed, service, &topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_named_with_the_command_that_makes_it() -> Result<()> {
    let cluster = shared_broker().await?;
    let topics = Topics::named_only(cluster.bootstrap_servers());
    let feed = feed(Config {
        rate: 1000.0,
        invalid_fraction: 0.1,
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    for (check, topic, partitions) in [
        ("publish_topic", &topics.publish, 12),
        ("dead_letter_topic", &topics.dead_letter, 1),
    ] {
        let reason = format!(
            "topic {topic} does not exist; create it: kafka-topics.sh --bootstrap-server {} \
             --create --topic {topic} --partitions {partitions}",
            topics.bootstrap_servers
        );
        wait_for_complaint(&service, check, &reason).await;
    }
    assert_eq!(service.health().await?.0, 503);
    assert_eq!(service.get("/readyz").await?.0, 200);
    // So many that librdkafka has given the first ones back.
    service.wait_for_figure_above("pending", 3000).await;
    assert_eq!(service.figure("published").await?, 0, "there is no topic");

    cluster.create_topic(&topics.publish, 12, &[]).await?;
    cluster.create_topic(&topics.dead_letter, 1, &[]).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    settle(&feed, &service).await;
    assert_all_delivered_once(&feed, &topics).await?;
    let invalid = feed.truth().sent.invalid_total();
    assert_eq!(
        topics.dead_lettered(usize::try_from(invalid)?).await?.len() as u64,
        invalid
    );
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_deleted_and_made_again_gets_all_that_was_pending() -> Result<()> {
    let cluster = shared_broker().await?;
    let topics = Topics::create().await?;
    let feed = steady_feed(1000.0).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    cluster.delete_topic(&topics.publish).await?;
    let sent_before = feed.ids_sent().len();
    wait_for_complaint(&service, "publish_topic", "does not exist").await;
    let published_before = service.figure("published").await?;
    service.wait_for_figure_above("pending", 2000).await;
    assert_eq!(
        service.figure("published").await?,
        published_before,
        "there is no topic"
    );
    cluster
        .create_topic(&topics.publish, PARTITIONS, &[])
        .await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    settle(&feed, &service).await;

    let published = service.figure("published").await? - published_before;
    let mut found = topics.published_ids(usize::try_from(published)?).await?;
    assert!(
        found.len() as u64 >= published,
        "{} of {published}",
        found.len()
    );
    found.dedup();
    assert!(
        found.len() as u64 >= published,
        "{} different of {published}",
        found.len()
    );
    let sent_later = feed.ids_sent().split_off(sent_before);
    let missing = sent_later
        .iter()
        .filter(|id| found.binary_search(id).is_err())
        .count();
    assert_eq!(missing, 0, "sent when the old topic was gone");
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_topic_deleted_and_made_again_gets_all_that_was_pending() -> Result<()> {
    let cluster = shared_broker().await?;
    let topics = Topics::create().await?;
    let feed = feed(Config {
        rate: 1000.0,
        invalid_fraction: 0.5,
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_figure_above("dead_lettered", 500).await;

    cluster.delete_topic(&topics.dead_letter).await?;
    wait_for_complaint(&service, "dead_letter_topic", "does not exist").await;
    let before = service.figure("dead_lettered").await?;
    service.wait_for_figure_above("pending", 1000).await;
    // They share the memory, but matches do not wait for them.
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;
    cluster.create_topic(&topics.dead_letter, 1, &[]).await?;
    wait_until_within(RESUMES_WITHIN, "dead letters are delivered", async || {
        service
            .figure("dead_lettered")
            .await
            .is_ok_and(|count| count > before)
    })
    .await;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    settle(&feed, &service).await;

    assert_all_delivered_once(&feed, &topics).await?;
    let invalid = feed.truth().sent.invalid_total();
    assert_eq!(service.figure("dead_lettered").await?, invalid);
    topics
        .dead_lettered(usize::try_from(invalid - before)?)
        .await?;
    service.stop().await
}
