//! When a day is behind its facts.

use std::collections::BTreeSet;

use domain::MatchSummary;
use etl_application::ports::DirtyDay;

use super::{Defect, Target, build, build_all, day, dirty, load, see, store};
use crate::answers::{DAY, NOON, bare, said_by, whole, with_positions};

async fn only_dirty(target: &dyn Target) -> DirtyDay {
    let dirty = target.counters().dirty_days(10).await;
    let dirty = dirty.expect("the warehouse answers");
    assert_eq!(dirty.len(), 1, "one day is dirty: {dirty:?}");
    dirty[0]
}

pub(super) async fn a_day_is_dirty_from_its_mark_to_its_build(target: &dyn Target) {
    let short = MatchSummary {
        duration_seconds: Some(60),
        ..whole(1, NOON)
    };
    // With rows in the tables of counters, and with none because nothing counts.
    for summary in [short, whole(1, NOON)] {
        load(target, &[said_by("a", 1, summary.clone())]).await;
        let first = only_dirty(target).await;
        assert_eq!(first.day, day(NOON));
        let done = build(target, day(NOON)).await;
        assert_eq!(
            done.mark, first.mark,
            "the build is that of the mark it saw"
        );
        assert_eq!(dirty(target).await, [], "a day that was built is clean");

        let days = BTreeSet::from([day(NOON)]);
        target
            .facts()
            .mark_dirty(&days)
            .await
            .expect("it takes marks");
        let second = only_dirty(target).await;
        assert_eq!(second.build, Some(first.mark));
        assert!(
            second.mark > first.mark,
            "marks never go back or stand still"
        );
        target
            .facts()
            .mark_dirty(&days)
            .await
            .expect("it takes marks");
        let third = only_dirty(target).await;
        assert!(
            third.mark > second.mark,
            "marks never go back or stand still"
        );
        build(target, day(NOON)).await;
        load(target, &[said_by("a", 2, summary)]).await;
        build_all(target).await;
    }
}

/// Counters of which nobody says when they were built are not taken for current.
pub(super) async fn a_day_without_a_note_is_dirty(target: &dyn Target) {
    load(target, &[said_by("a", 1, with_positions(whole(1, NOON)))]).await;
    for defect in [
        Defect::NoteMissing,
        Defect::NoteAndPairsMissing,
        Defect::EverythingMissing,
    ] {
        build(target, day(NOON)).await;
        assert_eq!(dirty(target).await, []);
        if target.tamper(day(NOON), defect).await {
            let found = only_dirty(target).await;
            assert_eq!((found.day, found.build), (day(NOON), None), "{defect:?}");
        }
    }
    build(target, day(NOON)).await;
    assert_eq!(dirty(target).await, []);
}

pub(super) async fn dirty_days_come_oldest_first_and_bounded(target: &dyn Target) {
    let answers = [5, 2, 9, 1].map(|n| said_by("a", 1, whole(n, NOON + n * DAY)));
    load(target, &answers).await;
    let days = [1, 2, 5, 9].map(|n| day(NOON + n * DAY));
    assert_eq!(dirty(target).await, days);
    let some = target.counters().dirty_days(2).await;
    let some = some.expect("the warehouse answers").into_iter();
    assert_eq!(some.map(|one| one.day).collect::<Vec<_>>(), days[..2]);
    assert!(build(target, days[1]).await.counted == 1);
    assert_eq!(dirty(target).await, [days[0], days[2], days[3]]);
}

pub(super) async fn days_with_facts_say_how_they_are(target: &dyn Target) {
    let answers = [
        said_by("a", 1, whole(1, NOON)),
        said_by("a", 1, bare(2, NOON + 2 * DAY)),
        said_by("a", 1, whole(3, NOON + 4 * DAY)),
    ];
    // Also days that nobody has marked yet.
    let days: Vec<_> = store(target, &answers).await.into_iter().collect();
    let states = async |from, to| {
        let states = target.counters().days(from, to).await;
        states.expect("the warehouse answers")
    };
    let all = states(days[0], days[2]).await;
    assert_eq!(all.iter().map(|one| one.day).collect::<Vec<_>>(), days);
    let is_new = |one: &etl_application::ports::DayState| {
        one.build.is_none() && one.built_at.is_none() && one.dirty_since.is_none()
    };
    assert!(all.iter().all(is_new), "never marked, never built");
    assert_eq!(states(days[0].next(), days[2]).await.len(), 2);
    assert_eq!(states(days[0], days[1]).await.len(), 2);

    load(target, &answers).await;
    let done = build(target, days[1]).await;
    let all = states(days[0], days[2]).await;
    assert!(all[0].dirty_since.is_some() && all[0].build.is_none());
    assert_eq!(all[1].dirty_since, None);
    assert_eq!(all[1].build.as_ref(), Some(&done));
    assert!(all[1].built_at.is_some());
}

pub(super) async fn nothing_is_nothing(target: &dyn Target) {
    assert_eq!(store(target, &[]).await, BTreeSet::new());
    let marked = target.facts().mark_dirty(&BTreeSet::new()).await;
    assert_eq!(marked, Ok(()));
    assert_eq!(target.wishes().wish(&[]).await, Ok(()));
    assert_eq!(dirty(target).await, []);
    let done = build(target, day(NOON)).await;
    assert_eq!((done.matches, done.counted), (0, 0));
    let seen = see(target, [crate::answers::match_id(1)]).await;
    assert!(seen.heroes.is_empty() && seen.days.is_empty());
    assert!(seen.known.values().all(Vec::is_empty));
}
