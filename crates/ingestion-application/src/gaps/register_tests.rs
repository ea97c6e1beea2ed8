//! The register, minute by minute.

use std::collections::BTreeSet;

use domain::Timestamp;
use proptest::prelude::*;

use super::{
    gap::{GapCause, GapState},
    register::{Register, WINDOWS_MAX},
    written::Written,
};
use crate::{
    Checkpoint, SourceName,
    ports::{Coverage, DisconnectReason, PassedOver},
};

const STREAM: SourceName = SourceName::new("opendota_stream");
const LOGS: SourceName = SourceName::new("opendota_logs");
const PAGES: SourceName = SourceName::new("opendota_pages");
const STEAM: SourceName = SourceName::new("steam_sequence");
const KNOWN: [SourceName; 4] = [STREAM, LOGS, PAGES, STEAM];

const LOST: GapCause = GapCause::of(DisconnectReason::ConnectionLost);
const SILENT: GapCause = GapCause::of(DisconnectReason::IdleTimeout);

const LOST_WINDOW: GapState = GapState::Lost;
const OPEN: GapState = GapState::Open;
const REPAIRING: GapState = GapState::Repairing;
const CLOSED: GapState = GapState::Closed;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_786_620_000 + 60 * minute)
}

fn minute(at: Timestamp) -> i64 {
    (at.unix_seconds() - 1_786_620_000).div_euclid(60)
}

/// A register that has been running since minute 0, with nothing left to it.
fn register(followers: &[SourceName]) -> Register {
    let mut register = unloaded(followers, 0);
    register.load(None, at(0));
    register
}

fn unloaded(followers: &[SourceName], since: i64) -> Register {
    let pushed = vec![STREAM, LOGS];
    Register::new(KNOWN.to_vec(), pushed, followers.to_vec(), at(since))
}

/// The next process, which begins at this minute.
fn restarted(before: &Register, followers: &[SourceName], since: i64) -> Register {
    let text = before.written();
    assert!(text.len() <= Checkpoint::SIZE_MAX_BYTES, "{text}");
    let written = Written::decode(&text, &KNOWN, at(since)).expect("ours");
    let mut next = unloaded(followers, since);
    next.load(Some(&written), at(since));
    next
}

fn told(since: i64, up_to: i64) -> Coverage {
    Coverage {
        since: at(since),
        up_to: at(up_to),
        is_resumed: false,
    }
}

/// All of it: feed, from, to, state; the newest first.
fn shown(register: &Register, now: i64) -> Vec<(SourceName, i64, Option<i64>, GapState)> {
    let gaps = register.list(at(now)).into_iter();
    gaps.map(|it| (it.source, minute(it.from), it.to.map(minute), it.state))
        .collect()
}

#[test]
fn an_interruption_opens_a_window_from_what_was_heard_last_until_something_is_heard() {
    let mut register = register(&[PAGES]);
    assert!(!register.heard(STREAM, at(5)));
    assert!(register.interrupted(STREAM, LOST));
    assert_eq!(shown(&register, 7), [(STREAM, 5, None, OPEN)]);
    assert!(!register.interrupted(STREAM, SILENT), "it is the same one");
    assert!(register.heard(STREAM, at(9)));
    assert_eq!(shown(&register, 9), [(STREAM, 5, Some(9), REPAIRING)]);
    assert_eq!(register.list(at(9))[0].cause, LOST);
    assert!(!register.interrupted(PAGES, LOST), "it looks back itself");
}

#[test]
fn what_a_feed_passes_over_somebody_else_closes_or_nobody() {
    let passed = PassedOver {
        from: at(10),
        to: at(70),
    };
    let mut alone = register(&[STEAM]);
    alone.covered(STEAM, told(0, 10), at(80));
    alone.passed_over(STEAM, passed);
    assert_eq!(shown(&alone, 80), [(STEAM, 10, Some(70), LOST_WINDOW)]);
    let gap = &alone.list(at(80))[0];
    assert_eq!(gap.cause.as_str(), "passed_over");
    assert!(gap.detail.contains("not asked for"), "{}", gap.detail);
    let next = restarted(&alone, &[STEAM], 90);
    assert_eq!((next.list(at(90)).len(), next.lost_total), (1, 1));

    let mut both = register(&[STEAM, PAGES]);
    both.covered(STEAM, told(0, 10), at(80));
    both.covered(PAGES, told(0, 5), at(80));
    both.passed_over(STEAM, passed);
    both.covered(STEAM, told(70, 75), at(140));
    assert_eq!(shown(&both, 140), [(STEAM, 10, Some(70), REPAIRING)]);
    both.covered(PAGES, told(0, 72), at(140));
    assert_eq!(shown(&both, 140), [(STEAM, 10, Some(70), CLOSED)]);
}

#[test]
fn nothing_of_what_was_passed_over_counts_as_told() {
    let mut register = register(&[STEAM]);
    register.covered(STEAM, told(0, 10), at(80));
    register.heard(STREAM, at(20));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(30));
    let passed = PassedOver {
        from: at(10),
        to: at(70),
    };
    register.passed_over(STEAM, passed);
    register.covered(STEAM, told(70, 75), at(140));
    let shown = shown(&register, 140);
    assert!(
        shown.contains(&(STREAM, 20, Some(30), LOST_WINDOW)),
        "{shown:?}"
    );
}

#[test]
fn before_anything_was_heard_a_window_begins_with_the_process() {
    let mut register = register(&[PAGES]);
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(3));
    assert_eq!(shown(&register, 3), [(STREAM, 0, Some(3), REPAIRING)]);
}

#[test]
fn interruptions_that_follow_each_other_are_one_gap() {
    let mut register = register(&[PAGES]);
    register.heard(STREAM, at(5));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(9));
    register.covered(PAGES, told(0, 7), at(10));
    register.heard(STREAM, at(10));
    register.interrupted(STREAM, LOST);
    assert_eq!(shown(&register, 10), [(STREAM, 5, None, OPEN)]);
    register.covered(PAGES, told(0, 10), at(15));
    assert_eq!(shown(&register, 15), [(STREAM, 5, None, OPEN)], "no end");
    register.heard(STREAM, at(20));
    let gap = &register.list(at(20))[0];
    assert_eq!(gap.interruptions, 2);
    register.covered(PAGES, told(0, 19), at(21));
    assert_eq!(shown(&register, 21), [(STREAM, 5, Some(20), REPAIRING)]);
    register.heard(STREAM, at(22));
    register.interrupted(STREAM, LOST);
    assert_eq!(
        shown(&register, 22),
        [(STREAM, 22, None, OPEN), (STREAM, 5, Some(20), REPAIRING)],
        "two minutes are far apart"
    );
}

#[test]
fn what_is_closed_is_shown_for_a_day() {
    let mut register = register(&[PAGES]);
    register.heard(STREAM, at(5));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(9));
    register.covered(PAGES, told(0, 9), at(13));
    assert_eq!(shown(&register, 13), [(STREAM, 5, Some(9), CLOSED)]);
    register.tidy(at(13 + 24 * 60 - 1));
    assert_eq!(register.count(CLOSED), 1);
    register.tidy(at(13 + 24 * 60));
    assert_eq!(register.count(CLOSED), 0, "seen by whoever wanted to");
}

#[test]
fn what_a_feed_gave_up_is_lost_with_what_was_covered() {
    let mut register = register(&[PAGES]);
    register.covered(PAGES, told(0, 0), at(1));
    register.heard(STREAM, at(5));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(9));
    register.covered(PAGES, told(0, 7), at(10));
    // It tells of everything again, but not of what was before.
    register.covered(PAGES, told(30, 30), at(31));
    assert_eq!(shown(&register, 31), [(STREAM, 5, Some(9), LOST_WINDOW)]);
    let gap = register.list(at(31)).remove(0);
    assert!((0.49..0.51).contains(&gap.progress), "{}", gap.progress);
    assert!(gap.detail.contains("too far behind"), "{}", gap.detail);
    assert_eq!(register.lost_total, 1);
}

#[test]
fn without_anybody_who_looks_back_a_window_is_lost_when_it_ends() {
    let mut register = register(&[]);
    register.heard(STREAM, at(5));
    register.interrupted(STREAM, LOST);
    assert_eq!(shown(&register, 6), [(STREAM, 5, None, OPEN)]);
    register.heard(STREAM, at(9));
    assert_eq!(shown(&register, 9), [(STREAM, 5, Some(9), LOST_WINDOW)]);
    let detail = &register.list(at(9))[0].detail;
    assert!(detail.contains("opendota-pages"), "{detail}");
    assert_eq!(register.lost_total, 1);
}

#[test]
fn a_feed_that_tells_in_its_order_closes_what_it_has_come_past() {
    let mut register = register(&[STEAM]);
    register.covered(STEAM, told(0, 0), at(0));
    register.heard(STREAM, at(10));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(20));
    for (up_to, progress) in [(9, 0.0), (15, 0.5), (19, 0.9)] {
        assert!(!register.covered(STEAM, told(0, up_to), at(up_to + 60)));
        let gap = register.list(at(up_to + 60)).remove(0);
        assert_eq!((gap.state, gap.progress), (REPAIRING, progress));
        assert_eq!(gap.expected_end, Some(at(80)), "it is an hour behind");
    }
    assert!(register.covered(STEAM, told(0, 20), at(80)));
    assert_eq!(shown(&register, 80), [(STREAM, 10, Some(20), CLOSED)]);
    assert_eq!(register.list(at(80))[0].detail, "closed by steam_sequence");
}

#[test]
fn what_was_before_the_only_one_that_looks_back_is_lost_and_the_rest_is_closed() {
    let mut register = register(&[STEAM]);
    register.heard(STREAM, at(10));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(20));
    assert_eq!(
        shown(&register, 20),
        [(STREAM, 10, Some(20), REPAIRING)],
        "it has not said where it began"
    );
    register.covered(STEAM, told(15, 15), at(21));
    let expected = [
        (STREAM, 15, Some(20), REPAIRING),
        (STREAM, 10, Some(15), LOST_WINDOW),
    ];
    assert_eq!(shown(&register, 21), expected);
    register.covered(STEAM, told(15, 21), at(90));
    assert_eq!(shown(&register, 90)[0], (STREAM, 15, Some(20), CLOSED));
}

#[test]
fn a_feed_that_lost_its_place_covers_nothing_of_before() {
    let mut register = register(&[STEAM]);
    register.covered(STEAM, told(0, 5), at(10));
    register.covered(STEAM, told(60, 60), at(60));
    register.heard(STREAM, at(10));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(20));
    assert_eq!(shown(&register, 61), [(STREAM, 10, Some(20), LOST_WINDOW)]);
}

#[test]
fn of_several_that_look_back_the_first_to_have_told_closes_a_gap() {
    let mut register = register(&[STEAM, PAGES]);
    register.covered(STEAM, told(12, 12), at(13));
    register.heard(STREAM, at(10));
    register.interrupted(STREAM, LOST);
    register.heard(STREAM, at(20));
    assert_eq!(
        shown(&register, 20),
        [(STREAM, 10, Some(20), REPAIRING)],
        "the other one has not said where it began"
    );
    register.covered(PAGES, told(11, 15), at(21));
    let expected = [
        (STREAM, 11, Some(20), REPAIRING),
        (STREAM, 10, Some(11), LOST_WINDOW),
    ];
    assert_eq!(shown(&register, 21), expected);
    register.covered(PAGES, told(11, 20), at(26));
    assert_eq!(register.list(at(26))[0].detail, "closed by opendota_pages");
}

#[test]
fn a_restart_is_a_window_from_what_was_heard_before() {
    let mut before = register(&[PAGES]);
    before.heard(STREAM, at(10));
    let mut next = restarted(&before, &[PAGES], 15);
    assert_eq!(shown(&next, 15), [(STREAM, 10, None, OPEN)]);
    assert_eq!(next.list(at(15))[0].cause, GapCause::RESTART);
    next.heard(STREAM, at(16));
    next.heard(STREAM, at(17));
    assert_eq!(shown(&next, 17), [(STREAM, 10, Some(16), REPAIRING)]);
    assert_eq!(next.lost_total, 0);
}

#[test]
fn what_happened_before_it_was_known_what_is_left_belongs_to_the_same_window() {
    let mut before = register(&[]);
    before.heard(STREAM, at(10));
    before.heard(LOGS, at(10));
    let written = Written::decode(&before.written(), &KNOWN, at(15)).expect("ours");

    // One cannot be reached at first and is heard then; the other is heard at once,
    // and interrupted again.
    let mut next = unloaded(&[], 15);
    next.interrupted(STREAM, LOST);
    next.heard(LOGS, at(16));
    next.heard(STREAM, at(17));
    next.heard(LOGS, at(18));
    next.interrupted(LOGS, LOST);
    next.load(Some(&written), at(19));
    let expected = [
        (LOGS, 18, None, OPEN),
        (STREAM, 10, Some(17), LOST_WINDOW),
        (LOGS, 10, Some(16), LOST_WINDOW),
    ];
    let mut found = shown(&next, 19);
    found.sort_by_key(|(source, from, ..)| (-*from, source.as_str() == LOGS.as_str()));
    assert_eq!(found, expected);
    assert_eq!(next.lost_total, 2, "each once");
}

#[test]
fn a_window_that_was_open_goes_on_and_one_that_has_ended_is_still_to_be_closed() {
    let mut before = register(&[PAGES]);
    before.heard(STREAM, at(10));
    before.interrupted(STREAM, SILENT);
    before.heard(STREAM, at(20));
    before.heard(STREAM, at(30));
    before.interrupted(STREAM, LOST);
    before.heard(LOGS, at(31));

    let mut next = restarted(&before, &[PAGES], 40);
    let expected = [
        (LOGS, 31, None, OPEN),
        (STREAM, 30, None, OPEN),
        (STREAM, 10, Some(20), REPAIRING),
    ];
    assert_eq!(shown(&next, 40), expected);
    assert_eq!(next.list(at(40))[1].cause, LOST, "that was why");
    next.heard(STREAM, at(41));
    assert_eq!(shown(&next, 41)[1], (STREAM, 30, Some(41), REPAIRING));

    // Whoever stops reading a feed ends its windows; nothing of later is missed.
    let mut alone = unloaded(&[PAGES], 50);
    alone.pushed.retain(|feed| feed.source == STREAM);
    let written = Written::decode(&next.written(), &KNOWN, at(50)).expect("ours");
    alone.load(Some(&written), at(50));
    assert!(shown(&alone, 50).contains(&(LOGS, 31, Some(50), REPAIRING)));
}

#[test]
fn what_a_feed_has_covered_goes_from_process_to_process() {
    let mut before = register(&[STEAM]);
    before.covered(STEAM, told(0, 10), at(70));
    before.heard(STREAM, at(70));
    let written = Written::decode(&before.written(), &KNOWN, at(80)).expect("ours");
    let mut next = unloaded(&[STEAM], 80);
    next.load(Some(&written), at(80));
    next.heard(STREAM, at(81));
    // It says only from where on it has seen pages itself.
    let resumed = Coverage {
        since: at(75),
        up_to: at(75),
        is_resumed: true,
    };
    next.covered(STEAM, resumed, at(82));
    assert_eq!(shown(&next, 82), [(STREAM, 70, Some(81), REPAIRING)]);
}

#[test]
fn of_too_many_the_oldest_become_one_and_every_loss_is_counted() {
    for followers in [&[][..], &[PAGES][..]] {
        let mut register = register(followers);
        let count = 3 * WINDOWS_MAX;
        for nth in 0..count {
            let minute = 10 * i64::try_from(nth).expect("few");
            register.heard(STREAM, at(minute));
            register.interrupted(STREAM, LOST);
            register.heard(STREAM, at(minute + 5));
        }
        let gaps = register.list(at(100_000));
        assert_eq!(gaps.len(), WINDOWS_MAX);
        let interruptions: u32 = gaps.iter().map(|gap| gap.interruptions).sum();
        assert_eq!(interruptions as usize, count);
        assert_eq!(minute(gaps[WINDOWS_MAX - 1].from), 0, "none is forgotten");
        if followers.is_empty() {
            assert_eq!(register.lost_total, count as u64);
        }
        let next = restarted(&register, followers, 100_000);
        let kept: u32 = next
            .list(at(100_000))
            .iter()
            .map(|it| it.interruptions)
            .sum();
        let of_restart = 1;
        assert_eq!(kept as usize, count + of_restart);
    }
}

/// What may happen, each after so many minutes.
#[derive(Debug, Clone)]
enum Step {
    Heard,
    Interrupted,
    Restart,
    /// Everything up to so many minutes ago was told.
    Covered(i64),
    /// Of what was before now nothing will be told.
    GivenUp,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        8 => Just(Step::Heard),
        6 => Just(Step::Interrupted),
        2 => Just(Step::Restart),
        4 => (0_i64..60).prop_map(Step::Covered),
        1 => Just(Step::GivenUp),
    ];
    prop::collection::vec((0_i64..30, step), 1..120)
}

proptest! {
    /// Every minute in which the feed could not be heard is in a window, and stays
    /// in one until it was told, whatever happens and however often one restarts.
    #[test]
    fn no_minute_that_was_missed_is_forgotten(steps in steps()) {
        let mut register = register(&[PAGES]);
        let (mut now, mut heard, mut since) = (0, 0, 0);
        let mut is_heard = true;
        // The minutes that were missed and not made up for.
        let mut missed: BTreeSet<i64> = BTreeSet::new();
        register.heard(STREAM, at(0));
        register.covered(PAGES, told(0, 0), at(0));
        for (minutes, step) in steps {
            now += minutes;
            match step {
                Step::Heard => {
                    if !is_heard {
                        missed.extend(heard..now);
                    }
                    register.heard(STREAM, at(now));
                    (heard, is_heard) = (now, true);
                }
                Step::Interrupted => {
                    register.interrupted(STREAM, LOST);
                    is_heard = false;
                }
                Step::Restart => {
                    register = restarted(&register, &[PAGES], now);
                    is_heard = false;
                }
                Step::Covered(ago) => {
                    let up_to = (now - ago).max(since);
                    register.covered(PAGES, told(since, up_to), at(now));
                    missed.retain(|it| !(since..up_to).contains(it));
                }
                Step::GivenUp => {
                    since = now;
                    register.covered(PAGES, told(now, now), at(now));
                }
            }
            register.tidy(at(now));
            let shown = shown(&register, now);
            let is_missing = |minute: i64| {
                shown.iter().any(|(_, begin, end, state)| {
                    *state != CLOSED && *begin <= minute && end.is_none_or(|end| end > minute)
                })
            };
            let forgotten = missed.iter().find(|it| !is_missing(**it));
            prop_assert!(forgotten.is_none(), "{forgotten:?}: {shown:?}");
            let open = shown.iter().filter(|it| it.3 == OPEN);
            let open: Vec<_> = open.map(|it| it.1).collect();
            prop_assert_eq!(open.len(), usize::from(!is_heard));
            prop_assert!(open.iter().all(|from| *from <= heard), "since {heard}: {shown:?}");
        }
    }
}
