//! Pages of matches: every row that appears is published once, over a kill.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use contracts::MatchSummaryRecord;
use domain::Timestamp;
use feed_simulator::{
    World,
    upstream::{CallFault, Limits, PageList, Upstream, UpstreamConfig, UpstreamServer},
};
use kafka_test_kit::{shared_broker, unique_topic};
use serde_json::Value;
use test_kit::secrets::assert_no_secret_was_said;

use crate::support::{PARTITIONS, Service, Topics, assert_none_is_missing, wait_until};

const KEY: &str = "zQzOpenDotaKey";

/// Matches that have started within three minutes, of which a part has ended.
fn upstream() -> Upstream {
    let world = World::new(1);
    let now = Timestamp::from_unix_seconds(world.begin().unix_seconds() + 30 * 60);
    Upstream::new(UpstreamConfig {
        matches: Some(2_500),
        hidden_per_mille: 50,
        limits: Limits {
            per_minute: u32::MAX,
            per_day: None,
        },
        ..UpstreamConfig::new(world, now)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_published_once_with_what_they_say_wherever_they_appear_and_over_a_kill()
-> Result<()> {
    let broker = shared_broker().await?;
    let topics = Topics::create_on(broker).await?;
    let summaries = unique_topic("match_summaries");
    broker.create_topic(&summaries, PARTITIONS, &[]).await?;
    let pages = upstream();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = UpstreamServer::start(pages.clone(), address).await?;
    let url = server.url();
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("journal").display().to_string();
    let settings = [
        ("INGESTION_SOURCES", "opendota-pages"),
        ("OPENDOTA_API_URL", url.as_str()),
        ("OPENDOTA_API_KEY", KEY),
        ("KAFKA_MATCH_SUMMARY_TOPIC", summaries.as_str()),
        ("JOURNAL_DIR", dir.as_str()),
    ];
    // A page in the middle of which nothing can be read.
    pages.script([None, Some(CallFault::OddRow)]);
    let service = Service::start("ws://127.0.0.1:9", &topics, &settings).await?;
    wait_until("some is published", async || {
        let published = service.figure("published").await;
        published.is_ok_and(|published| published >= 300)
    })
    .await;
    service.signal("KILL")?;
    // It is gone when this returns, and the journal is free.
    drop(service);
    // What has run then appears below and between what was there before.
    let end = pages.now().unix_seconds() + 3 * 3_600;
    pages.advance_to(Timestamp::from_unix_seconds(end));
    let exposed = pages.exposed(PageList::Public);
    let mut exposed: Vec<i64> = exposed.iter().map(|id| id.get()).collect();
    exposed.sort_unstable();
    let service = Service::start("ws://127.0.0.1:9", &topics, &settings).await?;
    // It knows the topic, and not what it had seen: so all of it is received again.
    wait_until("all of it is received", async || {
        let received = service.figure("received").await;
        received.is_ok_and(|received| received >= exposed.len() as u64)
            && service.figure("pending").await.is_ok_and(|it| it == 0)
    })
    .await;
    let found = topics.published_ids(exposed.len()).await?;
    assert_once("id", &exposed, &found);
    let records = topics.records(&summaries, exposed.len()).await?;
    let mut told: Vec<i64> = Vec::new();
    for record in &records {
        let headers = record.headers.iter();
        let headers = headers.map(|(name, value)| contracts::Header { name, value });
        let key = record.key.as_deref();
        let decoded =
            MatchSummaryRecord::decode(key, &record.value, headers).context("a summary")?;
        assert_eq!(decoded.source, "opendota_pages");
        let summary = decoded.summary;
        assert!(summary.whole().is_some(), "{summary:?}");
        told.push(summary.match_id.get());
    }
    told.sort_unstable();
    told.dedup();
    assert_none_is_missing("summary", &exposed, &told);
    check_what_is_shown(&service).await?;
    assert_no_secret_was_said(&service.log(), &service.errors())?;
    service.stop().await
}

async fn check_what_is_shown(service: &Service) -> Result<()> {
    let answered = r#"ingestion_source_calls_total{source="opendota_pages",outcome="answered"}"#;
    assert!(service.metric(answered).await? > 20);
    let left = r#"ingestion_source_budget_left{source="opendota_pages",window="minute"}"#;
    assert!(service.metric(left).await? > 1_000_000);
    let (_, answer) = service.get("/api/v1/ingestion").await?;
    let answer: Value = serde_json::from_str(&answer)?;
    let source = &answer["sources"][0];
    assert_eq!(source["source"], "opendota_pages");
    assert!(source["calls"]["answered"].as_u64() > Some(20), "{source}");
    assert!(source["behind_seconds"]["public"].is_number(), "{source}");
    let (_, health) = service.health().await?;
    let checks = health["checks"].as_array().context("checks")?;
    for name in ["feed.opendota_pages", "pages.opendota_pages"] {
        let check = checks.iter().find(|check| check["name"] == name);
        assert_eq!(check.context(name)?["status"], "healthy", "{health}");
    }
    Ok(())
}

fn assert_once(what: &str, exposed: &[i64], found: &[i64]) {
    assert_none_is_missing(what, exposed, found);
    let is_repeated = found.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(!is_repeated, "an {what} is there more than once");
    assert_eq!(found.len(), exposed.len(), "{what}");
}
