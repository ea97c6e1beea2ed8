//! Pages as an upstream really sends them, from its answer to the tables.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same check
//! runs on the small invented files of the same shape that `steam-client` has.

use std::{env, fs, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use contracts::MatchSummaryRecord;
use domain::Timestamp;
use feed_simulator::summaries::{SummaryProducer, SummaryRecord};
use secrecy::SecretString;
use serde_json::Value;
use steam_client::{Page, ROWS_MAX, Steam, SteamSettings, Transport};
use tempfile::TempDir;
use test_kit::{clock::StoppedClock, waiting::wait_until};

use crate::support::{DEADLINE, Service, Topics};

const FETCHED_AT: Timestamp = Timestamp::from_unix_seconds(1_786_620_000);

const PAGES: [&str; 2] = [
    "match_history_by_sequence_num_100.json",
    "match_history_by_sequence_num_2025.json",
];

fn recording(file: &str) -> Result<Vec<u8>> {
    let invented = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../steam-client/tests/data");
    let path = env::var_os("RECORDED_DATA_DIR").map_or_else(invented, PathBuf::from);
    let path = path.join("steam").join(file);
    fs::read(&path).with_context(|| path.display().to_string())
}

struct Recorded(Vec<u8>);

#[async_trait]
impl Transport for Recorded {
    async fn get(&self, _: &str, _: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let headers = [("content-type", "application/json; charset=UTF-8")];
        Ok(HttpAnswer::new(200, &headers, self.0.clone()))
    }
}

/// What the client makes of a recording.
async fn read(recorded: Vec<u8>) -> Result<Page> {
    let settings = SteamSettings {
        url: "http://upstream".to_owned(),
        keys: vec!["key".into()],
        call_time_max: SteamSettings::CALL_TIME_MAX,
    };
    let transport = Arc::new(Recorded(recorded));
    let steam = Steam::over(transport, settings, Arc::new(StoppedClock(FETCHED_AT)), 7);
    Ok(steam.matches_from(1, ROWS_MAX).await?)
}

/// Tells every match of a page, as ingestion does.
async fn tell(page: &Page, producer: &SummaryProducer) -> Result<()> {
    for found in &page.matches {
        let found = found.as_ref().map_err(|odd| anyhow::anyhow!("{odd:?}"))?;
        let summary = found.summary.clone().map_err(anyhow::Error::msg)?;
        let record = MatchSummaryRecord {
            summary,
            source: "steam_sequence",
            received_at: page.fetched_at,
        };
        let record = record.encode();
        let headers = record.headers();
        let headers = headers.map(|one| (one.name.to_owned(), one.value.to_owned()));
        let sent = SummaryRecord {
            key: record.key().to_owned(),
            value: record.value().to_owned(),
            headers: headers.into(),
        };
        producer.send(&sent).await?;
    }
    Ok(())
}

/// Compares what the tables say of a match with what the recording does.
fn check(known: &Value, told: &Value) -> Result<()> {
    let facts = known["facts"].as_array().context("it has facts")?;
    let fact = |table: &str| {
        let found = facts.iter().find(|fact| fact["table"] == table);
        found.with_context(|| format!("nothing in {table}: {known}"))
    };
    let core = &fact("matches")?["summary"];
    let source = &fact("match_sources")?["summary"];
    for (summary, name, told_as) in [
        (core, "radiant_win", "radiant_win"),
        (core, "duration_seconds", "duration"),
        (core, "lobby_type", "lobby_type"),
        (core, "game_mode", "game_mode"),
        (source, "match_seq_num", "match_seq_num"),
        (source, "cluster", "cluster"),
        (source, "league_id", "leagueid"),
        (source, "human_players", "human_players"),
    ] {
        ensure!(summary[name] == told[told_as], "{name}: {known}");
    }

    // They come in any order; the tables have them in that of slots.
    let mut players = told["players"].as_array().cloned().unwrap_or_default();
    players.sort_by_key(|player| player["player_slot"].as_u64());
    let heroes: Vec<&Value> = players.iter().map(|player| &player["hero_id"]).collect();
    let of_both = [&core["radiant"], &core["dire"]];
    let of_both = of_both.iter().filter_map(|team| team.as_array()).flatten();
    ensure!(of_both.collect::<Vec<_>>() == heroes, "heroes: {known}");

    if heroes.iter().any(|hero| **hero == 0) {
        // A line needs a hero, and all ten are there or none.
        ensure!(fact("match_players").is_err(), "{known}");
        return Ok(());
    }
    let lines = &fact("match_players")?["summary"]["players"];
    let lines = lines.as_array().context("it has lines")?;
    ensure!(lines.len() == players.len(), "{known}");
    for (line, told) in lines.iter().zip(&players) {
        for name in ["hero_id", "kills", "deaths", "assists", "gold_per_min"] {
            ensure!(line[name] == told[name], "{name}: {line} {told}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_pages_of_steam_are_loaded_unchanged() -> Result<()> {
    let (_broker, topics) = Topics::create_embedded()?;
    let producer = SummaryProducer::try_new(&topics.bootstrap_servers, &topics.summaries)?;
    let mut told = Vec::new();
    for file in PAGES {
        let recorded = recording(file)?;
        let answer: Value = serde_json::from_slice(&recorded)?;
        let matches = answer["result"]["matches"].as_array().context("matches")?;
        told.extend(matches.clone());
        tell(&read(recorded).await?, &producer).await?;
    }
    producer.flush().await?;

    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &[]).await?;
    wait_until(DEADLINE, "every recorded match is loaded", async || {
        let etl = service.json("/api/v1/etl").await;
        etl.is_ok_and(|etl| etl["ledger"]["loaded"] == told.len())
    })
    .await?;
    for told in &told {
        let path = format!("/api/v1/matches/{}", told["match_id"]);
        check(&service.json(&path).await?, told)?;
    }
    service.stop().await
}
