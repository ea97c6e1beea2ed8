//! What operators do to Kafka while the service runs needs nothing done to the service.

use std::{collections::HashSet, time::Duration};

use anyhow::Result;
use kafka_test_kit::{KafkaCluster, shared_broker};

use crate::{
    broker_faults::{
        HEALTH_KNOWS_WITHIN, RESUMES_WITHIN, assert_nothing_happened, settle, steady_feed,
        wait_for_complaint, wait_for_deliveries,
    },
    support::{PARTITIONS, Service, Topics, wait_until_within},
};

/// Matches a second.
const RATE: f64 = 1000.0;
/// What comes in a second is at most so much.
const ONE_SECOND: u64 = 1500;

/// Waits until hardly anything is pending, and all is healthy.
async fn wait_until_caught_up(service: &Service, deadline: Duration) {
    wait_until_within(deadline, "all but a second is delivered", async || {
        let pending = service.figure("pending").await;
        pending.is_ok_and(|pending| pending < ONE_SECOND)
    })
    .await;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_added_are_used() -> Result<()> {
    let cluster = shared_broker().await?;
    let topics = Topics::create().await?;
    let feed = steady_feed(RATE).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    let more = 2 * PARTITIONS;
    cluster.add_partitions(&topics.publish, more).await?;
    let before = service.figure("published").await?;
    // The service asks for the topic once a second.
    service
        .wait_for_figure_above("published", before + 4 * ONE_SECOND)
        .await;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    settle(&feed, &service).await;
    let count = usize::try_from(service.figure("published").await?)?;
    let records = topics.published(count).await?;
    let used: HashSet<_> = records.iter().map(|record| record.partition).collect();
    assert_eq!(used.len(), more, "{used:?}");
    assert_nothing_happened(&feed, service, &topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_may_move_and_a_broker_may_be_replaced() -> Result<()> {
    let cluster = KafkaCluster::start(3).await?;
    let topics = Topics::create_on(&cluster).await?;
    let feed = steady_feed(RATE).await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    // It hands its partitions over, and goes.
    cluster.terminate(0)?;
    cluster.wait_for_brokers(2).await?;
    wait_until_caught_up(&service, RESUMES_WITHIN).await;

    // Another one takes its place, without any of its data.
    cluster.replace(0)?;
    cluster.wait_until_it_answers().await?;
    wait_until_caught_up(&service, RESUMES_WITHIN).await;

    // As soon as it holds all there is, it leads again what it led before.
    wait_until_within(
        Duration::from_secs(20),
        "the leaders move back",
        async || cluster.elect_preferred_leaders().await.is_ok(),
    )
    .await;
    wait_until_caught_up(&service, RESUMES_WITHIN).await;
    assert_nothing_happened(&feed, service, &topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_producer_says_so_and_catches_up_without_the_limit() -> Result<()> {
    let cluster = shared_broker().await?;
    let topics = Topics::create().await?;
    let feed = steady_feed(RATE).await?;
    // The limit is for this one only.
    let name = ("SERVICE_NAME", topics.publish.as_str());
    let service = Service::start(&feed.websocket_url(), &topics, &[name]).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    // A tenth of what it sends.
    cluster.limit_producer(name.1, Some(4000.0)).await?;
    wait_for_complaint(
        &service,
        "kafka",
        "have not acknowledged the oldest record for",
    )
    .await;
    cluster.limit_producer(name.1, None).await?;
    // Requests that a broker has put off already are answered when their time has come.
    wait_until_caught_up(&service, Duration::from_secs(20)).await;
    assert_nothing_happened(&feed, service, &topics).await
}
