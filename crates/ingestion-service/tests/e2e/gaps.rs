//! What a feed misses: shown, and kept over kills.

use std::time::Duration;

use anyhow::{Context as _, Result};
use feed_simulator::{Afterwards, Config, ConnectionPlan, FaultSchedule};
use serde_json::Value;
use tokio::time::sleep;

use crate::support::{Service, Topics, feed, wait_until};

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
    wait_until(&format!("the gaps are {expected:?}"), async || {
        let found = gaps(service).await.unwrap_or_default();
        let found = found.iter().map(|(cause, state)| (&**cause, &**state));
        found.eq(expected.iter().copied())
    })
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
