//! What is no match goes to the dead-letter topic and costs nothing else.

use std::collections::BTreeMap;

use anyhow::Result;
use feed_simulator::{Config, Fault, InvalidReason, RunningSimulator};
use kafka_kit::embedded::TopicRecord;
use kafka_test_kit::shared_broker;

use crate::support::{
    PARTITIONS, Service, Topics, assert_all_delivered_once, feed, wait_until, wait_until_finished,
};

/// How much of a frame a dead letter holds.
const DEAD_LETTER_BYTES_MAX: usize = 512 * 1024;

/// A feed that says only what it is told to.
async fn told_feed() -> Result<RunningSimulator> {
    feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await
}

/// The text with blanks before it.
fn padded(text: &str, size: usize) -> String {
    " ".repeat(size - text.len()) + text
}

fn check_dead_letter(record: &TopicRecord, frame: &[u8], reason: &str) -> Result<()> {
    let shown = String::from_utf8_lossy(&frame[..frame.len().min(80)]);
    let kept = &frame[..frame.len().min(DEAD_LETTER_BYTES_MAX)];
    assert!(record.value == kept, "the value is not the frame {shown}");
    assert_eq!(record.key, None, "{shown}");
    let headers: Vec<(&str, &str)> = record
        .headers
        .iter()
        .map(|(name, value)| Ok((name.as_str(), std::str::from_utf8(value)?)))
        .collect::<Result<_>>()?;
    let (always, size) = headers.split_at(5);
    let names: Vec<&str> = always.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["schema", "reason", "detail", "source", "received_at"],
        "{shown}"
    );
    assert_eq!(always[0].1, "match_ids_dead_letter/1", "{shown}");
    assert_eq!(always[1].1, reason, "{shown}");
    assert!(!always[2].1.is_empty(), "{shown}: there is a detail");
    assert_eq!(always[3].1, "opendota_stream", "{shown}");
    always[4].1.parse::<jiff::Timestamp>()?;
    let length = frame.len().to_string();
    let expected_size = [("size", length.as_str())];
    let is_cut = frame.len() > DEAD_LETTER_BYTES_MAX;
    assert_eq!(
        size,
        if is_cut { &expected_size[..] } else { &[] },
        "{shown}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_invalid_frame_is_a_dead_letter_as_received_and_its_neighbours_are_published()
-> Result<()> {
    let topics = Topics::create().await?;
    let feed = told_feed().await?;
    // As binary messages, and as text what a text message may hold; a match before each.
    let mut invalid: Vec<(&str, &[u8])> = Vec::new();
    for (reason, sample) in samples() {
        for is_text in [false, true] {
            if is_text && reason == InvalidReason::NotUtf8 {
                continue;
            }
            assert!(feed.send_text(format!(r#"{{"match_id":{}}}"#, invalid.len() + 1)));
            assert!(if is_text {
                feed.send_text(sample)
            } else {
                feed.send_binary(sample)
            });
            invalid.push((reason.as_str(), sample));
        }
    }
    let count = invalid.len();
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_figure("dead_lettered", count as u64).await;
    service.wait_for_figure("published", count as u64).await;

    // One partition: they are in the order of receipt.
    let records = topics.dead_lettered(count).await?;
    assert_eq!(records.len(), count);
    for (record, (reason, frame)) in records.iter().zip(&invalid) {
        check_dead_letter(record, frame, reason)?;
    }
    let ids: Vec<i64> = (1..).take(count).collect();
    assert_eq!(topics.published_ids(count).await?, ids);
    let mut counts = BTreeMap::<_, u64>::new();
    for (reason, _) in &invalid {
        *counts.entry(*reason).or_default() += 1;
    }
    for (reason, expected) in counts {
        let series = format!(r#"ingestion_dead_lettered_total{{reason="{reason}"}}"#);
        assert_eq!(service.metric(&series).await?, expected, "{series}");
    }
    assert_eq!(
        feed.truth().connections_opened,
        1,
        "the connection was kept"
    );
    service.stop().await
}

fn samples() -> impl Iterator<Item = (InvalidReason, &'static [u8])> {
    InvalidReason::ALL
        .into_iter()
        .flat_map(|reason| reason.samples().iter().map(move |sample| (reason, *sample)))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_large_invalid_frame_the_beginning_is_kept_and_its_size() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = told_feed().await?;
    let frames = [
        DEAD_LETTER_BYTES_MAX,
        DEAD_LETTER_BYTES_MAX + 1,
        8 * 1024 * 1024,
    ]
    .map(|size| padded("no JSON", size).into_bytes());
    for frame in &frames {
        assert!(feed.send_binary(frame.clone()));
    }
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service
        .wait_for_figure("dead_lettered", frames.len() as u64)
        .await;
    let records = topics.dead_lettered(frames.len()).await?;
    for (record, frame) in records.iter().zip(&frames) {
        check_dead_letter(record, frame, "not_json")?;
    }
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_nesting_of_any_size_do_not_make_a_frame_invalid() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = told_feed().await?;
    let digits = "9".repeat(100_000);
    let (open, close) = ("[{\"x\":".repeat(100_000), "}]".repeat(100_000));
    let frames = [
        format!(r#"{{"number":{digits},"match_id":1}}"#),
        format!(r#"{{"number":-0.{digits}e+{digits},"match_id":2}}"#),
        format!(r#"{{"match_id":3,"nesting":{open}null{close}}}"#),
        r#" { "match\u005fid" : 4 , "match" : { "match_id" : 0 } } "#.to_owned(),
        r#"{"match_id":9223372036854775807,"match_id ":1,"text":"\u0000\ud800"}"#.to_owned(),
    ];
    for frame in &frames {
        assert!(feed.send_text(frame.clone()) && feed.send_binary(frame.clone()));
    }
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service
        .wait_for_figure("received", 2 * frames.len() as u64)
        .await;
    assert_eq!(
        topics.published_ids(frames.len()).await?,
        [1, 2, 3, 4, i64::MAX]
    );
    assert_eq!(service.figure("duplicates").await?, frames.len() as u64);
    assert_eq!(service.figure("dead_lettered").await?, 0);
    service.stop().await
}

/// Lets a feed break the protocol in the middle of its matches.
async fn check_protocol_breach(fault: Fault, close_code: u16, reason: &str) -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(2_000),
        rate: 4_000.0,
        ..Config::default()
    })
    .await?;
    let settings = [
        ("OPENDOTA_STREAM_MESSAGE_SIZE_MAX", "64KiB"),
        ("OPENDOTA_STREAM_BACKOFF_MIN", "10ms"),
    ];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_until("matches flow", async || feed.truth().ids_proved > 0).await;
    feed.cut(fault);
    wait_until_finished(&feed).await;

    assert_all_delivered_once(&feed, &topics).await?;
    assert_eq!(service.reconnects(reason).await?, 1);
    let truth = feed.truth();
    assert_eq!(truth.connections_opened, 2);
    assert_eq!(truth.connections[0].client_close_code, Some(close_code));
    // It was not received: nobody owes anything for it.
    assert_eq!(service.figure("dead_lettered").await?, 0);
    assert_eq!(service.figure("published").await?, truth.ids_sent);
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_that_is_not_utf8_is_answered_with_1007() -> Result<()> {
    check_protocol_breach(Fault::TextNotUtf8, 1007, "not_utf8").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_above_the_limit_is_answered_with_1009() -> Result<()> {
    let fault = Fault::Oversized {
        size_bytes: 64 * 1024 + 1,
    };
    check_protocol_breach(fault, 1009, "message_too_large").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_just_the_limit_is_received() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = told_feed().await?;
    assert!(feed.send_text(padded(r#"{"match_id":1}"#, 64 * 1024)));
    let settings = [("OPENDOTA_STREAM_MESSAGE_SIZE_MAX", "64KiB")];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    service.wait_for_figure("published", 1).await;
    assert_eq!(feed.truth().connections_opened, 1);
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_that_kafka_refuses_for_good_is_a_dead_letter() -> Result<()> {
    let broker = shared_broker().await?;
    let topics = Topics::named_only(broker.bootstrap_servers());
    // Too little for any record.
    broker
        .create_topic(&topics.publish, PARTITIONS, &[("max.message.bytes", "100")])
        .await?;
    broker.create_topic(&topics.dead_letter, 1, &[]).await?;
    let feed = feed(Config {
        count: Some(200),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_figure("dead_lettered", 200).await;

    let series = r#"ingestion_dead_lettered_total{reason="refused_by_kafka"}"#;
    assert_eq!(service.metric(series).await?, 200);
    let ids = feed.ids_sent().into_iter();
    let mut expected: Vec<String> = ids.map(|id| format!(r#"{{"match_id":{id}}}"#)).collect();
    let mut records = topics.dead_lettered(200).await?;
    expected.sort_unstable();
    records.sort_unstable_by(|one, other| one.value.cmp(&other.value));
    assert_eq!(records.len(), expected.len());
    for (record, value) in records.iter().zip(&expected) {
        check_dead_letter(record, value.as_bytes(), "refused_by_kafka")?;
    }
    service.stop().await
}
