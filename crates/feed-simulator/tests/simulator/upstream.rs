//! The API of matches, over HTTP and in process.

use std::time::Duration;

use domain::{MatchId, Timestamp};
use feed_simulator::{
    UpgradeFault, World,
    upstream::{CallFault, Limits, Outcome, PageList, Upstream, UpstreamConfig, UpstreamServer},
};
use serde_json::Value;

use crate::support::DEADLINE;

const NOT_LIMITED: Limits = Limits {
    per_minute: u32::MAX,
    per_day: None,
};

/// Half a day after the beginning of the world, at noon.
fn upstream(limits: Limits) -> (Upstream, World) {
    let world = World::beginning(1, Timestamp::from_unix_seconds(1_767_225_600));
    let now = Timestamp::from_unix_seconds(1_767_225_600 + 12 * 3_600);
    let config = UpstreamConfig {
        limits,
        ..UpstreamConfig::new(world.clone(), now)
    };
    (Upstream::new(config), world)
}

struct Told {
    status: u16,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

impl Told {
    fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value.as_str())
    }
}

fn ask(upstream: &Upstream, path: &str) -> Told {
    match upstream.answer(path) {
        Outcome::Answer(answer, _) => Told {
            status: answer.status,
            body: serde_json::from_str(&answer.body).expect("JSON"),
            headers: answer.headers,
        },
        Outcome::Closed => panic!("there is an answer"),
    }
}

fn details(id: MatchId) -> String {
    format!("/api/matches/{id}")
}

#[tokio::test(start_paused = true)]
async fn details_are_those_of_the_world_once_a_match_has_ended() {
    let (upstream, world) = upstream(NOT_LIMITED);
    let first = world.first_id_at(world.begin()).get();
    let (mut parsed, mut anonymous) = (0, 0);
    for id in (first..first + 200).map(|id| MatchId::try_new(id).expect("positive")) {
        let found = world.at(id);
        let told = ask(&upstream, &details(id));
        assert_eq!(told.status, 200);
        assert_eq!(told.body["match_id"], id.get());
        assert_eq!(told.body["radiant_win"], found.played.radiant_win);
        assert_eq!(told.body.get("version").is_some(), found.is_parsed);
        parsed += u64::from(found.is_parsed);
        let players = told.body["players"].as_array().expect("an array");
        assert_eq!(players.len(), 10);
        for (line, player) in world.players(&found).iter().zip(players) {
            let slot = u64::from(line.slot.get());
            assert_eq!(
                player["player_slot"],
                if slot < 5 { slot } else { slot + 123 }
            );
            assert_eq!(player["kills"], line.kills.expect("known"));
            assert_eq!(player.get("lane").is_some(), found.is_parsed);
            assert_eq!(
                player.get("account_id").is_none(),
                line.account_id.is_none()
            );
            anonymous += u64::from(line.account_id.is_none());
        }
    }
    assert!(
        (20..80).contains(&parsed) && (700..1_100).contains(&anonymous),
        "{parsed} {anonymous}"
    );

    let running = world.first_id_at(upstream.now());
    let told = ask(&upstream, &details(running));
    assert_eq!(
        (told.status, &told.body["error"]),
        (404, &Value::from("Not Found"))
    );
    upstream.advance_to(world.at(running).end_time());
    assert_eq!(ask(&upstream, &details(running)).status, 200);
    assert_eq!(upstream.calls().not_found, 1);
    for nothing in ["/api/matches/0", "/api/matches/x", "/api/heroes"] {
        assert!(ask(&upstream, nothing).status >= 400, "{nothing}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_go_down_by_id_and_have_what_has_ended() {
    let (upstream, world) = upstream(NOT_LIMITED);
    let mut below = None;
    let mut ids: Vec<i64> = Vec::new();
    for _ in 0..3 {
        let query = below.map_or(String::new(), |id: i64| format!("?less_than_match_id={id}"));
        let told = ask(&upstream, &format!("/api/publicMatches{query}"));
        let rows = told.body.as_array().expect("an array").clone();
        assert_eq!(rows.len(), 100);
        for row in &rows {
            let id = row["match_id"].as_i64().expect("an id");
            let found = world.at(MatchId::try_new(id).expect("positive"));
            assert!(found.end_time() <= upstream.now());
            assert_eq!(row["radiant_team"].as_array().map(Vec::len), Some(5));
            assert_eq!(
                row["avg_rank_tier"].as_f64(),
                found.avg_rank_tier.map(f64::from)
            );
            ids.push(id);
        }
        below = ids.last().copied();
    }
    assert!(
        ids.is_sorted_by(|one, next| one > next),
        "each page goes on below the last"
    );
    let ranked = ask(&upstream, "/api/publicMatches?min_rank=60&max_rank=75");
    let ranks = ranked.body.as_array().expect("an array").iter();
    assert!(
        ranks
            .clone()
            .all(|row| (60.0..=75.0).contains(&row["avg_rank_tier"].as_f64().unwrap_or(0.0)))
    );
    assert_eq!(ranks.count(), 100);
}

/// All of a list, page by page.
fn listed(upstream: &Upstream, path: &str) -> Vec<i64> {
    let mut ids: Vec<i64> = Vec::new();
    loop {
        let below = ids.last();
        let query = below.map_or(String::new(), |id| format!("?less_than_match_id={id}"));
        let told = ask(upstream, &format!("{path}{query}"));
        let rows = told.body.as_array().expect("an array").iter();
        let page: Vec<i64> = rows.filter_map(|row| row["match_id"].as_i64()).collect();
        if page.is_empty() {
            return ids;
        }
        ids.extend(page);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_grow_below_their_heads_as_matches_end_and_some_are_late() {
    let world = World::new(1);
    let upstream = Upstream::new(UpstreamConfig {
        matches: Some(5_000),
        hidden_per_mille: 100,
        late_per_mille: 50,
        limits: NOT_LIMITED,
        ..UpstreamConfig::new(world.clone(), world.begin())
    });
    let lists = [
        ("/api/publicMatches", PageList::Public),
        ("/api/proMatches", PageList::Pro),
        ("/api/parsedMatches", PageList::Parsed),
    ];
    let mut counts = Vec::new();
    for minutes in [20, 40, 60, 180] {
        let now = world.begin().unix_seconds() + 60 * minutes;
        upstream.advance_to(Timestamp::from_unix_seconds(now));
        for (path, list) in lists {
            let exposed = upstream.exposed(list);
            let mut told = listed(&upstream, path);
            assert!(told.is_sorted_by(|one, next| one > next), "{path}");
            told.reverse();
            let exposed: Vec<i64> = exposed.into_iter().map(MatchId::get).collect();
            assert_eq!(told, exposed, "{path}");
            counts.push(told.len());
        }
        assert_eq!(
            upstream.told_count(),
            upstream.exposed(PageList::Public).len()
        );
    }
    let public: Vec<usize> = counts.iter().step_by(3).copied().collect();
    assert!(public.is_sorted_by(|one, next| one < next), "{public:?}");
    assert!((4_400..4_600).contains(&public[3]), "{public:?}");
    assert_eq!((counts[10], counts[11] / 100), (5, 9), "{counts:?}");
    let pro = ask(&upstream, "/api/proMatches").body;
    assert!(pro[0]["leagueid"].is_u64() && pro[0].get("radiant_team").is_none());
    let parsed = ask(&upstream, "/api/parsedMatches").body;
    assert_eq!(parsed[0].as_object().map(serde_json::Map::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_page_may_have_a_row_that_is_null_and_one_that_is_all_but_null() {
    let (upstream, _) = upstream(NOT_LIMITED);
    upstream.script(["null-row".parse().ok()]);
    let odd = ask(&upstream, "/api/publicMatches").body;
    assert_eq!(odd.as_array().map(Vec::len), Some(101));
    assert!(odd[50].is_null() && odd[51]["match_id"].is_i64() && odd[51]["start_time"].is_null());
}

#[tokio::test(start_paused = true)]
async fn an_odd_page_has_a_row_too_many_and_one_without_a_start() {
    let (upstream, _) = upstream(NOT_LIMITED);
    let good = ask(&upstream, "/api/publicMatches").body;
    upstream.script(["odd-row".parse().ok()]);
    let odd = ask(&upstream, "/api/publicMatches").body;
    let (good, odd) = (good.as_array(), odd.as_array());
    let (good, odd) = good.zip(odd).expect("both are arrays");
    assert_eq!(odd.len(), good.len() + 1);
    assert!(odd[50].is_string() && odd[51]["start_time"].is_string());
    assert_eq!((&odd[..50], &odd[52..]), (&good[..50], &good[51..]));
}

#[tokio::test(start_paused = true)]
async fn calls_are_limited_by_the_minute_and_the_day() {
    let (upstream, world) = upstream(Limits {
        per_minute: 60,
        per_day: Some(100),
    });
    let path = details(world.first_id_at(world.begin()));
    for left in (0..60).rev() {
        let told = ask(&upstream, &path);
        assert_eq!(told.status, 200);
        assert_eq!(
            told.header("X-Rate-Limit-Remaining-Minute"),
            Some(left.to_string().as_str())
        );
        assert_eq!(
            told.header("X-Rate-Limit-Remaining-Day"),
            Some((left + 40).to_string().as_str())
        );
    }
    let refused = ask(&upstream, &path);
    assert_eq!(
        (refused.status, &refused.body["error"]),
        (429, &Value::from("minute rate limit exceeded"))
    );
    assert_eq!(refused.header("X-Rate-Limit-Remaining-Minute"), Some("-1"));
    assert_eq!(refused.header("Retry-After"), None);

    tokio::time::advance(Duration::from_mins(1)).await;
    // The refused call has counted too.
    for _ in 0..39 {
        assert_eq!(ask(&upstream, &path).status, 200);
    }
    let refused = ask(&upstream, &path);
    assert_eq!(
        (refused.status, &refused.body["error"]),
        (429, &Value::from("daily api limit exceeded"))
    );
    tokio::time::advance(Duration::from_hours(12)).await;
    assert_eq!(ask(&upstream, &path).status, 200);
    let calls = upstream.calls();
    assert_eq!((calls.calls, calls.answered), (102, 100));
    assert_eq!((calls.minute_limited, calls.day_limited), (1, 1));
}

#[tokio::test]
async fn calls_go_wrong_over_http_as_they_are_told_to() {
    let (upstream, world) = upstream(Limits::WITHOUT_KEY);
    let address = ([127, 0, 0, 1], 0).into();
    let server = UpstreamServer::start(upstream.clone(), address)
        .await
        .expect("a free port");
    let id = world.first_id_at(world.begin());
    let url = format!("{}/matches/{id}", server.url());
    let http = reqwest::Client::builder().timeout(DEADLINE).build();
    let http = http.expect("a client without TLS can be built");
    let good = http.get(&url).send().await.expect("an answer");
    assert_eq!(good.headers()["X-Rate-Limit-Remaining-Minute"], "59");
    let good: Value = good.json().await.expect("JSON");
    assert_eq!(good["match_id"], id.get());

    for (fault, status, is_html) in [
        ("refuse:429", 429, false),
        ("refuse:502", 502, true),
        ("slow:1ms", 200, false),
    ] {
        upstream.script([Some(fault.parse().expect("a fault"))]);
        let answer = http.get(&url).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{fault}");
        assert!(!answer.headers().contains_key("Retry-After"));
        let body = answer.text().await.expect("a text");
        assert_eq!(body.contains("<html>"), is_html, "{body}");
    }
    upstream.script([Some(CallFault::WrongId)]);
    let wrong: Value = http
        .get(&url)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(wrong["match_id"], id.get() + 1);

    upstream.fail(CallFault::Connection(UpgradeFault::AcceptThenClose));
    http.get(&url).send().await.expect_err("nobody answers");
    upstream.recover();
    let again = http.get(&url).send().await.expect("an answer");
    assert_eq!(again.status(), 200);
    let post = http.post(&url).send().await.expect("an answer");
    assert_eq!(post.status(), 405);
    drop(server);
}

#[test]
fn faults_are_written_as_they_are_read() {
    for text in [
        "wrong-id",
        "odd-row",
        "null-row",
        "refuse:429",
        "accept-then-close",
        "slow:3s",
    ] {
        assert_eq!(
            text.parse::<CallFault>().expect("a fault").to_string(),
            text
        );
    }
    "wrong".parse::<CallFault>().expect_err("no fault");
}
