//! Steam's sequence of matches, over HTTP and in process.

use std::{collections::BTreeSet, time::Duration};

use domain::{MatchId, Timestamp};
use feed_simulator::{
    UpgradeFault, World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::{CallFault, Outcome, UpstreamServer},
};
use serde_json::Value;
use tokio::time::advance;

use crate::support::DEADLINE;

fn config() -> SteamConfig {
    SteamConfig {
        matches: 2_000,
        limits: SteamLimits::NONE,
        ..SteamConfig::new(World::new(1))
    }
}

fn ask(steam: &SteamUpstream, method: &str, query: &str) -> (u16, String) {
    let path = format!("/IDOTA2Match_570/{method}/V001/?key=k&{query}");
    match steam.answer(&path) {
        Outcome::Answer(answer, _) => (answer.status, answer.body),
        Outcome::Closed => panic!("there is an answer"),
    }
}

fn page(steam: &SteamUpstream, start: u64) -> Vec<(u64, i64)> {
    let query = format!("start_at_match_seq_num={start}&matches_requested=100");
    let (status, body) = ask(steam, "GetMatchHistoryBySequenceNum", &query);
    assert_eq!(status, 200, "{body}");
    rows(&body)
}

fn rows(body: &str) -> Vec<(u64, i64)> {
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["result"]["status"], 1);
    let rows = body["result"]["matches"].as_array().expect("matches");
    let row = |row: &Value| {
        let number = row["match_seq_num"].as_u64().expect("a number");
        (number, row["match_id"].as_i64().expect("an id"))
    };
    rows.iter().map(row).collect()
}

/// Reads from a number on until a page is empty.
fn read_all(steam: &SteamUpstream, mut start: u64) -> Vec<(u64, i64)> {
    let mut all = Vec::new();
    loop {
        let page = page(steam, start);
        let Some((last, _)) = page.last() else {
            return all;
        };
        start = last + 1;
        all.extend(page);
    }
}

fn raw(exposed: Vec<(u64, MatchId)>) -> Vec<(u64, i64)> {
    let exposed = exposed.into_iter();
    exposed.map(|(number, id)| (number, id.get())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_sequence_is_ascending_and_sparse_and_its_ids_are_not() {
    let steam = SteamUpstream::new(config());
    assert!(page(&steam, 0).is_empty(), "nothing has ended yet");
    steam.advance_to_end();
    let all = read_all(&steam, 0);
    assert_eq!(all, raw(steam.exposed()));
    assert_eq!(all, raw(steam.told()));
    assert!((1_700..1_900).contains(&all.len()), "{}", all.len());
    assert!(all.is_sorted() && !all.is_sorted_by_key(|(_, id)| id));
    let gaps = all.windows(2).filter(|pair| pair[1].0 > pair[0].0 + 1);
    assert!(gaps.count() > 1_000);
    // The newest by id is not the newest by number.
    let (_, body) = ask(&steam, "GetMatchHistory", "");
    let newest = rows(&body);
    assert!(newest.is_sorted_by_key(|(_, id)| -id) && newest.len() == 100);
}

#[tokio::test(start_paused = true)]
async fn late_matches_appear_behind_those_who_have_passed() {
    let steam = SteamUpstream::new(SteamConfig {
        late_per_mille: 200,
        ..config()
    });
    let (mut start, mut first_pass) = (0, BTreeSet::new());
    for _ in 0..10_000 {
        let page = page(&steam, start);
        start = page.last().map_or(start, |(last, _)| last + 1);
        first_pass.extend(page);
        advance(Duration::from_secs(1)).await;
    }
    let all: BTreeSet<_> = raw(steam.exposed()).into_iter().collect();
    let missed = all.difference(&first_pass).count();
    assert!((200..500).contains(&missed), "{missed}");
    assert!(first_pass.is_subset(&all));
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_limits_and_others_none_at_all() {
    let steam = SteamUpstream::new(SteamConfig {
        keys: vec!["one".to_owned(), "two".to_owned()],
        limits: SteamLimits {
            interval: Duration::from_secs(8),
            per_day: 3,
        },
        ..config()
    });
    let call = |key: &str| {
        let path = format!("/IDOTA2Match_570/GetMatchHistory/V001?key={key}");
        match steam.answer(&path) {
            Outcome::Answer(answer, _) => answer.status,
            Outcome::Closed => panic!("there is an answer"),
        }
    };
    assert_eq!([call("one"), call("one"), call("two")], [200, 429, 200]);
    assert_eq!([call("three"), call("")], [403, 403]);
    advance(Duration::from_secs(8)).await;
    assert_eq!(call("one"), 200);
    advance(Duration::from_secs(8)).await;
    assert_eq!([call("one"), call("two")], [429, 200]);
    advance(Duration::from_hours(24)).await;
    assert_eq!(call("one"), 200);
    let calls = steam.calls();
    assert_eq!((calls.calls, calls.answered), (9, 5));
    assert_eq!((calls.limited, calls.forbidden), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn faults_are_as_of_every_upstream() {
    let steam = SteamUpstream::new(config());
    steam.advance_to_end();
    let refuse = |status| {
        let retry_after = None;
        CallFault::Connection(UpgradeFault::Refuse {
            status,
            retry_after,
        })
    };
    steam.script([Some(refuse(502)), Some(CallFault::Empty), None]);
    let (status, body) = ask(&steam, "GetMatchHistoryBySequenceNum", "");
    assert!(status == 502 && body.starts_with("<html>"), "{body}");
    assert!(page(&steam, 0).is_empty());
    assert_eq!(page(&steam, 0).len(), steam.told().len());
    steam.fail(refuse(503));
    assert_eq!(ask(&steam, "GetMatchHistory", "").0, 503);
    steam.recover();
    assert_eq!(ask(&steam, "GetMatchHistory", "").0, 200);
    assert_eq!(ask(&steam, "GetSomethingElse", "").0, 404);
}

#[tokio::test]
async fn a_socket_tells_the_same() {
    let steam = SteamUpstream::new(config());
    steam.advance_to(Timestamp::from_unix_seconds(4_000_000_000));
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = UpstreamServer::start(steam.clone(), address).await;
    let origin = server.as_ref().expect("a port").origin();
    let url = format!(
        "{origin}/IDOTA2Match_570/GetMatchHistoryBySequenceNum/V001/?key=k&start_at_match_seq_num=5"
    );
    let client = reqwest::Client::builder().timeout(DEADLINE).build();
    let answer = client.expect("a client").get(url).send().await;
    let body = answer.expect("an answer").text().await.expect("a text");
    assert_eq!(rows(&body), page(&steam, 5));
}
