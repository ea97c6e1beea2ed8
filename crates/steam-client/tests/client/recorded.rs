//! Answers as the upstream really sends them.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same
//! checks run on small invented files of the same shape, in `tests/data`.

use std::{collections::BTreeMap, env, fs, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::{MatchSummary, Timestamp};
use secrecy::SecretString;
use serde_json::Value;
use steam_client::{Page, ROWS_MAX, Steam, SteamSettings, Transport};
use test_kit::clock::StoppedClock;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_786_620_000);

fn recording(file: &str) -> Vec<u8> {
    let invented = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = env::var_os("RECORDED_DATA_DIR").map_or_else(invented, PathBuf::from);
    let path = path.join("steam").join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Recorded(Vec<u8>);

#[async_trait]
impl Transport for Recorded {
    async fn get(&self, _: &str, _: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let headers = [("content-type", "application/json; charset=UTF-8")];
        Ok(HttpAnswer::new(200, &headers, self.0.clone()))
    }
}

fn steam(file: &str) -> Steam {
    let settings = SteamSettings {
        url: "http://upstream".to_owned(),
        keys: vec!["key".into()],
        call_time_max: SteamSettings::CALL_TIME_MAX,
    };
    let transport = Arc::new(Recorded(recording(file)));
    Steam::over(transport, settings, Arc::new(StoppedClock(NOW)), 7)
}

/// Reads the recording, and compares each match with what is written there.
async fn read(file: &str) -> (Page, Value) {
    let page = steam(file).matches_from(1, ROWS_MAX).await;
    let told: Value = serde_json::from_slice(&recording(file)).expect("JSON");
    (page.expect("a page"), told["result"]["matches"].clone())
}

fn check_against(summary: &MatchSummary, told: &Value) {
    let of = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("{name}"));
    assert_eq!(summary.match_id.get().unsigned_abs(), of("match_id"));
    assert_eq!(summary.match_seq_num, Some(of("match_seq_num")));
    assert_eq!(
        summary.start_time.unix_seconds().unsigned_abs(),
        of("start_time")
    );
    let known = [
        (summary.duration_seconds.map(u64::from), "duration"),
        (summary.lobby_type.map(u64::from), "lobby_type"),
        (summary.game_mode.map(u64::from), "game_mode"),
        (summary.cluster.map(u64::from), "cluster"),
        (summary.league_id.map(u64::from), "leagueid"),
        (summary.human_players.map(u64::from), "human_players"),
    ];
    for (known, name) in known {
        assert_eq!(known, Some(of(name)), "{name}");
    }
    assert_eq!(summary.radiant_win, told["radiant_win"].as_bool());
    let players = told["players"].as_array().expect("players");
    assert_eq!(summary.players.len(), players.len());
    for player in players {
        check_player(summary, player);
    }
}

fn check_player(summary: &MatchSummary, player: &Value) {
    let of = |name: &str| player[name].as_u64();
    let slot = of("player_slot").expect("a slot");
    let slot = if slot >= 128 { slot - 128 + 5 } else { slot };
    let line = &summary.players[usize::try_from(slot).expect("a place")];
    assert_eq!(u64::from(line.slot.get()), slot);
    let account = of("account_id").filter(|id| *id != 4_294_967_295);
    assert_eq!(line.account_id.map(|id| u64::from(id.get())), account);
    let hero = of("hero_id").filter(|id| *id != 0);
    assert_eq!(line.hero_id.map(|id| u64::from(id.get())), hero);
    let small = [
        (line.kills, "kills"),
        (line.deaths, "deaths"),
        (line.assists, "assists"),
        (line.last_hits, "last_hits"),
        (line.denies, "denies"),
        (line.gold_per_min, "gold_per_min"),
        (line.xp_per_min, "xp_per_min"),
    ];
    let large = [
        (line.net_worth, "net_worth"),
        (line.hero_damage, "hero_damage"),
        (line.tower_damage, "tower_damage"),
        (line.hero_healing, "hero_healing"),
    ];
    let small = small.map(|(known, name)| (known.map(u64::from), name));
    let large = large.map(|(known, name)| (known.map(u64::from), name));
    for (known, name) in small.into_iter().chain(large) {
        assert_eq!(known, of(name), "{name}");
    }
    assert_eq!(line.level.map(u64::from), of("level"));
    assert_eq!(line.leaver_status.map(u64::from), of("leaver_status"));
    let items: Vec<u64> = (0..6)
        .filter_map(|place| of(&format!("item_{place}")))
        .collect();
    assert_eq!(
        line.items
            .iter()
            .map(|item| u64::from(*item))
            .collect::<Vec<_>>(),
        items
    );
}

#[tokio::test]
async fn recorded_pages_go_through_unchanged() {
    for file in [
        "match_history_by_sequence_num_100.json",
        "match_history_by_sequence_num_2025.json",
    ] {
        let (page, told) = read(file).await;
        let told = told.as_array().expect("matches");
        assert_eq!(page.rows(), told.len(), "{file}");
        for (found, told) in page.matches.iter().zip(told) {
            let found = found.as_ref().expect("a match");
            let summary = found.summary.as_ref().expect("a summary");
            check_against(summary, told);
            assert!(summary.whole().is_some(), "all that counts is there");
        }
        let last = told
            .iter()
            .filter_map(|told| told["match_seq_num"].as_u64())
            .max();
        assert_eq!(page.last_sequence_number(), last, "{file}");
    }
}

#[tokio::test]
async fn a_recorded_history_gives_its_newest_number() {
    let file = "match_history.json";
    let told: Value = serde_json::from_slice(&recording(file)).expect("JSON");
    let told = told["result"]["matches"].as_array().expect("matches");
    let numbers: BTreeMap<_, _> = told
        .iter()
        .map(|told| (told["match_seq_num"].as_u64(), &told["match_id"]))
        .collect();
    let newest = steam(file).newest_sequence_number().await;
    assert_eq!(newest.ok(), *numbers.last_key_value().expect("matches").0);
}
