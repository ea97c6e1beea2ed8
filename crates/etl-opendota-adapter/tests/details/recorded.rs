//! Answers as the upstream really sends them.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same
//! checks run on small invented files of the same shape, in `tests/data`.

use std::{env, fs, path::PathBuf, sync::Arc};

use domain::{MatchId, Timestamp};
use etl_application::{
    Facts,
    ports::{Details, MatchDetails as _},
};
use etl_opendota_adapter::{OpenDotaDetails, client};
use serde_json::Value;
use test_kit::clock::StoppedClock;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{Memory, Scene};
use feed_simulator::upstream::Limits;

fn recording(file: &str) -> Vec<u8> {
    let invented = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = env::var_os("RECORDED_DATA_DIR").map_or_else(invented, PathBuf::from);
    let path = path.join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Asks a server that has this recording for an answer.
async fn fetch(file: &str, id: i64) -> Details {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let body = recording(file);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut head = [0; 4_096];
        let _asked = stream.read(&mut head).await;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.expect("sent");
        stream.write_all(&body).await.expect("sent");
    });
    let mut settings = Scene::start(Limits::WITH_KEY).await.settings;
    settings.url = format!("http://{address}");
    let memory = Arc::new(Memory::default());
    // Half a day after midnight, and not as a minute begins.
    let clock = Arc::new(StoppedClock(Timestamp::from_unix_seconds(1_800_000_030)));
    let client = client(settings, memory, clock).expect("a client");
    let details = OpenDotaDetails::new(Arc::new(client));
    let id = MatchId::try_new(id).expect("positive");
    let told = details.fetch(id).await.expect("an answer");
    server.await.expect("it ends without a panic");
    told
}

/// Compares lines with what the recording says, a field at a time.
fn check_players(file: &str, told: &Details) {
    let document: Value = serde_json::from_slice(&recording(file)).expect("JSON");
    let players = document["players"].as_array().expect("an array");
    assert_eq!(told.answer.summary.players.len(), players.len());
    for (line, player) in told.answer.summary.players.iter().zip(players) {
        let slot = u64::from(line.slot.get());
        let written = if slot < 5 { slot } else { slot + 123 };
        assert_eq!(player["player_slot"], written);
        assert_eq!(
            line.hero_id.map(|id| u64::from(id.get())),
            player["hero_id"].as_u64()
        );
        assert_eq!(
            line.account_id.map(|id| u64::from(id.get())),
            player["account_id"].as_u64()
        );
        for (ours, theirs) in [
            (line.kills.map(u64::from), "kills"),
            (line.deaths.map(u64::from), "deaths"),
            (line.assists.map(u64::from), "assists"),
            (line.last_hits.map(u64::from), "last_hits"),
            (line.gold_per_min.map(u64::from), "gold_per_min"),
            (line.level.map(u64::from), "level"),
            (line.net_worth.map(u64::from), "net_worth"),
            (line.hero_damage.map(u64::from), "hero_damage"),
            (line.leaver_status.map(u64::from), "leaver_status"),
            (line.items.get(3).copied().map(u64::from), "item_3"),
        ] {
            assert_eq!(ours, player[theirs].as_u64(), "{theirs} of slot {slot}");
        }
    }
}

#[tokio::test]
async fn a_parsed_answer_becomes_rows_of_every_kind() {
    let file = "opendota/match_parsed_8943267925.json";
    let told = fetch(file, 8_943_267_925).await;
    assert!(told.is_parsed);
    check_players(file, &told);
    let summary = &told.answer.summary;
    assert_eq!(
        summary.start_time,
        Timestamp::from_unix_seconds(1_786_615_605)
    );
    assert_eq!(summary.league_id, Some(19_719));
    assert!(
        summary
            .players
            .iter()
            .any(|line| line.leaver_status == Some(1))
    );
    let facts = Facts::of(&told.answer);
    assert!(facts.core.is_some() && facts.players.is_some());
    assert_eq!(facts.accounts().count(), 10);
    // Our rule agrees with what the upstream estimates by its own.
    let positions = facts.positions.expect("the replay was read");
    let document: Value = serde_json::from_slice(&recording(file)).expect("JSON");
    for (fact, player) in positions
        .iter()
        .zip(document["players"].as_array().expect("ten"))
    {
        assert_eq!(player["position_est"], fact.position.get(), "{fact:?}");
        assert_eq!(player["lane"], fact.lane, "{fact:?}");
    }
    let fetched_ms = i64::try_from(told.answer.version >> 16).expect("a time");
    assert_eq!(fetched_ms, 1_800_000_030_000);
}

#[tokio::test]
async fn an_unparsed_answer_knows_who_played_and_won() {
    let file = "opendota/match_unparsed_3254426673.json";
    let told = fetch(file, 3_254_426_673).await;
    assert!(!told.is_parsed);
    check_players(file, &told);
    let facts = Facts::of(&told.answer);
    let core = facts.core.expect("all of it is known");
    assert!(!core.radiant_win);
    assert_eq!((core.lobby_type, core.game_mode), (1, 2));
    assert!(facts.players.is_some());
    assert_eq!(facts.positions, None);
}
