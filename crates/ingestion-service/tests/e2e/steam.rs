//! Steam's sequence of matches: complete, and resumed wherever the process dies.

use std::{env, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use contracts::MatchSummaryRecord;
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::UpstreamServer,
};
use kafka_test_kit::{shared_broker, unique_topic};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use test_kit::secrets::assert_no_secret_was_said;
use tokio::time::sleep;

use crate::support::{PARTITIONS, Service, Topics, assert_none_is_missing, wait_until};

/// Kills in each run of the tests; `STEAM_KILLS` says how many in a longer one.
const KILLS: u32 = 5;

/// So that there is something left for the last one.
const MATCHES_A_KILL: u32 = 600;

/// Every match has ended long ago, so page after page is full.
fn upstream(matches: u32) -> SteamUpstream {
    let steam = SteamUpstream::new(SteamConfig {
        matches,
        limits: SteamLimits::NONE,
        keys: vec!["zQzSteamKey".to_owned()],
        ..SteamConfig::new(World::new(1))
    });
    steam.advance_to_end();
    steam
}

#[tokio::test(flavor = "multi_thread")]
async fn no_match_is_left_out_or_repeated_however_often_the_service_is_killed() -> Result<()> {
    let kills = env::var("STEAM_KILLS").map_or(Ok(KILLS), |text| text.parse())?;
    let broker = shared_broker().await?;
    let topics = Topics::create_on(broker).await?;
    let summaries = unique_topic("match_summaries");
    broker.create_topic(&summaries, PARTITIONS, &[]).await?;
    let steam = upstream(MATCHES_A_KILL * (kills + 1));
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = UpstreamServer::start(steam.clone(), address).await?;
    let url = server.origin();
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("journal").display().to_string();
    let settings = [
        ("INGESTION_SOURCES", "steam-sequence"),
        ("STEAM_API_URL", url.as_str()),
        ("STEAM_API_KEYS", "zQzSteamKey"),
        ("STEAM_START", "0"),
        ("KAFKA_MATCH_SUMMARY_TOPIC", summaries.as_str()),
        ("JOURNAL_DIR", dir.as_str()),
    ];
    let mut exposed: Vec<i64> = steam.exposed().iter().map(|(_, id)| id.get()).collect();
    exposed.sort_unstable();
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..kills {
        let service = Service::start("ws://127.0.0.1:9", &topics, &settings).await?;
        // Before the first match, or with some under way.
        let published_min = random.random_range(0..400);
        wait_until("some is published", async || {
            let published = service.figure("published").await;
            published.is_ok_and(|published| published >= published_min)
                || steam.told_count() == exposed.len()
        })
        .await;
        sleep(Duration::from_millis(random.random_range(0..100))).await;
        service.signal("KILL")?;
    }
    let service = Service::start("ws://127.0.0.1:9", &topics, &settings).await?;
    wait_until("all is told", async || {
        steam.told_count() == exposed.len()
            && service.figure("pending").await.is_ok_and(|it| it == 0)
    })
    .await;
    let found = topics.published_ids(exposed.len()).await?;
    check("id", &exposed, &found);
    let records = topics.records(&summaries, exposed.len()).await?;
    let mut found = Vec::new();
    for record in &records {
        let headers = record.headers.iter();
        let headers = headers.map(|(name, value)| contracts::Header { name, value });
        let key = record.key.as_deref();
        let decoded =
            MatchSummaryRecord::decode(key, &record.value, headers).context("a summary")?;
        assert_eq!(decoded.source, "steam_sequence");
        assert!(decoded.summary.whole().is_some(), "{decoded:?}");
        found.push(decoded.summary.match_id.get());
    }
    found.sort_unstable();
    check("summary", &exposed, &found);
    assert!(
        service
            .metric(r#"ingestion_source_calls_total{source="steam_sequence",outcome="answered"}"#)
            .await?
            > 0
    );
    assert_no_secret_was_said(&service.log(), &service.errors())?;
    service.stop().await
}

fn check(what: &str, exposed: &[i64], found: &[i64]) {
    assert_none_is_missing(what, exposed, found);
    let repeated: Vec<_> = found
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .take(5)
        .collect();
    assert!(repeated.is_empty(), "more than one {what} of {repeated:?}");
    assert_eq!(found.len(), exposed.len(), "{what}");
}
