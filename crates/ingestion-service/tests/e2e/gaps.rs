//! What a feed misses: shown, kept over kills, closed by whoever can look back.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use domain::Timestamp;
use feed_simulator::{
    Afterwards, Config, ConnectionPlan, FaultSchedule, World,
    upstream::{CallFault, Limits, PageList, Upstream, UpstreamConfig, UpstreamServer},
};
use serde_json::Value;
use tokio::time::sleep;

use crate::support::{
    DEADLINE, Service, Topics, assert_none_is_missing, feed, wait_until, wait_until_within,
};

/// A list of pages that ends is looked at again and again before its end is believed.
const CLOSED_WITHIN: Duration = Duration::from_mins(3);

/// A feed that is cut once.
fn cut_after(frames: u64) -> Result<Config> {
    let plan = ConnectionPlan::after_frames(frames, "reset".parse()?);
    Ok(Config {
        rate: 100.0,
        count: Some(3_000),
        faults: FaultSchedule {
            scripted: [plan].into_iter().collect(),
            afterwards: Afterwards::NoFaults,
        },
        ..Config::default()
    })
}

/// Cause and state of every gap, the newest first.
async fn gaps(service: &Service) -> Result<Vec<(String, String)>> {
    let (status, body) = service.get("/api/v1/ingestion/gaps").await?;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&body)?;
    let text = |gap: &Value, field: &str| gap[field].as_str().unwrap_or_default().to_owned();
    let gaps = answer["gaps"].as_array().context("a list")?;
    for gap in gaps {
        assert_eq!(gap["source"], "opendota_stream");
        let (from, to) = (text(gap, "from"), text(gap, "to"));
        assert!(!from.is_empty() && (to.is_empty() || from <= to), "{gap}");
    }
    Ok(gaps
        .iter()
        .map(|gap| (text(gap, "cause"), text(gap, "state")))
        .collect())
}

async fn wait_for_gaps(service: &Service, expected: &[(&str, &str)]) {
    wait_for_gaps_within(DEADLINE, service, expected).await;
}

async fn wait_for_gaps_within(deadline: Duration, service: &Service, expected: &[(&str, &str)]) {
    wait_until_within(
        deadline,
        &format!("the gaps are {expected:?}"),
        async || {
            let found = gaps(service).await.unwrap_or_default();
            let found = found.iter().map(|(cause, state)| (&**cause, &**state));
            found.eq(expected.iter().copied())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_tell_any_more_is_lost_and_not_forgotten_over_kills() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(cut_after(300)?).await?;
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("journal").display().to_string();
    let settings = [("JOURNAL_DIR", dir.as_str())];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_until("some is published", async || {
        service.figure("published").await.is_ok_and(|it| it > 100)
    })
    .await;
    assert_eq!(gaps(&service).await?, [], "it is the first process of all");
    wait_for_gaps(&service, &[("connection_lost", "lost")]).await;
    service.wait_for_health(Duration::from_secs(5), 200).await;
    // What has changed is kept within a second.
    sleep(Duration::from_secs(3)).await;
    service.signal("KILL")?;

    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_for_gaps(
        &service,
        &[("restart", "lost"), ("connection_lost", "lost")],
    )
    .await;
    assert_eq!(service.metric("ingestion_gaps_lost_total").await?, 2);
    assert_eq!(service.metric(r#"ingestion_gaps{state="lost"}"#).await?, 2);
    let (_, health) = service.health().await?;
    let checks = health["checks"].as_array().context("checks")?;
    let check = checks.iter().find(|check| check["name"] == "gaps");
    let reason = check.context("gaps")?["reason"].as_str();
    assert!(
        reason.is_some_and(|it| it.contains("2 gaps are lost")),
        "{health}"
    );
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_close_what_the_stream_missed_and_every_match_is_there_once() -> Result<()> {
    let world = World::new(1);
    let now = Timestamp::from_unix_seconds(world.begin().unix_seconds() + 30 * 60);
    let pages = Upstream::new(UpstreamConfig {
        matches: Some(2_500),
        limits: Limits {
            per_minute: u32::MAX,
            per_day: None,
        },
        ..UpstreamConfig::new(world, now)
    });
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = UpstreamServer::start(pages.clone(), address).await?;
    let url = server.url();
    let topics = Topics::create().await?;
    let feed = feed(cut_after(300)?).await?;
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("journal").display().to_string();
    let settings = [
        ("INGESTION_SOURCES", "opendota-stream,opendota-pages"),
        ("OPENDOTA_API_URL", url.as_str()),
        ("OPENDOTA_API_KEY", "a-key"),
        ("JOURNAL_DIR", dir.as_str()),
    ];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_for_gaps(&service, &[("connection_lost", "repairing")]).await;
    // What the first minute permits may be used up.
    wait_until_within(
        CLOSED_WITHIN,
        "the pages were seen once and say when they will have closed it",
        async || {
            let answer = service.get("/api/v1/ingestion/gaps").await;
            answer.is_ok_and(|(_, body)| !body.contains(r#""expected_end":null"#))
        },
    )
    .await;
    service.stop().await?;

    // Matches end while there is no process. The pages cannot be asked before the
    // stream is heard again, so the round that begins then closes the gap.
    let end = pages.now().unix_seconds() + 3 * 3_600;
    pages.advance_to(Timestamp::from_unix_seconds(end));
    let refused: CallFault = "refuse:502".parse()?;
    pages.script(vec![Some(refused); 3]);
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    // They followed each other closely: it is one gap.
    let closed = [("connection_lost", "closed")];
    wait_for_gaps_within(CLOSED_WITHIN, &service, &closed).await;
    assert_eq!(service.metric("ingestion_gaps_lost_total").await?, 0);
    let exposed = pages.exposed(PageList::Public);
    let mut exposed: Vec<i64> = exposed.iter().map(|id| id.get()).collect();
    exposed.sort_unstable();
    // What closed them was handed over, so it is published when the service ends.
    service.stop().await?;
    let found = topics.published_ids(exposed.len()).await?;
    assert_none_is_missing("match of the pages", &exposed, &found);
    let is_repeated = found.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(!is_repeated, "a match is there more than once");
    Ok(())
}
