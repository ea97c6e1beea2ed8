//! What a broker has done and the service is not told of is done once.
//!
//! A proxy between them drops answers to produced records and to commits, and
//! then cuts the connection: the service cannot know, and must find out.

use anyhow::Result;
use kafka_test_kit::{Appetite, RobbedBroker, Stolen};

use crate::{
    broker_faults::{
        HEALTH_KNOWS_WITHIN, RESUMES_WITHIN, settle, steady_feed, wait_for_deliveries,
    },
    support::{Service, Topics, assert_all_delivered_once, wait_until},
};

/// Matches a second.
const FAST: f64 = 5000.0;
/// Back at once, so that much can be stolen in a short time.
const IMPATIENT: (&str, &str) = (
    "KAFKA_PROPERTIES",
    "reconnect.backoff.ms=5,reconnect.backoff.max.ms=20,retry.backoff.ms=10,\
     retry.backoff.max.ms=50",
);

/// Lets the thief work until that is `enough`; then nothing may be lost, and nothing twice.
async fn check(
    delivery: &str,
    seed: u64,
    appetite: Appetite,
    enough: impl Fn(Stolen) -> bool,
) -> Result<()> {
    let broker = RobbedBroker::start(seed).await?;
    let topics = Topics::create_on(&broker).await?;
    let feed = steady_feed(FAST).await?;
    let settings = [("KAFKA_DELIVERY", delivery), IMPATIENT];
    let robbed = topics.at(&broker.address());
    let service = Service::start(&feed.websocket_url(), &robbed, &settings).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    broker.steal(appetite);
    wait_until("enough acknowledgements are stolen", async || {
        enough(broker.stolen())
    })
    .await;
    broker.steal(Appetite::default());
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    settle(&feed, &service).await;
    assert_all_delivered_once(&feed, &topics).await?;
    assert_eq!(
        service.figure("published").await?,
        feed.truth().sent.total(),
        "each match counts as published, and as nothing else"
    );
    assert_eq!(
        feed.truth().connections_opened,
        1,
        "the feed had nothing to do with it"
    );
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_once_finds_out_what_was_committed() -> Result<()> {
    // There are twelve requests with records, one a partition, to one that commits.
    let appetite = Appetite {
        produced_per_mille: 50,
        committed_per_mille: 500,
    };
    check("exactly_once", 1, appetite, |stolen| {
        stolen.committed >= 15 && stolen.produced >= 100
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn at_least_once_repeats_nothing_as_long_as_its_producer_lives() -> Result<()> {
    let appetite = Appetite {
        produced_per_mille: 200,
        ..Appetite::default()
    };
    check("at_least_once", 2, appetite, |stolen| {
        stolen.produced >= 300
    })
    .await
}
