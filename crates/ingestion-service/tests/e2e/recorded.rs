//! Payloads as upstreams really send them, through the whole path.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same
//! tests run on small invented files of the same shape.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use feed_simulator::{Config, Rows};
use serde_json::Value;

use crate::support::{Service, Topics, feed, wait_until_finished};

fn recording(file: &str) -> PathBuf {
    let invented = || {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../ingestion-opendota-adapter/tests/data")
    };
    env::var_os("RECORDED_DATA_DIR")
        .map_or_else(invented, PathBuf::from)
        .join(file)
}

/// The rows of a recording, found by `pointer`.
fn rows(file: &str, pointer: &str) -> Result<Vec<Value>> {
    let path = recording(file);
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    let mut document: Value = serde_json::from_slice(&text)?;
    let rows = document
        .pointer_mut(pointer)
        .and_then(Value::as_array_mut)
        .context("it holds rows")?;
    assert!(!rows.is_empty(), "{file}");
    Ok(std::mem::take(rows))
}

/// Replays the rows of a recording verbatim, and looks for their ids in the topic.
async fn check_replay(file: &str, pointer: &str) -> Result<()> {
    let ids: Vec<i64> = rows(file, pointer)?
        .iter()
        .filter_map(|row| row["match_id"].as_i64())
        .collect();
    let topics = Topics::create().await?;
    let feed = feed(Config {
        rows: Rows::Replay(recording(file)),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    wait_until_finished(&feed).await;
    service.wait_for_figure("published", ids.len() as u64).await;

    let mut in_topic = BTreeMap::<i32, Vec<i64>>::new();
    let mut expected = BTreeMap::<i32, Vec<i64>>::new();
    let mut partitions = BTreeMap::new();
    for record in topics.published(ids.len()).await? {
        let id = std::str::from_utf8(record.key.as_deref().unwrap_or_default())?.parse()?;
        in_topic.entry(record.partition).or_default().push(id);
        partitions.insert(id, record.partition);
    }
    for id in ids {
        let partition = *partitions
            .get(&id)
            .with_context(|| format!("{file}: {id} is not in the topic"))?;
        expected.entry(partition).or_default().push(id);
    }
    assert_eq!(
        in_topic, expected,
        "{file}: each once, within a partition in the order of receipt"
    );
    assert_eq!(
        service.figure("received").await?,
        feed.truth().sent.total(),
        "{file}"
    );
    assert_eq!(service.figure("dead_lettered").await?, 0, "{file}");
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_public_matches_are_published() -> Result<()> {
    check_replay("opendota/public_matches_head_2026-04-12.json", "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_of_steam_are_published() -> Result<()> {
    check_replay("steam/match_history.json", "/result/matches").await?;
    check_replay(
        "steam/match_history_by_sequence_num_100.json",
        "/result/matches",
    )
    .await?;
    check_replay(
        "steam/match_history_by_sequence_num_2025.json",
        "/result/matches",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn live_games_give_their_id_as_a_string_and_become_dead_letters() -> Result<()> {
    let frames: Vec<String> = rows("steam/top_live_games.json", "/game_list")?
        .iter()
        .map(Value::to_string)
        .collect();
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await?;
    for frame in &frames {
        assert!(feed.send_text(frame.clone()));
    }
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    let series = r#"ingestion_dead_lettered_total{reason="match_id_invalid"}"#;
    service
        .wait_for_figure("dead_lettered", frames.len() as u64)
        .await;
    assert_eq!(service.metric(series).await?, frames.len() as u64);
    let records = topics.dead_lettered(frames.len()).await?;
    let values: Vec<_> = records
        .iter()
        .map(|record| String::from_utf8_lossy(&record.value))
        .collect();
    assert_eq!(values, frames);
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_documents_of_matches_name_their_match() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await?;
    for file in [
        "opendota/match_parsed_8943267925.json",
        "opendota/match_unparsed_3254426673.json",
    ] {
        assert!(feed.send_text(fs::read(recording(file)).with_context(|| file)?));
    }
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_figure("published", 2).await;
    assert_eq!(
        topics.published_ids(2).await?,
        [3_254_426_673, 8_943_267_925]
    );
    service.stop().await
}
