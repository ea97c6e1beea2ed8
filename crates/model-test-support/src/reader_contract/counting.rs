//! Games and wins of a patch.

use domain::{HeroId, SkillBracket, Timestamp};
use model_application::ports::{Cell, CounterReader, DayToRead, Part};
use model_application::{Mode, Skill, Weight};

use super::{PATCH, Target, built_for_fit, many, now_built, tally};
use crate::{FIRST_DAY, MemoryCounters, PlayedMatch};

const ALL_PICK: Cell = Cell {
    part: Part::Fit,
    mode: Mode::Default,
    bracket: SkillBracket::UNKNOWN,
};

pub(super) async fn pairs_are_seen_from_the_hero_that_comes_first(target: &impl Target) {
    // Hero 1 meets hero 6 three times, once as Radiant and twice as Dire, and wins each time.
    let as_radiant = PlayedMatch::on(FIRST_DAY, 1);
    let mut as_dire = PlayedMatch::on(FIRST_DAY, 2);
    as_dire.heroes.rotate_left(5);
    as_dire.radiant_win = false;
    let again = PlayedMatch {
        id: 3,
        ..as_dire.clone()
    };
    target.store(&[as_radiant, as_dire, again]).await;
    target.build(FIRST_DAY).await;
    let day = built_for_fit(target, FIRST_DAY).await;
    let counts = target.counters().counts(PATCH, &[day]).await;
    let counts = counts.expect("it answers");
    assert_eq!(counts.cells.keys().collect::<Vec<_>>(), [&ALL_PICK]);
    let cell = &counts.cells[&ALL_PICK];
    cell.check().expect("whole matches");
    let place = |raw| {
        let hero = HeroId::try_new(raw).expect("it is a hero");
        counts.roster.place(hero).expect("it is listed")
    };
    let (one, two, six, seven) = (place(1), place(2), place(6), place(7));
    assert_eq!(cell.matches(), tally(3, 1), "Radiant won one");
    assert_eq!(cell.heroes()[one], tally(3, 3));
    assert_eq!(cell.heroes()[six], tally(3, 0));
    assert_eq!(*cell.against().get(one, six), tally(3, 3));
    assert_eq!(*cell.with().get(one, two), tally(3, 3));
    assert_eq!(*cell.with().get(six, seven), tally(3, 0));
    assert_eq!(*cell.with().get(one, six), tally(0, 0));
}

pub(super) async fn weights_count_once_and_squared(target: &impl Target) {
    let (first, second) = (FIRST_DAY, FIRST_DAY.next());
    let mut lost = PlayedMatch::on(second, 2);
    lost.radiant_win = false;
    let won = PlayedMatch::on(first, 1);
    target.store(&[won, lost]).await;
    let mut days = Vec::new();
    for (day, weight, part) in [
        (first, Weight::new(100), Part::HeldOut),
        (second, Weight::new(7), Part::HeldOut),
    ] {
        target.build(day).await;
        days.push(now_built(target, day, weight, part).await);
    }
    let counts = target.counters().counts(PATCH, &days).await;
    let counts = counts.expect("it answers");
    let slice = counts.slice(&[Part::HeldOut], Skill::All, Mode::Default);
    for sum in [slice.matches(), slice.heroes()[0]] {
        assert_eq!((sum.games, sum.wins), (2, 1));
        assert_eq!((sum.weighted_games, sum.weighted_wins), (107, 100));
        assert_eq!(sum.squared_weights, 100 * 100 + 7 * 7);
    }
    let nothing = counts.slice(&[Part::Fit], Skill::All, Mode::Default);
    assert_eq!(nothing.matches(), tally(0, 0));
}

pub(super) async fn sums_are_those_of_all_matches(target: &impl Target) {
    let days = [0, 1, 2]
        .map(|later| domain::Day::from_days_since_epoch(FIRST_DAY.days_since_epoch() + later));
    let matches = many(&days, 120);
    target.store(&matches).await;
    let reference = MemoryCounters::new();
    reference.store(matches);
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for (day, (weight, part)) in days.into_iter().zip([
        (Weight::of_age(2, 14), Part::Fit),
        (Weight::of_age(1, 14), Part::Fit),
        (Weight::FULL, Part::HeldOut),
    ]) {
        target.build(day).await;
        found.push(now_built(target, day, weight, part).await);
        reference.build(day, Timestamp::from_unix_ms(1));
        let of_reference = reference.day_builds(day, day).await.expect("it answers");
        expected.push(of_reference[0].to_read(weight, part));
        let builds = target.counters().day_builds(day, day).await;
        assert_eq!(builds.expect("it answers")[0].sums, of_reference[0].sums);
    }
    let counts = target.counters().counts(PATCH, &found).await;
    let counts = counts.expect("it answers");
    let theirs = reference
        .counts(PATCH, &expected)
        .await
        .expect("it answers");
    assert!(counts.roster.len() > HeroId::listed().len());
    assert!(counts.other_modes(&[Part::Fit, Part::HeldOut], Skill::High) > 0);
    let counted: u64 = found.iter().map(|day| day.counted).sum();
    assert_eq!(counts.matches_read(), counted);
    assert_eq!(counts, theirs);
    for mode in Mode::EACH {
        let whole = counts.slice(&[Part::Fit, Part::HeldOut], Skill::All, mode);
        whole.check().expect("whole matches");
    }
}

pub(super) async fn patches_that_share_a_day_are_told_apart(target: &impl Target) {
    // 7.39 came in the middle of this second.
    let since = 1_747_956_961;
    let mut before = PlayedMatch::on(FIRST_DAY, 1);
    before.started = since;
    let after = PlayedMatch {
        id: 2,
        started: since + 1,
        ..before.clone()
    };
    let later = PlayedMatch {
        id: 3,
        game_mode: 4,
        ..after.clone()
    };
    let day = before.day();
    assert_eq!(day, after.day());
    target.store(&[before, after, later]).await;
    target.build(day).await;
    let day = built_for_fit(target, day).await;
    let check = async |patch: &str, [slice, other_modes, others]: [u64; 3]| {
        let days: [DayToRead; 1] = [day];
        let counts = target.counters().counts(patch, &days).await;
        let counts = counts.expect("it answers");
        let found = counts.slice(&[Part::Fit], Skill::All, Mode::Default);
        let found = [
            found.matches().games,
            counts.other_modes(&[Part::Fit], Skill::All),
            counts.other_patches,
        ];
        assert_eq!(found, [slice, other_modes, others], "{patch}");
    };
    check("7.38", [1, 0, 2]).await;
    check("7.39", [1, 1, 1]).await;
    check("6.66", [0, 0, 3]).await;
    check("' OR 1=1 --", [0, 0, 3]).await;
}
