//! The sums that hold for every match, and the counters of two matches by hand.

use std::collections::BTreeSet;

use domain::{HeroId, MatchId, Slot, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::PositionFact;

fn hero(raw: u16) -> HeroId {
    HeroId::try_new(raw).expect("it is above zero")
}

fn played(heroes: [u16; 10], radiant_win: bool) -> Match {
    let team = |of: &[u16]| [0, 1, 2, 3, 4].map(|nth| HeroId::try_new(of[nth]).ok());
    Match {
        id: MatchId::try_new(1).expect("it is valid"),
        start_time: Timestamp::from_unix_seconds(1_742_744_300),
        duration_seconds: 1551,
        radiant_win,
        lobby_type: 7,
        game_mode: 22,
        radiant: team(&heroes[..5]),
        dire: team(&heroes[5..]),
    }
}

fn count_all(matches: &[Match]) -> DayCounters {
    let mut counters = DayCounters::default();
    for found in matches {
        counters.add(
            found,
            SkillBracket::UNKNOWN,
            false,
            None,
            &CountingRules::default(),
            &Patches::built_in(),
        );
    }
    counters
}

fn sums(counters: &DayCounters) -> DaySums {
    let pairs = counters.pairs();
    let of = |relation| {
        let chosen = pairs.iter().filter(|(key, _)| key.relation == relation);
        chosen.map(|(_, games)| u64::from(games.games)).sum()
    };
    DaySums {
        heroes: counters
            .heroes()
            .values()
            .map(|one| u64::from(one.games))
            .sum(),
        against: of(Relation::Against),
        with: of(Relation::With),
    }
}

#[test]
fn two_matches_count_as_by_hand() {
    let counters = count_all(&[
        played([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], true),
        // Hero 6 is Radiant's now, and loses to hero 1.
        played([6, 7, 8, 9, 10, 1, 2, 3, 4, 5], false),
    ]);
    let pairs = counters.pairs();
    let found = |relation, first, second| {
        let chosen = pairs.iter().find(|(key, _)| {
            (key.relation, key.hero, key.other) == (relation, hero(first), hero(second))
        });
        chosen.map(|(_, games)| (games.games, games.wins))
    };
    assert_eq!(found(Relation::Against, 1, 6), Some((1, 1)));
    assert_eq!(found(Relation::Against, 6, 1), Some((1, 0)));
    assert_eq!(found(Relation::With, 1, 2), Some((2, 2)));
    assert_eq!(
        found(Relation::With, 2, 1),
        None,
        "the lower one comes first"
    );
    assert_eq!(found(Relation::With, 6, 10), Some((2, 0)));
    let heroes = counters.heroes();
    let radiant_one = heroes.iter().find(|(key, _)| key.hero == hero(1));
    let (key, games) = radiant_one.expect("hero 1 was played");
    assert_eq!(
        (key.side, *games),
        (Side::Radiant, Games { games: 1, wins: 1 })
    );
    assert_eq!(&*key.cell.patch, "7.38");
}

#[test]
fn positions_are_counted_where_they_are_known() {
    let fact = |slot: u8, lane, position| PositionFact {
        slot: Slot::try_new(slot).expect("a slot"),
        lane,
        position: Position::try_new(position).expect("a position"),
    };
    let positions: Positions =
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|slot| fact(slot, slot % 3 + 1, slot % 5 + 1));
    let mut counters = count_all(&[played([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], true)]);
    assert!(counters.positions().is_empty());
    let rules = (CountingRules::default(), Patches::built_in());
    for (heroes, radiant_win) in [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], true),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 11], false),
        // It is not counted, and neither are its positions.
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 1], true),
    ] {
        let found = played(heroes, radiant_win);
        let unknown = SkillBracket::UNKNOWN;
        counters.add(&found, unknown, false, Some(&positions), &rules.0, &rules.1);
    }
    let counted: Vec<_> = counters
        .positions()
        .into_iter()
        .map(|(key, games)| {
            let position = (key.hero.get(), key.position.get(), key.lane);
            (position, games.games, games.wins)
        })
        .collect();
    assert_eq!(counted.len(), 11);
    assert_eq!(counted[0], ((1, 1, 1), 2, 1));
    assert_eq!(counted[9], ((10, 5, 1), 1, 0));
    assert_eq!(counted[10], ((11, 5, 1), 1, 1));
    assert_eq!(counters.counted(), 3);
}

#[test]
fn what_is_left_out_is_counted_by_reason() {
    let mut counters = count_all(&[played([1, 2, 3, 4, 5, 6, 7, 8, 9, 0], true)]);
    counters.leave_out(LeftOut::Incomplete);
    let day = Day::from_days_since_epoch(20_000);
    let build = counters.build(day, 7);
    assert_eq!((build.matches, build.counted), (2, 0));
    let expected = BTreeMap::from([(LeftOut::HeroUnknown, 1), (LeftOut::Incomplete, 1)]);
    assert_eq!(build.left_out, expected);
    assert_eq!(sums(&counters).differences(&build), []);
}

#[test]
fn each_sum_that_is_wrong_is_named() {
    let counters = count_all(&[played([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], true)]);
    let mut build = counters.build(Day::from_days_since_epoch(20_000), 7);
    let mut sums = sums(&counters);
    assert_eq!(sums.differences(&build), []);
    sums.with -= 1;
    build.matches += 1;
    let what: Vec<_> = sums.differences(&build);
    let what: Vec<_> = what.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "sum(games) of pair_days, with",
            "matches = counted + left out"
        ]
    );
}

proptest! {
    #[test]
    fn counters_add_up_whatever_is_played(
        games in proptest::collection::vec((any::<[u8; 10]>(), any::<bool>()), 0..40)
    ) {
        let matches: Vec<_> = games
            .iter()
            .map(|(heroes, win)| played(heroes.map(|one| u16::from(one % 30)), *win))
            .collect();
        let counters = count_all(&matches);
        let distinct = |found: &&Match| {
            let heroes: BTreeSet<_> = found.heroes().map(|(_, hero)| hero).collect();
            heroes.len() == 10
        };
        let build = counters.build(Day::from_days_since_epoch(20_000), 0);
        prop_assert_eq!(build.counted, matches.iter().filter(distinct).count() as u64);
        prop_assert_eq!(build.matches, matches.len() as u64);
        prop_assert_eq!(sums(&counters).differences(&build), []);
    }
}

#[test]
fn each_way_to_be_wrong_is_a_difference_with_its_name() {
    let counters = count_all(&[played([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], true)]);
    let day = Day::from_days_since_epoch(20_170);
    let stored = StoredDay {
        heroes: counters.heroes(),
        positions: counters.positions(),
        pairs: counters.pairs(),
        builds: BTreeSet::from([("hero_days", 7), ("pair_days", 7)]),
        noted: Some(counters.build(day, 7)),
    };
    assert_eq!(stored.differences(day, &counters), []);

    let names = |wrong: &StoredDay| -> Vec<_> {
        let differences = wrong.differences(day, &counters);
        differences.into_iter().map(|one| one.what).collect()
    };
    let mut wrong = stored.clone();
    wrong.builds.insert(("pair_days", 6));
    assert_eq!(names(&wrong), ["pair_days.build"]);

    let mut wrong = stored.clone();
    let (key, games) = wrong.heroes.pop_first().expect("there are ten");
    let name = "hero_days, hero 1 on radiant, patch \"7.38\", bracket 0, mode 22";
    let (of_games, of_wins) = (format!("{name}: games"), format!("{name}: wins"));
    assert_eq!(names(&wrong), [of_games.as_str(), &of_wins]);
    let mut moved = key.clone();
    moved.cell.patch = "7.39".into();
    wrong.heroes.insert(moved, games);
    assert_eq!(names(&wrong).len(), 4, "one is missing, one is too many");

    let mut wrong = stored.clone();
    let position = PositionKey {
        hero: key.hero,
        position: Position::try_new(5).expect("there are five"),
        lane: 3,
        cell: key.cell,
    };
    wrong
        .positions
        .insert(position, Games { games: 2, wins: 0 });
    let name = "position_days, hero 1 as 5 in lane 3, patch \"7.38\", bracket 0, mode 22: games";
    assert_eq!(names(&wrong), [name], "no replay was read");

    let mut wrong = stored.clone();
    wrong.pairs.clear();
    assert_eq!(
        names(&wrong).len(),
        2 * 25 + 20 + 10,
        "of the losers no wins"
    );
    wrong.heroes.clear();
    wrong.noted = None;
    wrong.builds.clear();
    assert_eq!(names(&wrong).len(), 2 + 80 + 15);
}
