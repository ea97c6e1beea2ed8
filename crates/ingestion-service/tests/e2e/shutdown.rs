//! The end of the process: in time, with everything accounted for.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, Result};
use feed_simulator::{Config, RunningSimulator, UpgradeFault};
use kafka_test_kit::KafkaCluster;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpSocket},
    time::Instant,
};

use crate::support::{Service, Topics, assert_all_delivered_once, feed, wait_until};

/// An end that has nothing to wait for comes within this time.
const PROMPTLY: Duration = Duration::from_secs(3);
/// Kafka is given four seconds to acknowledge something.
const WITHOUT_KAFKA_MAX: Duration = Duration::from_secs(8);
/// For tests that see time run out.
const SHORT_TIMEOUT: [(&str, &str); 1] = [("SHUTDOWN_TIMEOUT", "3s")];
/// These three seconds, and what a busy machine takes to send a signal and to
/// see a process end.
const SHORT_TIMEOUT_MAX: Duration = Duration::from_millis(3500);

/// An address where connections are refused for as long as it is held.
struct Nobody {
    /// Bound, so that no one else gets the port, and not listening.
    _socket: TcpSocket,
    address: SocketAddr,
}

impl Nobody {
    fn try_new() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self {
            address: socket.local_addr()?,
            _socket: socket,
        })
    }

    fn topics(&self) -> Topics {
        Topics::named_only(&self.address.to_string())
    }
}

/// A feed that is connected and sends nothing.
async fn silent_feed() -> Result<RunningSimulator> {
    feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await
}

/// The state of the only feed, as the HTTP interface names it.
async fn wait_for_feed_state(service: &Service, state: &str) {
    wait_until(&format!("the feed is {state}"), async || {
        let Ok((_, body)) = service.get("/api/v1/ingestion").await else {
            return false;
        };
        serde_json::from_str::<Value>(&body).is_ok_and(|it| it["sources"][0]["state"] == state)
    })
    .await;
}

/// Sends a signal, and asserts that the process ends promptly with exit code 0.
async fn assert_ends(mut service: Service, signal: &str) -> Result<()> {
    let begun = Instant::now();
    service.signal(signal)?;
    let (code, last) = service.ended().await?;
    assert_eq!(
        (code, &last["ledger.pending"]),
        (0, &Value::from(0)),
        "{signal}"
    );
    assert!(
        begun.elapsed() < PROMPTLY,
        "{signal} took {:?}",
        begun.elapsed()
    );
    Ok(())
}

/// Asserts that the topic holds what the ledger says, once, and all that the
/// feed knows to have been read.
async fn assert_topic_is_what_was_read(
    feed: &RunningSimulator,
    topics: &Topics,
    ledger: &Value,
) -> Result<()> {
    assert_eq!(
        ledger["ledger.received"], ledger["ledger.published"],
        "{ledger}"
    );
    let published = ledger["ledger.published"]
        .as_u64()
        .context("it is a number")?;
    let mut found = topics.published_ids(usize::try_from(published)?).await?;
    assert_eq!(found.len() as u64, published, "records in the topic");
    let is_missing = |id: &i64| found.binary_search(id).is_err();
    let missing = feed.ids_proved().into_iter().filter(is_missing).count();
    assert_eq!(missing, 0, "read by the service and not in the topic");
    found.dedup();
    assert_eq!(
        found.len() as u64,
        published,
        "different matches in the topic"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_under_full_load_loses_nothing_that_was_read() -> Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(10);
    let topics = Topics::create().await?;
    let feed = feed(Config::default()).await?;
    let timeout = [("SHUTDOWN_TIMEOUT", "10s")];
    let mut service = Service::start(&feed.websocket_url(), &topics, &timeout).await?;
    service.wait_for_figure_above("published", 50_000).await;

    let begun = Instant::now();
    service.signal("TERM")?;
    let (code, last) = service.ended().await?;
    assert!(begun.elapsed() < TIMEOUT, "{:?}", begun.elapsed());
    assert_eq!(
        (code, &last["ledger.pending"]),
        (0, &Value::from(0)),
        "{last}"
    );
    assert_topic_is_what_was_read(&feed, &topics, &last).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_ends_at_once_where_nothing_is_pending() -> Result<()> {
    let nobody = Nobody::try_new()?;
    let topics = nobody.topics();
    // Connections are taken by the system, and nobody answers.
    let unanswering = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let unanswering_url = format!("ws://{}/", unanswering.local_addr()?);
    let refusing = silent_feed().await?;
    refusing.refuse(UpgradeFault::AcceptThenClose);
    let silent = silent_feed().await?;
    for signal in ["TERM", "INT"] {
        let connecting = Service::start(&unanswering_url, &topics, &[]).await?;
        let _connection = unanswering.accept().await?;
        wait_for_feed_state(&connecting, "connecting").await;
        let waiting = Service::start(&refusing.websocket_url(), &topics, &[]).await?;
        wait_for_feed_state(&waiting, "reconnecting").await;
        let without_kafka = Service::start(&silent.websocket_url(), &topics, &[]).await?;
        wait_for_feed_state(&without_kafka, "connected").await;
        for service in [connecting, waiting, without_kafka] {
            assert_ends(service, signal).await?;
        }
    }
    Ok(())
}

/// A service that finds no Kafka, with so many matches of a feed in memory.
async fn with_pending_matches(
    count: u64,
    further: &[(&str, &str)],
) -> Result<(Service, Nobody, RunningSimulator)> {
    let nobody = Nobody::try_new()?;
    let feed = feed(Config {
        count: Some(count),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &nobody.topics(), further).await?;
    service.wait_for_figure("pending", count).await;
    Ok((service, nobody, feed))
}

/// Asserts that it ends well, with so many matches left in the journal.
async fn assert_ends_with_a_journal(mut service: Service, count: u64) -> Result<()> {
    let (code, last) = service.ended().await?;
    assert_eq!(
        (code, &last["ledger.pending"]),
        (0, &Value::from(count)),
        "{last}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_what_is_pending_is_left_in_the_journal() -> Result<()> {
    for signal in ["TERM", "INT", "HUP", "QUIT"] {
        let (service, _nobody, _feed) = with_pending_matches(123, &[]).await?;
        let begun = Instant::now();
        service.signal(signal)?;
        assert_ends_with_a_journal(service, 123).await?;
        let took = begun.elapsed();
        assert!(took < WITHOUT_KAFKA_MAX, "{signal}: {took:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_journal_does_not_keep_the_process_from_ending() -> Result<()> {
    let nobody = Nobody::try_new()?;
    let feed = feed(Config::default()).await?;
    let service = Service::start(&feed.websocket_url(), &nobody.topics(), &SHORT_TIMEOUT).await?;
    service.wait_for_figure_above("pending", 200_000).await;
    let begun = Instant::now();
    service.signal("TERM")?;
    let mut service = service;
    let (code, last) = service.ended().await?;
    assert_eq!(code, 0, "{last}");
    assert_eq!(last["ledger.pending"], last["ledger.received"], "{last}");
    assert!(begun.elapsed() < SHORT_TIMEOUT_MAX, "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_waiting() -> Result<()> {
    let (service, _nobody, _feed) = with_pending_matches(45, &[]).await?;
    service.signal("TERM")?;
    wait_until("it is draining", async || {
        service.get("/readyz").await.is_ok_and(|it| it.0 == 503)
    })
    .await;
    let begun = Instant::now();
    service.signal("INT")?;
    assert_ends_with_a_journal(service, 45).await?;
    assert!(begun.elapsed() < PROMPTLY / 2, "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_http_interface_answers_to_the_end_and_the_next_start_delivers_the_rest() -> Result<()>
{
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    let feed = feed(Config {
        rate: 1000.0,
        ..Config::default()
    })
    .await?;
    let journal = tempfile::tempdir()?;
    let journal_dir = journal.path().display().to_string();
    let settings = [("JOURNAL_DIR", journal_dir.as_str())];
    let mut service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    service.wait_for_figure_above("published", 0).await;

    cluster.pause(0)?;
    service.wait_for_figure_above("pending", 1000).await;
    service.signal("TERM")?;
    wait_until("it is draining", async || {
        service.get("/readyz").await.is_ok_and(|it| it.0 == 503)
    })
    .await;
    assert_eq!(service.get("/livez").await?.0, 200);
    assert_eq!(service.get("/metrics").await?.0, 200);
    let (code, first) = service.ended().await?;
    assert_eq!(code, 0, "{first}");
    let pending = first["ledger.pending"].as_u64().context("a number")?;
    assert!(pending > 1000, "{first}");

    cluster.resume(0)?;
    feed.pause();
    let mut service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_until("all that was left is delivered", async || {
        let received = service.figure("received").await.unwrap_or_default();
        received >= pending && service.figure("pending").await.is_ok_and(|it| it == 0)
    })
    .await;
    service.signal("TERM")?;
    let (code, last) = service.ended().await?;
    assert_eq!((code, &last["ledger.pending"]), (0, &Value::from(0)));
    let mut read = feed.ids_proved();
    read.sort_unstable();
    let mut found = topics.published_ids(read.len()).await?;
    let missing = read.iter().filter(|id| found.binary_search(id).is_err());
    assert_eq!(
        missing.count(),
        0,
        "read by the service and not in the topic"
    );
    let records = found.len();
    found.dedup();
    assert_eq!(records, found.len(), "once each");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_ended_early_leaves_the_journal_to_the_next() -> Result<()> {
    const COUNT: u64 = 300_000;
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    cluster.kill(0)?;
    let feed = feed(Config {
        count: Some(COUNT),
        ..Config::default()
    })
    .await?;
    let journal = tempfile::tempdir()?;
    let journal_dir = journal.path().display().to_string();
    let settings = [("JOURNAL_DIR", journal_dir.as_str())];
    let start = async || Service::start(&feed.websocket_url(), &topics, &settings).await;
    let service = start().await?;
    service.wait_for_figure("pending", COUNT).await;
    service.signal("TERM")?;
    assert_ends_with_a_journal(service, COUNT).await?;

    // The HTTP interface is there first, so the journal is being looked through.
    let mut early = start().await?;
    let begun = Instant::now();
    early.signal("TERM")?;
    assert_eq!(early.ended().await?.0, 0);
    assert!(begun.elapsed() < WITHOUT_KAFKA_MAX, "{:?}", begun.elapsed());
    // Now it waits for the window, which nobody can restore without Kafka.
    let waiting = start().await?;
    waiting.wait_for_figure("pending", COUNT).await;
    let begun = Instant::now();
    waiting.signal("TERM")?;
    assert_ends_with_a_journal(waiting, COUNT).await?;
    assert!(begun.elapsed() < WITHOUT_KAFKA_MAX, "{:?}", begun.elapsed());

    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    let delivering = start().await?;
    delivering.wait_for_figure_above("published", 0).await;
    delivering.stop().await?;
    assert_all_delivered_once(&feed, &topics).await
}
