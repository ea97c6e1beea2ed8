//! What is asked when, and what becomes of each kind of answer.

use std::time::Duration;

use domain::MatchId;
use health_kit::{HealthReporter as _, HealthStatus};
use ingestion_application::{
    Checkpoint, DeadLetterReason, FoundMatch,
    ports::{DisconnectReason, FeedEvent, FeedReader as _},
};
use ingestion_opendota_adapter::pages::{Plan, SOURCE};
use opendota_client::PageList;

use crate::support::{Reading, SMALL, Script, answer, page, row};

const PUBLIC: &[PageList] = &[PageList::Public];

fn rows(ids: impl IntoIterator<Item = i64>) -> Vec<String> {
    ids.into_iter().map(row).collect()
}

fn id(raw: i64) -> MatchId {
    MatchId::try_new(raw).expect("an id")
}

#[tokio::test(start_paused = true)]
async fn a_round_goes_down_to_what_nothing_new_can_be_below_and_the_next_to_what_is_known() {
    let script = Script::new([
        page(&rows((90_000..90_100).rev())),
        page(&rows((80_000..80_100).rev())),
        page(&rows([90_200, 90_100])),
        page(&rows((90_000..90_100).rev())),
        page(&rows([90_200, 90_100])),
    ]);
    let mut reading = Reading::begin(script.clone(), true, PUBLIC, SMALL);
    assert_eq!(reading.feed.source(), SOURCE);
    assert_eq!(reading.next().await, FeedEvent::Connected);
    reading.pass(Duration::from_secs(30)).await;
    let asked: Vec<String> = script.asked().into_iter().map(|(_, path)| path).collect();
    assert_eq!(
        asked[..4],
        [
            "/publicMatches",
            "/publicMatches?less_than_match_id=90000",
            "/publicMatches",
            "/publicMatches?less_than_match_id=90100",
        ]
    );
    assert_eq!(reading.ids.len(), 202);
    assert!(reading.ids.values().all(|count| *count == 1));
    let place = reading.checkpoint.as_ref().expect("a place");
    assert!(place.as_str().starts_with("v1;public=90099@"), "{place}");
}

#[tokio::test(start_paused = true)]
async fn a_place_is_where_it_goes_on_and_nonsense_is_none() {
    let place = |text: &str| Some(Checkpoint::try_new(text).expect("short"));
    for (text, path) in [
        (
            "v1;public=90000@1776000000,95000@1776000000,91000",
            "/publicMatches?less_than_match_id=91000",
        ),
        ("v1;public=90000@1776000000,", "/publicMatches"),
        ("v9;public=90000@1776000000,", "/publicMatches"),
    ] {
        let script = Script::new([page(&rows([95_100])), page(&rows([90_500]))]);
        let plan = Plan {
            pages_max: 1,
            ..SMALL
        };
        let mut reading = Reading::begin(script.clone(), true, PUBLIC, plan);
        reading.restart(script.clone(), place(text));
        reading.pass(Duration::from_secs(10)).await;
        let asked = script.asked();
        assert!(
            asked.iter().any(|(_, asked)| asked == path),
            "{text}: {asked:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn odd_rows_are_set_aside_once_and_odd_fields_cost_the_summary_alone() {
    let odd = [
        "null".to_owned(),
        "{\"match_id\":0}".to_owned(),
        "{\"start_time\":7}".to_owned(),
        "{\"match_id\":8,\"match_id\":8}".to_owned(),
        "{\"match_id\":9,\"start_time\":\"soon\"}".to_owned(),
        row(10),
    ];
    let script = Script::new([page(&odd)]);
    let mut reading = Reading::begin(script.clone(), true, PUBLIC, SMALL);
    reading.pass(Duration::from_mins(10)).await;
    assert!(script.asked().len() > 3);
    let reasons: Vec<_> = reading.odd.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(
        reasons,
        [
            DeadLetterReason::NotAnObject,
            DeadLetterReason::MatchIdInvalid,
            DeadLetterReason::MatchIdMissing,
            DeadLetterReason::MatchIdTwice,
        ]
    );
    assert_eq!(reading.odd[3].1, odd[3], "the payload is the row");
    assert_eq!(reading.last[&id(9)], FoundMatch::Id(id(9)));
    assert!(matches!(reading.last[&id(10)], FoundMatch::Summary(_)));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_says_something_else_is_handed_over_again() {
    let whole = row(10).replace('}', ",\"radiant_win\":true}");
    let script = Script::new([page(&[row(10)]), page(&[whole])]);
    let mut reading = Reading::begin(script, true, PUBLIC, SMALL);
    reading.pass(Duration::from_mins(5)).await;
    assert_eq!(reading.ids[&id(10)], 2);
    let FoundMatch::Summary(summary) = &reading.last[&id(10)] else {
        panic!("{:?}", reading.last);
    };
    assert_eq!(summary.radiant_win, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_stops_no_other_and_is_asked_again() {
    let script = Script::new([
        answer(200, "{}"),
        page(&rows([7])),
        // Not below what was asked for.
        page(&rows([7])),
    ]);
    let lists = [PageList::Pro, PageList::Parsed];
    let mut reading = Reading::begin(script.clone(), true, &lists, SMALL);
    reading.pass(Duration::from_secs(59)).await;
    assert_eq!(reading.ends[0].reason, DisconnectReason::ProtocolError);
    assert!(
        reading.ends[0].detail.contains("the list pro"),
        "{:?}",
        reading.ends
    );
    let asked = script.asked();
    assert_eq!(
        asked
            .iter()
            .filter(|(_, path)| path == "/proMatches")
            .count(),
        1
    );
    assert_eq!(reading.last[&id(7)], FoundMatch::Id(id(7)));
    reading.pass(Duration::from_secs(10)).await;
    let again = script
        .asked()
        .into_iter()
        .filter(|(_, path)| path == "/proMatches");
    assert_eq!(again.map(|(at, _)| at / 60).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_tells_nothing_any_more_has_no_end() {
    let script = Script::new([page(&rows((90_000..90_100).rev())), page(&[])]);
    let mut reading = Reading::begin(script.clone(), true, PUBLIC, SMALL);
    reading.pass(Duration::from_mins(30)).await;
    assert!(script.asked().len() > 20, "{:?}", script.asked());
    let place = reading.checkpoint.expect("a place");
    assert!(
        place.as_str().starts_with("v1;public=,"),
        "not complete: {place}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_and_a_day_that_is_used_up_are_named() {
    let script = Script::new([answer(403, "no"), page(&rows([7]))]);
    let mut reading = Reading::begin(script.clone(), true, PUBLIC, SMALL);
    reading.pass(Duration::from_mins(9)).await;
    assert_eq!(reading.ends[0].reason, DisconnectReason::KeyRefused);
    assert_eq!(script.asked().len(), 1);
    reading.pass(Duration::from_mins(2)).await;
    assert_eq!(reading.ids.len(), 1);

    let used_up = "{\"error\":\"daily api limit exceeded\"}";
    let script = Script::new([answer(429, used_up), page(&rows([7]))]);
    let mut reading = Reading::begin(script.clone(), false, PUBLIC, SMALL);
    reading.pass(Duration::from_hours(10)).await;
    assert_eq!(reading.ends[0].reason, DisconnectReason::RateLimited);
    assert_eq!(script.asked().len(), 1);
    let calls = reading.feed.call_figures().expect("it makes calls");
    assert_eq!(calls.calls()[1], ("limited", 1));
    assert_eq!(calls.budget_left()[1].0, "day");
    // The world begins at twenty past one.
    reading.pass(Duration::from_mins(45)).await;
    assert_eq!(reading.ids.len(), 1, "a new day");
}

#[tokio::test(start_paused = true)]
async fn matches_that_appear_faster_than_calls_are_permitted_are_told_in_health() {
    // Every page is full of what was not known, and so dense that there is no end.
    let pages = (0..3_000).map(|nth| page(&rows((0..100).map(|row| 9_000_000 - 100 * nth - row))));
    let script = Script::new(pages);
    let plan = Plan {
        reach: 1_000_000,
        // Heads would be out of order in this list.
        spacing_min: Duration::from_hours(48),
        spacing_max: Duration::from_hours(48),
        ..SMALL
    };
    let mut reading = Reading::begin(script, false, PUBLIC, plan);
    let health = reading.feed.health();
    let figures = reading.feed.call_figures().expect("it makes calls");
    reading.pass(Duration::from_mins(29)).await;
    assert_eq!(health.checks()[0].name, "pages.opendota_pages");
    assert_eq!(health.checks()[0].status, HealthStatus::Healthy);
    reading.pass(Duration::from_mins(10)).await;
    let check = health.checks().remove(0);
    assert_eq!(check.status, HealthStatus::Degraded);
    assert!(check.reason.contains("cannot keep up"), "{}", check.reason);
    let behind = figures.behind();
    assert_eq!(behind[0].0, "public");
    assert!(behind[0].1 > Duration::from_mins(30), "{behind:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_question_is_asked_once_and_at_the_end_what_was_read_is_handed_over() {
    let script = Script::new([page(&rows([2, 1]))]);
    let mut reading = Reading::begin(script.clone(), true, PUBLIC, SMALL);
    let mut polls = 0;
    while reading.feed.call_figures().expect("calls").calls()[0].1 == 0 {
        polls += 1;
        let _maybe = tokio::time::timeout(Duration::from_millis(100), reading.feed.next()).await;
        tokio::task::yield_now().await;
    }
    assert!(polls > 0);
    assert_eq!(script.asked().len(), 1);
    let mut frames = reading.ids.len();
    while let Some(batch) = reading.feed.close().await {
        frames += batch.frames.len();
    }
    assert!(frames <= 2);
    assert_eq!(reading.feed.close().await, None);
}
