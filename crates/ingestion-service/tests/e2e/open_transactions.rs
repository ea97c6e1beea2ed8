//! Somebody else's transaction, open in the publish topic over a restart.

use anyhow::Result;
use feed_simulator::Config;
use kafka_kit::embedded::OpenTransaction;

use crate::support::{
    DEADLINE, PARTITIONS, Service, Topics, assert_all_delivered_once, feed, wait_until,
};

const MATCHES: u64 = 300;

/// The matches that are to be sent twice.
fn matches() -> Config {
    Config {
        seed: 20_261_129,
        rate: 60.0,
        count: Some(MATCHES),
        ..Config::default()
    }
}

/// Leaves a record in every partition, as a service does that is killed.
async fn left_open(topics: &Topics) -> Result<OpenTransaction> {
    let partitions = 0..i32::try_from(PARTITIONS)?;
    let records = partitions.map(|partition| (partition, r#"{"match_id":1}"#.to_owned()));
    let (servers, topic) = (&topics.bootstrap_servers, &topics.publish);
    let id = format!("killed.{topic}");
    Ok(OpenTransaction::begin(servers, topic, &id, records.collect()).await?)
}

/// Waits until health is not well because of that transaction.
async fn wait_until_named(service: &Service, status: &str) {
    let what = format!("the publish topic is {status} because of an open transaction");
    wait_until(&what, async || {
        service.health().await.is_ok_and(|(_, health)| {
            let checks = health["checks"].as_array().cloned().unwrap_or_default();
            checks.iter().any(|check| {
                let said = check["reason"].as_str().unwrap_or_default();
                check["name"] == "publish_topic"
                    && check["status"] == status
                    && said.contains("a transaction of another producer is open")
                    && said.contains("kafka-transactions.sh")
            })
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_an_open_transaction_is_not_published_again() -> Result<()> {
    let topics = Topics::create().await?;
    let first_feed = feed(matches()).await?;
    let first = Service::start(&first_feed.websocket_url(), &topics, &[]).await?;
    first.wait_for_figure_above("published", 0).await;
    let open = left_open(&topics).await?;
    first.wait_for_figure("published", MATCHES).await;
    wait_until_named(&first, "degraded").await;
    first.stop().await?;

    let feed = feed(matches()).await?;
    let renamed = [("SERVICE_NAME", "renamed")];
    let second = Service::start(&feed.websocket_url(), &topics, &renamed).await?;
    wait_until_named(&second, "unhealthy").await;
    second.wait_for_figure("pending", MATCHES).await;
    assert_eq!(second.figure("published").await?, 0, "it waits");
    open.abort().await?;
    second.wait_for_figure("duplicates", MATCHES).await;
    second.wait_for_health(DEADLINE, 200).await;
    second.stop().await?;
    assert_all_delivered_once(&feed, &topics).await
}
