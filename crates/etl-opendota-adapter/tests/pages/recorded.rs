//! Rows as the upstream really has them.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same
//! checks run on small invented files of the same shape, in `tests/data`.

use std::{collections::BTreeMap, env, fs, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::Timestamp;
use etl_application::{
    Answer, Facts,
    backfill::Span,
    ports::{BackfillOrigin as _, OriginError},
};
use etl_opendota_adapter::{PagesAccess, client_over, walk_pages};
use etl_test_support::MemoryWarehouse;
use health_kit::Clock;
use opendota_client::{CallShare, OpenDotaSettings, Transport};
use secrecy::SecretString;
use serde_json::{Value, json};
use test_kit::clock::RunningClock;

/// Rows of a page.
const PAGE_ROWS: usize = 100;

fn recording(file: &str) -> String {
    let invented = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = env::var_os("RECORDED_DATA_DIR").map_or_else(invented, PathBuf::from);
    let path = path.join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An upstream that knows these rows, the highest id first.
struct Known(Vec<Value>);

#[async_trait]
impl Transport for Known {
    async fn get(&self, url: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        let below = url.split_once("less_than_match_id=");
        let below: i64 = below.map_or(i64::MAX, |(_, id)| id.parse().expect("an id"));
        let rows = self.0.iter();
        let rows = rows.filter(|row| row["match_id"].as_i64().expect("it has one") < below);
        let rows: Vec<_> = rows.take(PAGE_ROWS).cloned().collect();
        let kind = ("content-type", "application/json; charset=utf-8");
        Ok(HttpAnswer::new(
            200,
            &[kind],
            Value::Array(rows).to_string(),
        ))
    }
}

/// What a backfill of all times loads of these rows.
async fn load(mut rows: Vec<Value>) -> BTreeMap<i64, Answer> {
    rows.sort_by_key(|row| std::cmp::Reverse(row["match_id"].as_i64()));
    let now = Timestamp::from_unix_seconds(1_780_000_010);
    let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(now));
    let memory = Arc::new(MemoryWarehouse::new(Arc::clone(&clock)));
    let settings = OpenDotaSettings {
        url: "http://upstream/api".to_owned(),
        key: None,
        reserve_percent: 30,
        call_time_max: OpenDotaSettings::CALL_TIME_MAX,
    };
    let client = client_over(Arc::new(Known(rows)), settings, memory, Arc::clone(&clock));
    let access = PagesAccess {
        client: Arc::new(client),
        share: CallShare::of_percent(100).expect("it is a share"),
        counter: None,
        clock,
    };
    let all = Span {
        from: Timestamp::from_unix_seconds(1_300_000_000),
        to: now,
    };
    let mut range = walk_pages(access, all, "");
    let mut loaded = BTreeMap::new();
    loop {
        match range.next().await {
            Ok(None) => return loaded,
            Ok(Some(piece)) => {
                assert_eq!(piece.invalid, []);
                let answers = piece.answers.into_iter();
                loaded.extend(answers.map(|(_, one)| (one.summary.match_id.get(), one)));
            }
            Err(OriginError::Unavailable { detail } | OriginError::Gone { detail }) => {
                panic!("{detail}")
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorded_head_goes_through_unchanged() {
    let rows = recording("opendota/public_matches_head_2026-04-12.json");
    let rows: Vec<Value> = serde_json::from_str(&rows).expect("it is JSON");
    let loaded = load(rows.clone()).await;
    assert_eq!(loaded.len(), rows.len());
    for row in rows {
        let answer = &loaded[&row["match_id"].as_i64().expect("it has one")];
        assert_eq!(row["start_time"], answer.summary.start_time.unix_seconds());
        // Nothing else was recorded, so nothing else is known.
        assert_eq!(Facts::of(answer).core, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorded_snapshot_goes_through_unchanged() {
    let table = recording("opendota/match_snapshot_700rows.csv");
    let mut lines = table.lines();
    let names: Vec<_> = lines.next().expect("it has a head").split(',').collect();
    let rows: Vec<Value> = lines
        .map(|line| {
            let cells: BTreeMap<_, _> = names.iter().copied().zip(line.split(',')).collect();
            let number = |name: &str| -> i64 { cells[name].parse().expect("a number") };
            json!({
                "match_id": number("match_id"),
                "start_time": number("start_time"),
                "duration": number("duration_seconds"),
                "radiant_win": cells["radiant_win"] == "True",
                "lobby_type": number("lobby_type"),
                "game_mode": number("game_mode"),
                "leagueid": number("league_id"),
            })
        })
        .collect();
    let loaded = load(rows.clone()).await;
    assert_eq!(loaded.len(), rows.len());
    let mut empty = 0;
    for row in rows {
        let summary = &loaded[&row["match_id"].as_i64().expect("it has one")].summary;
        assert_eq!(row["start_time"], summary.start_time.unix_seconds());
        assert_eq!(row["duration"], json!(summary.duration_seconds));
        assert_eq!(row["radiant_win"], json!(summary.radiant_win));
        assert_eq!(row["lobby_type"], json!(summary.lobby_type));
        assert_eq!(row["game_mode"], json!(summary.game_mode));
        assert_eq!(row["leagueid"], json!(summary.league_id));
        empty += u32::from(summary.duration_seconds == Some(0));
    }
    assert!(empty > 0, "matches that nobody played are among them");
}
