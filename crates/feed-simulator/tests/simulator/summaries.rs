//! The topic of summaries, judged by the rules of its consumers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use contracts::{Header, MatchSummaryRecord, RejectedRecord, version};
use domain::{CountingRules, MatchId, Timestamp};
use feed_simulator::{
    Config, Simulator, World,
    summaries::{
        Knowledge, Summaries, SummariesConfig, SummaryProducer, SummaryRecord, follow_feed,
    },
};
use kafka_kit::embedded::{EmbeddedBroker, ReadFrom, TopicReader};

use tokio_util::sync::CancellationToken;

use crate::support::{DEADLINE, read_all};

const TOPIC: &str = "match_summaries";

fn config(count: u64) -> SummariesConfig {
    SummariesConfig::new(World::new(1), count)
}

/// Everything at once: both sources, repetitions, corrections and mistakes.
fn disturbed(count: u64) -> SummariesConfig {
    SummariesConfig {
        sources: vec![Knowledge::Pages, Knowledge::Sequence],
        repeat_fraction: 0.1,
        correct_fraction: 0.05,
        invalid_fraction: 0.05,
        ..config(count)
    }
}

fn judge(record: &SummaryRecord) -> Result<MatchSummaryRecord<'_>, RejectedRecord> {
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| Header { name, value });
    MatchSummaryRecord::decode(Some(&record.key), &record.value, headers)
}

#[test]
fn records_are_what_the_world_knows_and_in_the_asked_shares() {
    let mut summaries = Summaries::try_new(disturbed(2_000)).expect("a good configuration");
    let world = World::new(1);
    let (mut seen, mut repeated) = (HashSet::new(), 0);
    let mut rejected: BTreeMap<&str, u64> = BTreeMap::new();
    // By match: the version of the latest answer, and its result.
    let mut latest: HashMap<MatchId, (u64, bool)> = HashMap::new();
    let mut corrected = 0;
    for record in &mut summaries {
        let decoded = match judge(&record) {
            Ok(decoded) => decoded,
            Err(why) => {
                *rejected.entry(why.reason()).or_default() += 1;
                continue;
            }
        };
        repeated += u64::from(!seen.insert(record.clone()));
        let original = world.at(decoded.summary.match_id);
        let told = decoded.summary.whole().expect("all that counts is told");
        corrected += u64::from(told.duration_seconds != original.played.duration_seconds);
        assert!(decoded.received_at > original.end_time());
        let is_sequence = decoded.source == "steam_sequence";
        assert_eq!(
            decoded.summary.players.len(),
            if is_sequence { 10 } else { 0 }
        );
        let version = version(decoded.received_at, &record.value);
        let newest = latest.entry(told.id).or_insert((0, false));
        *newest = (*newest).max((version, told.radiant_win));
    }
    let sent = summaries.into_sent();
    assert_eq!((sent.matches, sent.ids_digest.count()), (2_000, 2_000));
    assert_eq!(sent.repeated, repeated);
    assert_eq!(sent.invalid, rejected);
    assert_eq!(
        rejected.len(),
        RejectedRecord::REASONS.len(),
        "{rejected:?}"
    );
    assert_eq!(
        sent.records,
        4_000 + sent.repeated + sent.corrected + sent.invalid_total()
    );
    // Some of the repetitions are corrections again.
    assert!(
        sent.corrected <= corrected && sent.corrected > 150,
        "{corrected} of {}",
        sent.corrected
    );
    assert_eq!(latest.len(), 2_000);
    for found in sent.final_matches() {
        let (_, radiant_win) = latest[&found.played.id];
        assert_eq!(radiant_win, found.played.radiant_win, "{}", found.played.id);
    }
}

#[test]
fn records_follow_from_the_configuration_and_arrive_out_of_order() {
    let take = |config| {
        Summaries::try_new(config)
            .expect("a good configuration")
            .collect::<Vec<_>>()
    };
    let records = take(disturbed(500));
    assert_eq!(records, take(disturbed(500)));
    assert_ne!(
        records,
        take(SummariesConfig {
            seed: 2,
            ..disturbed(500)
        })
    );
    let ids: Vec<_> = take(config(500))
        .into_iter()
        .map(|record| record.key)
        .collect();
    assert!(!ids.is_sorted());
}

#[test]
fn matches_spread_over_the_days_and_are_counted_by_the_rules() {
    let from = Timestamp::from_unix_seconds(1_767_225_600);
    let mut summaries = Summaries::try_new(SummariesConfig {
        from: Some(from),
        span: Some(Duration::from_hours(30 * 24)),
        sources: vec![Knowledge::Everything],
        ..config(3_000)
    })
    .expect("a good configuration");
    assert_eq!(summaries.by_ref().count(), 3_000);
    let days = summaries.sent().days(&CountingRules::default());
    assert_eq!(days.len(), 30);
    assert_eq!(
        days.keys().next().map(ToString::to_string).as_deref(),
        Some("2026-01-01")
    );
    let totals = days
        .values()
        .map(|day| day.counted + day.left_out.values().sum::<u64>());
    assert!(totals.clone().all(|total| (98..=102).contains(&total)));
    assert_eq!(totals.sum::<u64>(), 3_000);
    let has_leaver = days
        .values()
        .any(|day| day.left_out.contains_key(&domain::LeftOut::Leaver));
    assert!(has_leaver, "players are told, so leavers are known");
}

#[test]
fn what_cannot_work_is_refused() {
    for refused in [
        SummariesConfig {
            sources: Vec::new(),
            ..config(1)
        },
        SummariesConfig {
            repeat_fraction: 1.0,
            ..config(1)
        },
        SummariesConfig {
            correct_fraction: f64::NAN,
            ..config(1)
        },
        SummariesConfig {
            repeat_fraction: 0.5,
            invalid_fraction: 0.5,
            ..config(1)
        },
    ] {
        assert!(Summaries::try_new(refused.clone()).is_err(), "{refused:?}");
    }
}

#[tokio::test]
async fn records_reach_the_topic_as_they_are() {
    let broker = EmbeddedBroker::start(&[(TOPIC, 12)]).expect("a broker");
    let servers = broker.bootstrap_servers();
    let producer = SummaryProducer::try_new(&servers, TOPIC).expect("a producer");
    let mut summaries = Summaries::try_new(disturbed(300)).expect("a good configuration");
    producer
        .send_all(&mut summaries, 0.0)
        .await
        .expect("everything is delivered");

    let reading = tokio::task::spawn_blocking(move || {
        let reader = TopicReader::open(&servers, TOPIC, ReadFrom::Beginning)?;
        reader.read_to_end(DEADLINE)
    });
    let found = reading.await.expect("no panic").expect("the topic is read");
    assert_eq!(found.len() as u64, summaries.sent().records);
    let mut expected: Vec<_> = Summaries::try_new(disturbed(300))
        .expect("the same configuration")
        .collect();
    let mut partitions: HashMap<Vec<u8>, i32> = HashMap::new();
    for record in found {
        let key = record.key.expect("every record has a key").to_vec();
        let headers = record
            .headers
            .into_iter()
            .map(|(name, value)| (name, value.to_vec()));
        let found = SummaryRecord {
            key: key.clone(),
            value: record.value.to_vec(),
            headers: headers.collect(),
        };
        let place = expected
            .iter()
            .position(|one| *one == found)
            .expect("it was made");
        expected.swap_remove(place);
        let partition = partitions.entry(key).or_insert(record.partition);
        assert_eq!(
            *partition, record.partition,
            "a match stays in its partition"
        );
    }
    // As Java's DefaultPartitioner and its murmur2 have it.
    let used: HashSet<_> = partitions.values().collect();
    assert_eq!(used.len(), 12);
}

#[tokio::test]
async fn what_is_not_delivered_is_said() {
    let broker = EmbeddedBroker::start(&[(TOPIC, 1)]).expect("a broker");
    let producer =
        SummaryProducer::try_new(&broker.bootstrap_servers(), "missing").expect("a producer");
    let mut summaries = Summaries::try_new(config(1)).expect("a good configuration");
    let error = producer
        .send_all(&mut summaries, 0.0)
        .await
        .expect_err("there is no such topic");
    assert!(error.to_string().contains("missing"), "{error}");
}

#[tokio::test]
async fn a_feed_is_followed_by_its_summaries() {
    let broker = EmbeddedBroker::start(&[(TOPIC, 12)]).expect("a broker");
    let servers = broker.bootstrap_servers();
    let simulator = Simulator::start(Config {
        count: Some(200),
        record_ids: true,
        ..Config::default()
    })
    .await
    .expect("the simulator starts");
    let (world, stop) = (World::new(1), CancellationToken::new());
    let now = Timestamp::from_unix_seconds(1_900_000_000);
    let following = tokio::spawn(follow_feed(
        simulator.feed(),
        world.clone(),
        SummaryProducer::try_new(&servers, TOPIC).expect("a producer"),
        move || now,
        stop.clone(),
    ));
    let (tally, _) = read_all(&simulator).await;
    stop.cancel();
    let sent = following
        .await
        .expect("no panic")
        .expect("all are delivered");
    assert_eq!(sent, 200);

    let reading = tokio::task::spawn_blocking(move || {
        let reader = TopicReader::open(&servers, TOPIC, ReadFrom::Beginning)?;
        reader.read_to_end(DEADLINE)
    });
    let records = reading.await.expect("no panic").expect("the topic is read");
    let mut ids = HashSet::new();
    for record in &records {
        let headers = record
            .headers
            .iter()
            .map(|(name, value)| Header { name, value });
        let decoded = MatchSummaryRecord::decode(record.key.as_deref(), &record.value, headers)
            .expect("a good record");
        assert_eq!(decoded.received_at, now);
        let told = decoded.summary.whole();
        assert_eq!(told, Some(world.at(decoded.summary.match_id).played));
        ids.insert(decoded.summary.match_id.get());
    }
    assert_eq!((records.len(), ids), (200, tally.ids));
}
