//! Whatever a feed does: what it sent is in the topic, once, and health says what is wrong.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use feed_simulator::{
    Afterwards, Config, ConnectionPlan, Fault, FaultSchedule, RandomFaults, Rows, RunningSimulator,
    UpgradeFault,
};
use serde_json::Value;
use tokio::net::TcpSocket;

use crate::support::{
    Service, Topics, assert_all_delivered_once, feed, wait_until, wait_until_finished,
};

/// A lost feed, and one that is back, show in health within this time.
const HEALTH_TIME_MAX: Duration = Duration::from_secs(5);

/// So that a test with many faults need not wait long after each.
const QUICK_BACKOFF: [(&str, &str); 2] = [
    ("OPENDOTA_STREAM_BACKOFF_MIN", "10ms"),
    ("OPENDOTA_STREAM_BACKOFF_MAX", "100ms"),
];

fn scripted(plans: impl IntoIterator<Item = ConnectionPlan>) -> FaultSchedule {
    FaultSchedule {
        scripted: plans.into_iter().collect(),
        afterwards: Afterwards::NoFaults,
    }
}

async fn reconnects(service: &Service) -> Result<BTreeMap<String, u64>> {
    let (_, body) = service.get("/api/v1/ingestion").await?;
    let mut answer: Value = serde_json::from_str(&body)?;
    Ok(serde_json::from_value(
        answer["sources"][0]["reconnects"].take(),
    )?)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_costs_one_connection_and_no_match() -> Result<()> {
    let faults = [
        ("close:1000", "closed_by_upstream"),
        ("close:1001:going away", "closed_by_upstream"),
        ("close:1008:key expired", "closed_by_upstream"),
        ("close:1011", "closed_by_upstream"),
        ("close:1012", "closed_by_upstream"),
        ("close:1013:try again later", "closed_by_upstream"),
        ("close:4242:a code of their own", "closed_by_upstream"),
        ("reset", "connection_lost"),
        ("end-of-stream", "connection_lost"),
        ("half-open", "pong_timeout"),
        ("text-not-utf8", "not_utf8"),
        ("oversized:70000", "message_too_large"),
    ];
    let upgrade_faults = [
        ("accept-then-close", "connect_failed"),
        ("refuse:401", "upgrade_refused"),
        ("refuse:302", "upgrade_refused"),
        ("refuse:503", "upgrade_refused"),
        ("slow:20s", "connect_timeout"),
    ];
    let mut expected = BTreeMap::new();
    let mut plans = Vec::new();
    for (fault, reason) in faults {
        plans.push(ConnectionPlan::after_frames(500, fault.parse()?));
        *expected.entry(reason.to_owned()).or_insert(0) += 1;
    }
    for (fault, reason) in upgrade_faults {
        plans.push(ConnectionPlan::at_upgrade(fault.parse()?));
        *expected.entry(reason.to_owned()).or_insert(0) += 1;
    }
    let topics = Topics::create().await?;
    let config = Config {
        count: Some(10_000),
        faults: scripted(plans),
        ..Config::default()
    };
    let feed = feed(config).await?;
    let mut settings = QUICK_BACKOFF.to_vec();
    settings.push(("OPENDOTA_STREAM_HEARTBEAT", "2s"));
    settings.push(("OPENDOTA_STREAM_CONNECT_TIMEOUT", "2s"));
    settings.push(("OPENDOTA_STREAM_MESSAGE_SIZE_MAX", "64KiB"));
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_until_finished(&feed).await;

    assert_all_delivered_once(&feed, &topics).await?;
    assert_eq!(reconnects(&service).await?, expected);
    service.wait_for_figure("published", 10_000).await;
    assert_eq!(service.figure("dead_lettered").await?, 0);
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_reads_slowly_or_sends_fragments_or_is_slow_to_answer_is_kept() -> Result<()> {
    let plan = ConnectionPlan {
        upgrade: Some(UpgradeFault::Slow(Duration::from_millis(500))),
        ..ConnectionPlan::after_frames(
            100,
            Fault::SlowReader {
                bytes_per_second: 64,
            },
        )
    };
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(5_000),
        rows: Rows::Realistic,
        fragmented_fraction: 0.5,
        faults: scripted([plan]),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_until_finished(&feed).await;
    assert_all_delivered_once(&feed, &topics).await?;
    assert_eq!(feed.truth().connections_opened, 1);
    service.stop().await
}

/// A feed that has begun to flow, at a thousand matches a second.
async fn flowing_feed(
    topics: &Topics,
    settings: &[(&str, &str)],
) -> Result<(RunningSimulator, Service)> {
    let feed = feed(Config {
        count: Some(3_000),
        rate: 1_000.0,
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), topics, settings).await?;
    wait_until("matches flow", async || feed.truth().ids_proved > 0).await;
    service.wait_for_health(HEALTH_TIME_MAX, 200).await;
    Ok((feed, service))
}

#[tokio::test(flavor = "multi_thread")]
async fn health_names_a_lost_feed_within_five_seconds_and_its_return_too() -> Result<()> {
    let topics = Topics::create().await?;
    let (feed, service) = flowing_feed(&topics, &[]).await?;
    feed.refuse("refuse:503".parse()?);
    feed.cut(Fault::Reset);
    let name = feed.websocket_address().to_string();
    let reason = format!("{name} refused the upgrade with 503");
    service
        .wait_for_feed_health(HEALTH_TIME_MAX, "unhealthy", &reason)
        .await;
    let (status, health) = service.health().await?;
    assert_eq!(
        (status, &health["status"]),
        (503, &Value::from("unhealthy"))
    );
    for path in ["/livez", "/readyz"] {
        assert_eq!(
            service.get(path).await?.0,
            200,
            "{path} does not depend on the feed"
        );
    }

    feed.accept_again();
    service.wait_for_health(HEALTH_TIME_MAX, 200).await;
    wait_until_finished(&feed).await;
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_feed_is_left_after_heartbeat_and_pong_deadline() -> Result<()> {
    let topics = Topics::create().await?;
    let (feed, service) = flowing_feed(&topics, &[("OPENDOTA_STREAM_HEARTBEAT", "1s")]).await?;
    feed.cut(Fault::HalfOpen);
    let heartbeat_and_pong = Duration::from_secs(1 + 1);
    let margin = Duration::from_secs(1);
    let said = "a ping was not answered within 1s";
    service
        .wait_for_feed_health(heartbeat_and_pong + margin, "unhealthy", said)
        .await;
    service.wait_for_health(HEALTH_TIME_MAX, 200).await;
    wait_until_finished(&feed).await;
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_feed_stays_unhealthy_over_reconnects_until_data_flows() -> Result<()> {
    let topics = Topics::create().await?;
    let settings = [
        ("OPENDOTA_STREAM_IDLE_TIMEOUT", "1s"),
        ("OPENDOTA_STREAM_HEARTBEAT", "200ms"),
    ];
    let (feed, service) = flowing_feed(&topics, &settings).await?;
    // It still answers every ping.
    feed.pause();
    let idle_timeout = Duration::from_secs(1);
    service
        .wait_for_feed_health(
            idle_timeout + HEALTH_TIME_MAX,
            "unhealthy",
            "no data for 1s",
        )
        .await;
    let mut seen_connected = false;
    wait_until("it is left for silence a second time", async || {
        let (status, health) = service.health().await.expect("it answers");
        assert_eq!(status, 503, "{health}");
        seen_connected |= health
            .to_string()
            .contains("connected again, but no data yet");
        service
            .reconnects("idle_timeout")
            .await
            .expect("it is counted")
            >= 2
    })
    .await;
    assert!(seen_connected, "it was connected in between");
    assert_eq!(feed.truth().connections[0].client_close_code, Some(1000));

    feed.resume();
    service.wait_for_health(HEALTH_TIME_MAX, 200).await;
    wait_until_finished(&feed).await;
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}

/// How many connections a feed sees in its first ten seconds.
async fn connections_in_ten_seconds(plan: ConnectionPlan) -> Result<usize> {
    let topics = Topics::create().await?;
    let faults = FaultSchedule {
        afterwards: Afterwards::Always(plan),
        ..FaultSchedule::default()
    };
    let feed = feed(Config {
        faults,
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_until("the first connection", async || {
        feed.truth().connections_opened > 0
    })
    .await;
    let end_ms = feed.truth().connections[0].opened_ms + 10_000;
    wait_until("ten seconds are over", async || {
        feed.truth().elapsed_ms > end_ms
    })
    .await;
    let connections = feed.truth().connections;
    service.stop().await?;
    Ok(connections
        .iter()
        .filter(|connection| connection.opened_ms <= end_ms)
        .count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_accepts_and_closes_is_not_stormed() -> Result<()> {
    let close = Fault::Close {
        code: 1000,
        reason: String::new(),
    };
    let (before_upgrade, after_upgrade) = tokio::try_join!(
        connections_in_ten_seconds(ConnectionPlan::at_upgrade(UpgradeFault::AcceptThenClose)),
        connections_in_ten_seconds(ConnectionPlan::after_frames(0, close)),
    )?;
    // Four at least: it does not give up either.
    assert!(
        (4..=12).contains(&before_upgrade),
        "{before_upgrade} connections"
    );
    assert!(
        (4..=12).contains(&after_upgrade),
        "{after_upgrade} connections"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_obeyed_even_above_the_longest_backoff() -> Result<()> {
    let topics = Topics::create().await?;
    let faults = scripted([ConnectionPlan::at_upgrade("refuse:429:2".parse()?)]);
    let feed = feed(Config {
        count: Some(100),
        faults,
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &QUICK_BACKOFF).await?;
    wait_until_finished(&feed).await;
    let opened_ms: Vec<u64> = feed
        .truth()
        .connections
        .iter()
        .map(|it| it.opened_ms)
        .collect();
    assert!(
        (2_000..4_000).contains(&(opened_ms[1] - opened_ms[0])),
        "{opened_ms:?}"
    );
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_appears_after_the_service_is_found() -> Result<()> {
    // Bound but not listening, it keeps the port from others while connections are refused.
    let reserved = TcpSocket::new_v4()?;
    reserved.set_reuseaddr(true)?;
    reserved.bind("127.0.0.1:0".parse()?)?;
    let address = reserved.local_addr()?;
    let topics = Topics::create().await?;
    let service = Service::start(&format!("ws://{address}/matches"), &topics, &[]).await?;
    let reason = format!("connecting to {address} failed");
    service
        .wait_for_feed_health(HEALTH_TIME_MAX, "unhealthy", &reason)
        .await;
    assert_eq!(service.health().await?.0, 503);

    let feed = feed(Config {
        websocket_address: address,
        count: Some(1_000),
        ..Config::default()
    })
    .await?;
    service.wait_for_health(HEALTH_TIME_MAX, 200).await;
    wait_until_finished(&feed).await;
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_at_random_lose_nothing_and_repeat_nothing() -> Result<()> {
    const COUNT: u64 = 200_000;
    let faults = [
        "close:1001",
        "reset",
        "end-of-stream",
        "half-open",
        "silence:100ms",
        "text-not-utf8",
        "oversized:70000",
    ];
    let upgrade_faults = ["accept-then-close", "refuse:503", "slow:100ms"];
    let random = RandomFaults {
        faults: faults
            .iter()
            .map(|fault| fault.parse())
            .collect::<Result<_, _>>()?,
        frames_between_mean: 10_000,
        upgrade_faults: upgrade_faults
            .iter()
            .map(|fault| fault.parse())
            .collect::<Result<_, _>>()?,
        upgrade_fraction: 0.2,
    };
    let topics = Topics::create().await?;
    let feed = feed(Config {
        seed: 20_261_122,
        count: Some(COUNT),
        duplicate_fraction: 0.01,
        fragmented_fraction: 0.01,
        faults: FaultSchedule {
            afterwards: Afterwards::Random(random),
            ..FaultSchedule::default()
        },
        ..Config::default()
    })
    .await?;
    let mut settings = QUICK_BACKOFF.to_vec();
    settings.push(("OPENDOTA_STREAM_HEARTBEAT", "500ms"));
    settings.push(("OPENDOTA_STREAM_MESSAGE_SIZE_MAX", "64KiB"));
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_until_finished(&feed).await;
    service.wait_for_figure("published", COUNT).await;

    let truth = feed.truth();
    assert!(
        truth.connections_opened > 10,
        "{} connections",
        truth.connections_opened
    );
    assert!(service.figure("duplicates").await? >= truth.proved.duplicates);
    assert_eq!(service.figure("dead_lettered").await?, 0);
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}
