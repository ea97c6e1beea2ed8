//! Steam's sequence of matches: complete, and resumed wherever the process dies.

use std::{collections::BTreeSet, env, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use contracts::MatchSummaryRecord;
use domain::Timestamp;
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::UpstreamServer,
};
use kafka_kit::{embedded::TopicRecord, reader::Reader, settings::ClientSection, undecided::Sight};
use kafka_test_kit::{KafkaCluster, shared_broker, unique_topic};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use service_kit::config::SettingsReader;
use test_kit::secrets::assert_no_secret_was_said;
use tokio::time::{Instant, sleep};

use crate::support::{DEADLINE, PARTITIONS, Service, Topics, assert_none_is_missing, wait_until};

/// Kills in each run of the tests; `STEAM_KILLS` says how many in a longer one.
const KILLS: u32 = 5;

/// From so many on, a third of them has to come upon an open transaction.
const MANY: u32 = 20;

/// So many further matches are there for each life, which takes in fewer.
const MATCHES_A_LIFE: usize = 1_500;

/// Every match has ended long ago for whoever asks, so page after page is full.
fn upstream(kills: u32) -> SteamUpstream {
    SteamUpstream::new(SteamConfig {
        matches: 4_000 * (kills + 2),
        limits: SteamLimits::NONE,
        keys: vec!["zQzSteamKey".to_owned()],
        // Its clock stands, but for what `go_on` does.
        speed: 0,
        // The second pass, which looks for them, has nothing to do here.
        late_per_mille: 0,
        ..SteamConfig::new(World::new(1))
    })
}

/// Lets so many matches end that none of the next lives takes them all.
fn go_on(steam: &SteamUpstream) {
    while steam.exposed().len() < steam.told_count() + MATCHES_A_LIFE {
        let next_s = steam.now().unix_seconds() + 60;
        steam.advance_to(Timestamp::from_unix_seconds(next_s));
    }
}

/// Waits until it is to die: at some moment of its start, or once it has published
/// some, as soon as a transaction is open or at whatever moment.
async fn live(service: &Service, sight: &Sight, random: &mut StdRng) -> Result<()> {
    let chance = random.random_range(0..5);
    if chance == 0 {
        sleep(Duration::from_millis(random.random_range(0..1_000))).await;
        return Ok(());
    }
    let published_min = random.random_range(1..400);
    wait_until("some is published", async || {
        let published = service.figure("published").await;
        published.is_ok_and(|published| published >= published_min)
    })
    .await;
    if chance <= 2 {
        sleep(Duration::from_micros(random.random_range(0..100_000))).await;
        return Ok(());
    }
    let later = Duration::from_micros(random.random_range(0..10_000));
    tokio::task::block_in_place(|| {
        let begun = Instant::now();
        // A partition in which every page has some.
        let everything = [(0, i64::MAX)].into();
        while sight.hidden(&everything)?.is_none() && begun.elapsed() < DEADLINE {}
        std::thread::sleep(later);
        Ok(())
    })
}

/// What is open in a topic.
fn sight(topics: &Topics, topic: &str) -> Result<Sight> {
    let mut reader = SettingsReader::default();
    let mut client = ClientSection::DEFAULT.read(&mut reader, "sight");
    client
        .bootstrap_servers
        .clone_from(&topics.bootstrap_servers);
    Ok(Sight::open(&Reader::config(&client), topic)?)
}

/// How many transactions were given up, by the files of the broker: one for each
/// producer that died with something in it.
fn given_up(broker: &KafkaCluster, topics: &[&str]) -> Result<usize> {
    let mut producers = BTreeSet::new();
    for topic in topics {
        for partition in 0..PARTITIONS {
            let batches = broker.batches(topic, partition)?;
            let aborted = batches.iter().filter(|batch| batch.is_abort);
            producers.extend(aborted.map(|batch| (batch.producer, batch.epoch)));
        }
    }
    Ok(producers.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_match_is_left_out_or_repeated_however_often_the_service_is_killed() -> Result<()> {
    let kills = env::var("STEAM_KILLS").map_or(Ok(KILLS), |text| text.parse())?;
    let broker = shared_broker().await?;
    let topics = Topics::create_on(broker).await?;
    let summaries = unique_topic("match_summaries");
    broker.create_topic(&summaries, PARTITIONS, &[]).await?;
    let steam = upstream(kills);
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
    let sight = sight(&topics, &summaries)?;
    let mut random = StdRng::seed_from_u64(1);
    let begun = Instant::now();
    for _ in 0..kills {
        go_on(&steam);
        let service = Service::start("ws://127.0.0.1:9", &topics, &settings).await?;
        live(&service, &sight, &mut random).await?;
        service.signal("KILL")?;
    }
    let killed_s = begun.elapsed().as_secs();
    let mut exposed: Vec<i64> = steam.exposed().iter().map(|(_, id)| id.get()).collect();
    exposed.sort_unstable();
    let service = Service::start("ws://127.0.0.1:9", &topics, &settings).await?;
    wait_until("all is told", async || {
        steam.told_count() == exposed.len()
            && service.figure("pending").await.is_ok_and(|it| it == 0)
    })
    .await;
    let found = topics.published_ids(exposed.len()).await?;
    check("id", &exposed, &found);
    let records = topics.records(&summaries, exposed.len()).await?;
    check("summary", &exposed, &matches_of(&records)?);
    let within = given_up(broker, &[&topics.publish, &summaries])?;
    println!(
        "{kills} kills in {killed_s} s, {within} of them within a transaction; {} matches; {}",
        exposed.len(),
        restored(&service)
    );
    assert!(kills < MANY || within * 3 >= kills as usize, "{within}");
    assert!(
        service
            .metric(r#"ingestion_source_calls_total{source="steam_sequence",outcome="answered"}"#)
            .await?
            > 0
    );
    assert_no_secret_was_said(&service.log(), &service.errors())?;
    service.stop().await
}

/// Which matches summaries are of, sorted, repeated ones each time.
fn matches_of(records: &[TopicRecord]) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    for record in records {
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
    Ok(found)
}

/// What the start has read of the summaries before it.
fn restored(service: &Service) -> String {
    let lines = service.log();
    let mut lines = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_it = |line: &Value| {
        let said = line["message"].as_str().unwrap_or_default();
        said.starts_with("read the newest summaries")
    };
    let Some(line) = lines.find(is_it) else {
        return "no summaries were read".to_owned();
    };
    let (count, duration_ms) = (&line["matches"], &line["duration_ms"]);
    format!("the last start has read {count} summaries in {duration_ms} ms")
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
