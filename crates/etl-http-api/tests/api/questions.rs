//! What the warehouse is asked: days, matches and counters.

use domain::{LeftOut, MatchId, MatchSummary, PlayerLine, Slot, Timestamp};
use etl_application::ports::{DayBuild, DayState, HeroGames, KnownMatch, PairGames, Relation};
use futures_util::future::join_all;
use http_test_kit::DEADLINE;
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::support::{Api, Mood, day, hero};

/// What is known of a match: a rank, and a line of a player.
pub(crate) fn known() -> Vec<KnownMatch> {
    let id = MatchId::try_new(7).expect("it is positive");
    let summary = MatchSummary::new(id, Timestamp::from_unix_seconds(1_762_620_000));
    let line = PlayerLine {
        hero_id: Some(hero(1)),
        kills: Some(0),
        ..PlayerLine::new(Slot::try_new(5).expect("it is Dire's first"))
    };
    vec![
        KnownMatch {
            table: "match_ranks",
            source: "opendota_pages".to_owned(),
            version: (1_762_626_600_000 << 16) + 7,
            summary: MatchSummary {
                avg_rank_tier: Some(81),
                ..summary.clone()
            },
        },
        KnownMatch {
            table: "match_players",
            source: "steam_sequence".to_owned(),
            version: 0,
            summary: MatchSummary {
                players: vec![line],
                ..summary
            },
        },
    ]
}

/// A day as it was built, and one that never was.
pub(crate) fn two_days() -> Vec<DayState> {
    let build = DayBuild {
        day: day(7),
        mark: 5,
        matches: 100,
        counted: 90,
        left_out: [(LeftOut::Incomplete, 4), (LeftOut::Lobby, 6)].into(),
    };
    vec![
        DayState {
            build: Some(build),
            built_at: Some(Timestamp::from_unix_ms(1_762_560_000_000)),
            day: day(7),
            dirty_since: None,
        },
        DayState {
            build: None,
            built_at: None,
            day: day(8),
            dirty_since: Some(Timestamp::from_unix_ms(1_762_626_000_500)),
        },
    ]
}

#[tokio::test]
async fn days_tell_what_was_counted_and_what_is_behind() {
    let api = Api::start();
    api.warehouse.lock().days = two_days();
    let expected = json!({ "from": "2025-10-10", "to": "2025-11-08", "days": [
        { "day": "2025-11-07", "matches": 100, "counted": 90,
          "left_out": { "incomplete": 4, "hero_unknown": 0, "hero_repeated": 0, "lobby": 6,
                        "leaver": 0, "too_short": 0 },
          "built_at": "2025-11-08T00:00:00.000Z", "dirty_since": null },
        { "day": "2025-11-08", "matches": null, "counted": null, "left_out": null,
          "built_at": null, "dirty_since": "2025-11-08T18:20:00.500Z" },
    ] });
    assert_eq!(api.json("/api/v1/days").await, expected);
    for (query, asked) in [
        ("?from=2025-11-01", "days 2025-11-01 2025-11-08"),
        ("?to=2024-02-29", "days 2024-01-31 2024-02-29"),
        (
            "?from=2024-02-29&to=2024-02-29",
            "days 2024-02-29 2024-02-29",
        ),
        (
            "?from=2024-10-05&to=2025-11-08",
            "days 2024-10-05 2025-11-08",
        ),
    ] {
        let answer = api.get(&format!("/api/v1/days{query}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{query}");
        let last = api.warehouse.lock().asked.last().cloned();
        assert_eq!(last.as_deref(), Some(asked), "{query}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_match_is_told_by_table_source_and_version() {
    let api = Api::start();
    let nothing = api.json("/api/v1/matches/9223372036854775807").await;
    let detail = "the warehouse knows nothing of match 9223372036854775807";
    assert_eq!(
        (&nothing["status"], &nothing["detail"]),
        (&json!(404), &json!(detail))
    );

    api.warehouse.lock().known = known();
    let expected = json!({ "match_id": 7, "facts": [
        { "table": "match_ranks", "source": "opendota_pages", "version": "115515496857600007",
          "received_at": "2025-11-08T18:30:00.000Z",
          "summary": { "start_time": "2025-11-08T16:40:00.000Z", "avg_rank_tier": 81 } },
        { "table": "match_players", "source": "steam_sequence", "version": "0",
          "received_at": "1970-01-01T00:00:00.000Z",
          "summary": { "start_time": "2025-11-08T16:40:00.000Z",
                       "players": [{ "slot": 5, "hero_id": 1, "kills": 0 }] } },
    ] });
    assert_eq!(api.json("/api/v1/matches/7").await, expected);
    api.stop().await;
}

#[tokio::test]
async fn counters_are_summed_as_the_filter_says() {
    let api = Api::start();
    {
        let mut warehouse = api.warehouse.lock();
        warehouse.heroes = vec![
            HeroGames {
                hero: hero(1),
                games: 10,
                wins: 4,
            },
            HeroGames {
                hero: hero(9_999),
                games: 1,
                wins: 0,
            },
        ];
        warehouse.pairs = vec![PairGames {
            relation: Relation::Against,
            other: hero(2),
            games: 3,
            wins: 2,
        }];
    }
    let heroes = api.json("/api/v1/stats/heroes").await;
    let all = json!({ "from": null, "to": null, "patch": null, "bracket": null, "mode": null });
    assert_eq!(
        heroes,
        json!({ "filter": all, "heroes": [
        { "hero": 1, "name": "Anti-Mage", "games": 10, "wins": 4 },
        { "hero": 9_999, "name": "hero_9999", "games": 1, "wins": 0 },
    ] })
    );
    let filter = "patch=7.39&bracket=0&mode=22&from=2025-11-01&to=2025-11-08";
    let pairs = api
        .json(&format!("/api/v1/stats/pairs?hero=1&{filter}"))
        .await;
    assert_eq!(
        pairs,
        json!({ "hero": 1,
            "filter": { "from": "2025-11-01", "to": "2025-11-08", "patch": "7.39", "bracket": 0,
                        "mode": 22 },
            "pairs": [{ "relation": "against", "other": 2, "name": "Axe", "games": 3, "wins": 2 }],
        })
    );
    assert_eq!(
        api.warehouse.lock().asked,
        [
            "heroes - - - None None",
            "pairs 1 2025-11-01 2025-11-08 7.39 Some(0) Some(22)",
        ]
    );
    api.stop().await;
}

/// Each path is refused with its detail, and nothing is asked.
async fn check_refused(cases: &[(&str, &str)]) {
    let api = Api::start();
    for (path, detail) in cases {
        let answer = api.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}");
        let content_type = &answer.headers()["content-type"];
        assert_eq!(content_type, "application/problem+json", "{path}");
        let problem: serde_json::Value = answer.json().await.expect("a problem is JSON");
        assert_eq!(problem["detail"], *detail, "{path}");
    }
    assert_eq!(api.warehouse.lock().asked, [""; 0]);
    api.stop().await;
}

#[tokio::test]
async fn what_is_no_range_of_days_is_named_with_what_is_allowed() {
    check_refused(&[
        (
            "days?from=yesterday",
            "from is \"yesterday\"; allowed: a day such as 2026-11-29",
        ),
        (
            "days?to=2025-02-29",
            "to is \"2025-02-29\"; allowed: a day such as 2026-11-29",
        ),
        (
            "days?from=2025-11-09",
            "from is 2025-11-09; allowed: a day not after 2025-11-08, which is `to`",
        ),
        (
            "days?from=2024-10-04",
            "from 2024-10-04 to 2025-11-08 are 401 days; allowed: 400 days a request",
        ),
        (
            "days?since=2025-11-01",
            "there is no parameter \"since\" here; known are from, to",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_match_or_hero_is_named_with_what_is_allowed() {
    let no_match = |id| {
        format!(
            "id is \"{id}\"; allowed: the id of a match, 1 to {}",
            i64::MAX
        )
    };
    let no_hero = |id| format!("hero is \"{id}\"; allowed: the id of a hero, 1 to 65535");
    check_refused(&[
        ("matches/0", &no_match("0")),
        ("matches/+7", &no_match("+7")),
        (
            "matches/9223372036854775808",
            &no_match("9223372036854775808"),
        ),
        (
            "stats/pairs",
            "hero is missing; allowed: the id of a hero, 1 to 65535",
        ),
        ("stats/pairs?hero=0", &no_hero("0")),
        ("stats/pairs?hero=65536", &no_hero("65536")),
        ("stats/pairs?hero=-1", &no_hero("-1")),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_counter_is_named_with_what_is_allowed() {
    check_refused(&[
        (
            "stats/heroes?hero=1",
            "there is no parameter \"hero\" here; known are patch, bracket, mode, from, to",
        ),
        (
            "stats/heroes?bracket=9",
            "bracket is \"9\"; allowed: 1 to 8, or 0 for an unknown rank",
        ),
        (
            "stats/heroes?mode=256",
            "mode is \"256\"; allowed: the number of a game mode, 0 to 255",
        ),
        (
            "stats/heroes?patch=",
            "patch is \"\"; allowed: the name of a patch such as 7.41",
        ),
        (
            "stats/pairs?hero=1&from=2025-11-09&to=2025-11-08",
            "from is 2025-11-09; allowed: a day not after 2025-11-08, which is `to`",
        ),
    ])
    .await;
}

const QUESTIONS: [&str; 4] = [
    "/api/v1/days",
    "/api/v1/matches/7",
    "/api/v1/stats/heroes",
    "/api/v1/stats/pairs?hero=1",
];

#[tokio::test]
async fn a_warehouse_that_fails_is_a_reason_to_come_again_and_no_details() {
    let api = Api::start();
    api.warehouse.lock().mood = Mood::Fails;
    for path in QUESTIONS {
        let answer = api.get(path).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.headers()["retry-after"], "5", "{path}");
        let problem: serde_json::Value = answer.json().await.expect("a problem is JSON");
        let detail = "the warehouse does not answer; /api/v1/health says how it is";
        assert_eq!(problem["detail"], detail, "{path}");
    }
    api.warehouse.lock().mood = Mood::Answers;
    assert_eq!(api.get(QUESTIONS[0]).await.status(), StatusCode::OK);
    api.stop().await;
}

#[tokio::test]
async fn a_question_has_a_deadline_and_there_are_so_many_at_a_time() {
    let api = Api::start();
    api.warehouse.lock().mood = Mood::Hangs;
    let begun = Instant::now();
    let all = (0..17).map(|at| api.get(QUESTIONS[at % QUESTIONS.len()]));
    let all = join_all(all);
    let all = timeout(DEADLINE, all).await.expect("each has a deadline");
    assert!(begun.elapsed().as_secs_f64() < 5.0, "{:?}", begun.elapsed());
    let mut too_many = 0;
    for answer in all {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "5");
        let problem: serde_json::Value = answer.json().await.expect("a problem is JSON");
        too_many += usize::from(problem["detail"].to_string().contains("too many questions"));
    }
    assert_eq!(too_many, 1);
    api.warehouse.lock().mood = Mood::Answers;
    assert_eq!(
        api.get(QUESTIONS[0]).await.status(),
        StatusCode::OK,
        "places are free again"
    );
    api.stop().await;
}
