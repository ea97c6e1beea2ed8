//! Days and their builds.

use std::collections::BTreeMap;

use domain::{HeroId, Timestamp};
use model_application::ports::{DayToRead, Part};
use model_application::{MatchSums, Weight};

use super::{Defect, PATCH, Target, built_for_fit, is_changed};
use crate::{FIRST_DAY, PlayedMatch};

pub(super) async fn nothing_is_nothing(target: &impl Target) {
    let counters = target.counters();
    let builds = counters.day_builds(FIRST_DAY, FIRST_DAY.next()).await;
    assert_eq!(builds, Ok(Vec::new()));
    assert_eq!(counters.newest_day().await, Ok(None));
    let counts = counters.counts(PATCH, &[]).await.expect("it answers");
    assert_eq!(counts.matches_read(), 0);
    assert!(counts.cells.is_empty());
    let listed: Vec<_> = HeroId::listed().collect();
    assert_eq!(counts.roster.heroes(), listed);
    let trial = counters.check().await.expect("all tables are there");
    assert_eq!(trial.newest_day, None);
    let none = target.accounts();
    let none = none.most_active(Timestamp::from_unix_ms(0), 10).await;
    assert_eq!(none, Ok(Vec::new()));
}

pub(super) async fn days_are_as_they_were_built(target: &impl Target) {
    let (first, second) = (FIRST_DAY, FIRST_DAY.next());
    let third = second.next();
    let mut short = PlayedMatch::on(first, 2);
    short.duration_seconds = 599;
    let mut left = PlayedMatch::on(first, 3);
    left.leaver = Some(9);
    let mut other_lobby = PlayedMatch::on(first, 4);
    other_lobby.lobby_type = 1;
    let mut other_mode = PlayedMatch::on(first, 5);
    other_mode.game_mode = 4;
    let whole = [PlayedMatch::on(first, 1), PlayedMatch::on(third, 6)];
    target.store(&whole).await;
    target.store(&[short, left, other_lobby, other_mode]).await;
    for day in [third, first] {
        target.build(day).await;
    }
    let counters = target.counters();
    let builds = counters.day_builds(first, third).await.expect("it answers");
    let days: Vec<_> = builds.iter().map(|build| build.day).collect();
    assert_eq!(days, [first, third], "the oldest first, and no other");
    let reasons = ["leaver", "lobby", "too_short"];
    let sums = MatchSums {
        read: 5,
        used: 2,
        excluded: BTreeMap::from(reasons.map(|reason| (reason.to_owned(), 1))),
    };
    assert_eq!(builds[0].sums, sums);
    assert_eq!(sums.check(), Ok(()));
    assert!(builds[0].built_at.as_unix_ms() > 0);
    assert_ne!(builds[0].build, builds[1].build);
    for (from, to, expected) in [(second, third, 1), (second, second, 0), (third, first, 0)] {
        let builds = counters.day_builds(from, to).await.expect("it answers");
        assert_eq!(builds.len(), expected, "{from} to {to}");
    }
}

pub(super) async fn the_newest_day_has_a_match_that_counts(target: &impl Target) {
    let (first, second) = (FIRST_DAY, FIRST_DAY.next());
    let mut short = PlayedMatch::on(second, 2);
    short.duration_seconds = 10;
    target.store(&[PlayedMatch::on(first, 1), short]).await;
    for day in [first, second] {
        target.build(day).await;
    }
    assert_eq!(target.counters().newest_day().await, Ok(Some(first)));
    let trial = target.counters().check().await.expect("it answers");
    assert_eq!(trial.newest_day, Some(first));
}

pub(super) async fn another_build_is_an_error(target: &impl Target) {
    let (first, second) = (FIRST_DAY, FIRST_DAY.next());
    let played = [PlayedMatch::on(first, 1), PlayedMatch::on(second, 2)];
    target.store(&played).await;
    for day in [first, second] {
        target.build(day).await;
    }
    let stays = built_for_fit(target, first).await;
    let before = built_for_fit(target, second).await;
    // As many matches as before: only the build tells.
    let mut corrected = PlayedMatch::on(second, 2);
    corrected.radiant_win = false;
    target.store(&[corrected]).await;
    target.build(second).await;
    assert!(is_changed(target, &[stays, before], second).await);
    assert!(is_changed(target, &[before, stays], second).await);
    let after = built_for_fit(target, second).await;
    assert_ne!(after.build, before.build);
    let both = target.counters().counts(PATCH, &[stays, after]).await;
    assert_eq!(both.expect("both are as asked for").matches_read(), 2);
    let miscounted = DayToRead {
        counted: 2,
        ..after
    };
    assert!(is_changed(target, &[stays, miscounted], second).await);
}

pub(super) async fn a_day_that_was_never_built_is_an_error(target: &impl Target) {
    target.store(&[PlayedMatch::on(FIRST_DAY, 1)]).await;
    let unbuilt = DayToRead {
        day: FIRST_DAY,
        build: 1,
        counted: 1,
        weight: Weight::FULL,
        part: Part::Fit,
    };
    assert!(is_changed(target, &[unbuilt], FIRST_DAY).await);
}

pub(super) async fn a_day_without_rows_is_as_its_note_says(target: &impl Target) {
    let mut short = PlayedMatch::on(FIRST_DAY, 1);
    short.duration_seconds = 10;
    target.store(&[short]).await;
    target.build(FIRST_DAY).await;
    let empty = built_for_fit(target, FIRST_DAY).await;
    assert_eq!(empty.counted, 0);
    let counts = target.counters().counts(PATCH, &[empty]).await;
    assert_eq!(counts.expect("nothing was counted").matches_read(), 0);
    // Now something is.
    target.store(&[PlayedMatch::on(FIRST_DAY, 1)]).await;
    target.build(FIRST_DAY).await;
    assert!(is_changed(target, &[empty], FIRST_DAY).await);
}

pub(super) async fn a_part_of_another_build_is_an_error<T: Target>(fresh: &impl AsyncFn() -> T) {
    for defect in Defect::ALL {
        let target = fresh().await;
        let (first, second) = (FIRST_DAY, FIRST_DAY.next());
        let played = [PlayedMatch::on(first, 1), PlayedMatch::on(second, 2)];
        target.store(&played).await;
        for day in [first, second] {
            target.build(day).await;
        }
        let days = [
            built_for_fit(&target, first).await,
            built_for_fit(&target, second).await,
        ];
        let whole = target.counters().counts(PATCH, &days).await;
        assert!(whole.is_ok(), "before {defect:?}: {whole:?}");
        if target.spoil(second, defect).await {
            assert!(is_changed(&target, &days, second).await, "{defect:?}");
        }
    }
}
