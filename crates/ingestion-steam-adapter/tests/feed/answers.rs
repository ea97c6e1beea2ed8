//! What is asked when, and what becomes of each kind of answer.

use std::{sync::Arc, time::Duration};

use client_kit::CallFailed;
use domain::Timestamp;
use health_kit::{HealthReporter as _, HealthStatus};
use ingestion_application::{
    Checkpoint, DeadLetterReason, FoundMatch,
    ports::{DisconnectReason, FeedEvent, FeedReader as _},
};
use ingestion_steam_adapter::{KeyHealth, SOURCE, Start};
use tokio::time::timeout;

use crate::support::{BEGIN, Reading, Script, answer, page, row, row_at};

const ONE: &[&str] = &["one"];

fn rows(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(row).collect()
}

/// Lets so much time go by, with the feed asked all the while.
async fn pass(reading: &mut Reading, time: Duration) {
    let ask = async {
        loop {
            reading.next().await;
        }
    };
    let _elapsed = timeout(time, ask).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_page_asks_again_at_once_and_the_end_of_the_sequence_in_five_seconds() {
    let script = Script::new([
        page(&rows((100..299).step_by(2))),
        page(&rows(300..390)),
        page(&rows(390..400)),
        page(&[]),
        page(&rows([405])),
    ]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(7));
    pass(&mut reading, Duration::from_secs(17)).await;
    let starts = [7, 299, 390, 400, 400, 406].map(Some);
    let seconds = [0, 0, 0, 5, 10, 15];
    let expected: Vec<_> = seconds.into_iter().zip(starts).collect();
    assert_eq!(script.asked(), expected);
    assert_eq!(reading.ids.len(), 201);
}

#[tokio::test(start_paused = true)]
async fn the_newest_number_is_a_place_before_anything_was_read() {
    let script = Script::new([page(&rows([7, 9, 8])), page(&rows([9]))]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::Newest);
    assert_eq!(reading.feed.source(), SOURCE);
    assert_eq!(reading.next().await, FeedEvent::Connected);
    let batch = reading.batch().await;
    assert!(batch.frames.is_empty());
    assert_eq!(batch.checkpoint.expect("a place").as_str(), "v1;9;9;");
    reading.batch().await;
    assert_eq!(script.asked(), [(0, None), (0, Some(9))]);
    let place = reading.checkpoint.as_ref().expect("a place");
    assert!(place.as_str().starts_with("v1;10;9;"), "{place}");
}

#[tokio::test(start_paused = true)]
async fn a_place_is_where_it_goes_on_and_nonsense_is_none() {
    let place = |text: &str| Some(Checkpoint::try_new(text).expect("short"));
    for (text, start) in [("v1;70;60;", 70), ("v9;70;60;", 0)] {
        let script = Script::new([]);
        let mut reading = Reading::begin(script.clone(), ONE, Start::At(0));
        reading.restart(place(text));
        pass(&mut reading, Duration::from_secs(1)).await;
        assert_eq!(script.asked(), [(0, Some(start))], "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_pass_hands_over_what_was_not_there_an_hour_before() {
    let script = Script::new([page(&rows([10, 12, 14]))]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(10));
    pass(&mut reading, Duration::from_mins(59)).await;
    assert_eq!(reading.ids.len(), 3);
    // The second pass is told of one more, and of one that is not its business.
    pass(&mut reading, Duration::from_secs(57)).await;
    script.tell([page(&rows([10, 11, 12, 14, 20])), page(&[])]);
    pass(&mut reading, Duration::from_mins(2)).await;
    let late: Vec<i64> = reading.ids[3..].iter().map(|id| id.get()).collect();
    let asked = script.asked();
    assert!(
        asked.contains(&(3_600, Some(10))),
        "{:?}",
        &asked[asked.len() - 30..]
    );
    assert_eq!(late, [9_989], "{:?}", reading.checkpoint);
    let place = reading.checkpoint.as_ref().expect("a place");
    assert_eq!(place.as_str().split(';').nth(2), Some("15"), "{place}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_question_is_asked_once_and_its_answer_kept() {
    let script = Script::new([page(&rows([1, 2]))]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(0));
    let mut polls = 0;
    while reading.ids.is_empty() {
        polls += 1;
        let _maybe = timeout(Duration::ZERO, reading.next()).await;
        tokio::task::yield_now().await;
    }
    assert!(polls > 1);
    assert_eq!((reading.ids.len(), script.asked().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn odd_rows_are_set_aside_and_odd_fields_cost_the_summary_alone() {
    let script = Script::new([page(&[
        "{\"match_id\":0,\"match_seq_num\":5}".to_owned(),
        "{\"match_seq_num\":6}".to_owned(),
        "[7]".to_owned(),
        "{\"match_id\":8,\"match_id\":8}".to_owned(),
        row_at(9, 1),
        row(10),
    ])]);
    let mut reading = Reading::begin(script, ONE, Start::At(5));
    let mut batch = reading.batch().await;
    while batch.frames.is_empty() {
        batch = reading.batch().await;
    }
    let reasons: Vec<_> = batch.frames[..4]
        .iter()
        .map(|frame| frame.as_ref().expect_err("odd").reason)
        .collect();
    assert_eq!(
        reasons,
        [
            DeadLetterReason::MatchIdInvalid,
            DeadLetterReason::MatchIdMissing,
            DeadLetterReason::NotAnObject,
            DeadLetterReason::MatchIdTwice,
        ]
    );
    assert!(
        matches!(batch.frames[4], Ok(FoundMatch::Id(_))),
        "{batch:?}"
    );
    let Ok(FoundMatch::Summary(summary)) = &batch.frames[5] else {
        panic!("{batch:?}");
    };
    assert_eq!(summary.match_seq_num, Some(10));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_named_and_without_another_the_feed_is_lost() {
    let html = || answer(403, "<html>");
    let script = Script::new([html(), page(&rows([1]))]);
    let mut reading = Reading::begin(script.clone(), &["one", "two"], Start::At(0));
    let health = KeyHealth::new(Arc::clone(&reading.steam), Arc::clone(&reading.clock));
    assert_eq!(health.checks()[0].status, HealthStatus::Healthy);
    pass(&mut reading, Duration::from_secs(1)).await;
    assert_eq!(reading.ids.len(), 1);
    let check = health.checks().remove(0);
    assert_eq!(check.status, HealthStatus::Degraded);
    assert!(
        check.reason.starts_with("key 1 of 2: answered 403"),
        "{}",
        check.reason
    );
    assert!(reading.ends.is_empty());

    script.tell([html()]);
    pass(&mut reading, Duration::from_secs(10)).await;
    let end = reading.ends.pop().expect("no key is left");
    assert_eq!(end.reason, DisconnectReason::KeyRefused);
    assert!(end.retry_in > Duration::from_mins(59), "{end:?}");
    assert_eq!(health.checks()[0].status, HealthStatus::Unhealthy);
    let calls = script.asked().len();
    pass(&mut reading, Duration::from_mins(50)).await;
    assert_eq!(script.asked().len(), calls);
    // An hour after, both are accepted.
    pass(&mut reading, Duration::from_mins(11)).await;
    assert_eq!(health.checks()[0].status, HealthStatus::Healthy);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_asked_for_in_parts() {
    let script = Script::telling([
        Err(CallFailed::TooLarge(8)),
        Err(CallFailed::TooLarge(8)),
        Ok(page(&rows([1]))),
    ]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(0));
    pass(&mut reading, Duration::from_secs(6)).await;
    let asked = script.asked.lock().expect("no panic");
    let rows: Vec<_> = asked
        .iter()
        .filter_map(|(_, url)| url.split("matches_requested=").nth(1))
        .collect();
    assert_eq!(rows, ["100", "50", "25", "100"]);
}

#[tokio::test(start_paused = true)]
async fn numbers_of_which_nothing_is_told_are_skipped_once_there_is_more() {
    let in_vain = || answer(200, "{\"result\":{\"status\":15}}");
    let script = Script::new([page(&rows([4])), in_vain(), in_vain(), page(&rows([9]))]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(4));
    pass(&mut reading, Duration::from_secs(6)).await;
    let starts: Vec<_> = script.asked().into_iter().map(|(_, start)| start).collect();
    assert_eq!(starts, [4, 5, 6, 7].map(Some));
    let place = reading.checkpoint.as_ref().expect("a place");
    assert!(place.as_str().starts_with("v1;10;4;"), "{place}");

    // Of nothing at all: that is an outage, and what was skipped is asked for again.
    let script = Script::new((0..101).map(|_| in_vain()));
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(4));
    pass(&mut reading, Duration::from_secs(59)).await;
    assert_eq!(script.asked().len(), 101);
    assert_eq!(reading.ends[0].reason, DisconnectReason::ProtocolError);
    pass(&mut reading, Duration::from_secs(2)).await;
    assert_eq!(script.asked()[101], (60, Some(4)));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_begins_elsewhere_is_not_believed() {
    let script = Script::new([page(&rows([1, 2, 3])), page(&rows([50]))]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(40));
    pass(&mut reading, Duration::from_secs(6)).await;
    assert_eq!(script.asked()[..2], [(0, Some(40)), (5, Some(40))]);
    assert_eq!(reading.ids.len(), 1);
    assert_eq!(reading.ends[0].reason, DisconnectReason::ProtocolError);
}

#[tokio::test(start_paused = true)]
async fn at_its_end_it_hands_over_what_it_has_and_gives_up_the_rest() {
    let script = Script::new([page(&rows([1, 2]))]);
    let mut reading = Reading::begin(script, ONE, Start::At(0));
    assert_eq!(reading.next().await, reading_started());
    assert_eq!(reading.next().await, FeedEvent::Connected);
    let batch = reading.feed.close().await.expect("it has a batch");
    assert_eq!(batch.frames.len(), 2);
    assert_eq!(reading.feed.close().await, None);
}

/// The place that the settings say.
fn reading_started() -> FeedEvent {
    FeedEvent::Received(ingestion_application::ports::ReceivedBatch {
        received_at: crate::support::BEGIN,
        frames: Vec::new(),
        checkpoint: Some(Checkpoint::try_new("v1;0;0;").expect("short")),
        passed_over: 0,
    })
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_slower_than_the_pauses_leave_the_second_pass_its_turn() {
    let script = Script::new([page(&rows([10]))]);
    let mut reading = Reading::begin(script.clone(), ONE, Start::At(10));
    pass(&mut reading, Duration::from_mins(59)).await;
    // From here on a call each five seconds or more, and something new in each page.
    script.tell((0..400).map(|nth| match nth {
        0 => answer(429, ""),
        _ => page(&rows([10 + nth])),
    }));
    pass(&mut reading, Duration::from_mins(5)).await;
    let asked = script.asked();
    let of_trail = asked
        .iter()
        .filter(|(at, start)| *at > 3_600 && *start == Some(10));
    assert!(of_trail.count() > 0, "{:?}", &asked[asked.len() - 40..]);
}

/// A process that goes on at `place`, two hours after the world has begun.
fn resumed(script: &Arc<Script>, place: &str) -> Reading {
    let now = Timestamp::from_unix_seconds(BEGIN.unix_seconds() + 7_200);
    let mut reading = Reading::begin_at(now, script.clone(), ONE, Start::At(0));
    reading.restart(Some(Checkpoint::try_new(place).expect("short")));
    reading
}

/// Rows of matches that ended so many seconds before that process.
fn ended(numbers: impl IntoIterator<Item = u64>, seconds: i64) -> Vec<String> {
    let at = BEGIN.unix_seconds() + 7_200 - seconds;
    let numbers = numbers.into_iter();
    numbers.map(|number| row_at(number, at)).collect()
}

/// How many of the calls so far were the second pass's, which is below 1,000.
fn of_second_pass(script: &Script) -> usize {
    let asked = script.asked().into_iter();
    asked.filter(|(_, start)| *start < Some(1_000)).count()
}

#[tokio::test(start_paused = true)]
async fn a_second_pass_that_is_too_far_behind_goes_on_nearer_and_says_what_it_leaves_out() {
    // In the order in which they are asked for: first, second, second, first pass.
    let script = Script::new([
        page(&ended([1_000_000], 60)),
        page(&ended([10, 11], 7_000)),
        page(&[]),
        page(&ended([1_000_001], 60)),
    ]);
    let read_at = BEGIN.unix_seconds() + 3_000;
    let mut reading = resumed(&script, &format!("v1;1000000;10;{read_at}:900000"));
    let mut events = Vec::new();
    let ask = async {
        loop {
            events.push(reading.next().await);
        }
    };
    let _elapsed = timeout(Duration::from_secs(18), ask).await;
    let passed = events.iter().find_map(|event| match event {
        FeedEvent::PassedOver(passed) => Some(*passed),
        _ => None,
    });
    let passed = passed.unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!(passed.from.unix_seconds(), BEGIN.unix_seconds() + 200);
    assert_eq!(passed.to.unix_seconds(), read_at + 3_600);
    let covered = events.iter().rev().find_map(|event| match event {
        FeedEvent::Covered(coverage) => Some(*coverage),
        _ => None,
    });
    let covered = covered.expect("it tells how far it is");
    assert_eq!(covered.since.unix_seconds(), read_at);
    assert!(!covered.is_resumed, "it begins anew");
    let place = reading.checkpoint.as_ref().expect("a place");
    assert!(place.as_str().starts_with("v1;1000002;900000;"), "{place}");

    // With a larger window the same is not too far.
    let script = Script::new([
        page(&ended([1_000_000], 60)),
        page(&ended([10, 11], 7_000)),
        page(&[]),
        page(&ended([1_000_001], 60)),
    ]);
    let mut reading = resumed(&script, &format!("v1;1000000;10;{read_at}:900000"));
    reading.feed = reading.feed.with_dedup_window(2_000_000);
    pass(&mut reading, Duration::from_secs(18)).await;
    let place = reading.checkpoint.as_ref().expect("a place");
    assert!(place.as_str().starts_with("v1;1000002;12;"), "{place}");
}

#[tokio::test(start_paused = true)]
async fn while_the_first_pass_is_late_itself_the_second_one_waits() {
    for (seconds_ago, expected) in [(1_800, 1), (60, 4)] {
        let mut first = (1_000..).step_by(100);
        let mut second = (10..).step_by(2);
        // One of ten is the second pass's, as long as it is asked at all.
        let pages = (1..=60).map(|nth| {
            if nth == 10 || expected > 1 && nth % 10 == 0 {
                let number = second.next().expect("endless");
                page(&ended([number, number + 1], 7_000))
            } else {
                let number = first.next().expect("endless");
                page(&ended(number..number + 100, seconds_ago))
            }
        });
        let script = Script::new(pages.collect::<Vec<_>>());
        let read_at = BEGIN.unix_seconds() + 3_000;
        let mut reading = resumed(&script, &format!("v1;1000;10;{read_at}:900"));
        while script.asked().len() < 40 {
            reading.next().await;
        }
        assert_eq!(of_second_pass(&script), expected, "{:?}", script.asked());
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_second_pass_has_something_to_read_no_call_is_spent_on_a_few_rows() {
    // Forty rows each time for the first pass, and none yet for the second one.
    let forty = |nth: u64| page(&ended((1_000 + 40 * nth)..(1_040 + 40 * nth), 60));
    let pages = [
        forty(0),
        page(&[]),
        forty(1),
        page(&[]),
        page(&[]),
        forty(2),
    ];
    let script = Script::new(pages);
    let read_at = BEGIN.unix_seconds() + 3_000;
    let mut reading = resumed(&script, &format!("v1;1000;10;{read_at}:900"));
    pass(&mut reading, Duration::from_secs(40)).await;
    let first: Vec<u64> = script
        .asked()
        .into_iter()
        .filter(|(_, start)| *start >= Some(1_000))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(first, [0, 5, 15, 30], "{:?}", script.asked());
}
