use std::{
    collections::{BTreeMap, HashSet},
    num::NonZeroU32,
};

use domain::{CountingRules, LeftOut};
use proptest::prelude::*;

use super::{heroes::HERO_COUNT, *};

fn id(raw: i64) -> MatchId {
    MatchId::try_new(raw).expect("positive")
}

fn ids(count: usize) -> impl Iterator<Item = MatchId> {
    (FIRST_MATCH_ID..).map(id).take(count)
}

/// Share in thousandths.
fn per_mille(count: usize, of: usize) -> usize {
    count * 1_000 / of
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_id_has_a_match_that_follows_from_seed_and_id(
        seed: u64,
        raw in prop_oneof![1..=i64::MAX, FIRST_MATCH_ID..FIRST_MATCH_ID + 100_000_000],
    ) {
        let world = World::new(seed);
        let found = world.at(id(raw));
        prop_assert_eq!(found, World::new(seed).at(id(raw)));
        prop_assert_eq!(world.players(&found), world.clone().players(&found));
        prop_assert_eq!(found.played.id, id(raw));
        prop_assert!(START_UNIX_SECONDS.contains(&found.played.start_time.unix_seconds()));
        let heroes: HashSet<_> = found.played.heroes().map(|(_, hero)| hero).collect();
        prop_assert!(heroes.len() == 10 || found.played.duration_seconds == 0);
        let accounts: Vec<_> =
            world.players(&found).iter().filter_map(|line| line.account_id).collect();
        prop_assert_eq!(accounts.iter().collect::<HashSet<_>>().len(), accounts.len());
    }
}

#[test]
fn another_seed_is_another_world() {
    let (one, other) = (World::new(1), World::new(2));
    let same = ids(1_000).filter(|id| one.at(*id) == other.at(*id)).count();
    assert_eq!(same, 0);
    let begin = Timestamp::from_unix_seconds(1_800_000_000);
    let later = World::beginning(1, begin);
    assert_eq!(later.start_time(id(FIRST_MATCH_ID)), begin);
    assert_eq!(
        later.at(id(FIRST_MATCH_ID)).played.radiant,
        one.at(id(FIRST_MATCH_ID)).played.radiant
    );
}

#[test]
fn ids_rise_with_the_start_and_sequence_numbers_with_the_end() {
    let world = World::new(1);
    let mut by_end: Vec<_> = ids(20_000).map(|id| world.at(id)).collect();
    assert!(by_end.is_sorted_by_key(|found| found.played.start_time));
    by_end.sort_by_key(WorldMatch::match_seq_num);
    assert!(by_end.is_sorted_by_key(WorldMatch::end_time));
    let numbers: HashSet<_> = by_end.iter().map(WorldMatch::match_seq_num).collect();
    assert_eq!(numbers.len(), by_end.len(), "no number is given twice");
    for found in &by_end {
        let first = world.first_id_at(found.played.start_time);
        assert_eq!(world.start_time(first), found.played.start_time);
        assert!(first <= found.played.id && found.played.id.get() - first.get() < 14);
    }
}

#[test]
fn the_matches_of_a_day_are_spread_over_it_however_many_they_are() {
    let begin = Timestamp::from_unix_seconds(1_800_000_000);
    let next = Timestamp::from_unix_seconds(begin.unix_seconds() + SECONDS_A_DAY);
    for count in [1, 7, 5_000, 1_209_600, 5_000_000] {
        let world = World::thinned(1, begin, NonZeroU32::new(count).expect("there are some"));
        let last = id(FIRST_MATCH_ID + i64::from(count));
        assert_eq!(world.start_time(id(FIRST_MATCH_ID)), begin);
        assert_eq!(world.start_time(last), next, "{count}");
        assert_eq!(world.first_id_at(next), last, "{count}");
        assert!(world.start_time(id(last.get() - 1)) < next, "{count}");
        for seconds in [0, 1, 3_599, SECONDS_A_DAY / 2] {
            let at = Timestamp::from_unix_seconds(begin.unix_seconds() + seconds);
            let first = world.first_id_at(at);
            assert!(world.start_time(first) >= at, "{count}: {seconds}");
            let before = id(first.get() - 1);
            assert!(world.start_time(before) < at, "{count}: {seconds}");
        }
    }
    let few = World::thinned(1, begin, NonZeroU32::MIN);
    let found = few.at(id(FIRST_MATCH_ID + 9)).played;
    let of_many = World::beginning(1, begin).at(id(FIRST_MATCH_ID + 9)).played;
    assert_eq!(found.radiant, of_many.radiant);
}

#[test]
fn matches_are_of_all_kinds_in_plausible_shares() {
    const COUNT: usize = 50_000;
    let world = World::new(3);
    let rules = CountingRules::default();
    let mut outcomes: BTreeMap<Option<LeftOut>, usize> = BTreeMap::new();
    let (mut turbo, mut ranked, mut unknown_rank, mut radiant) = (0, 0, 0, 0);
    for found in ids(COUNT).map(|id| world.at(id)) {
        let judged = rules.judge(&found.played, found.has_leaver());
        *outcomes.entry(judged.err()).or_default() += 1;
        turbo += usize::from((found.played.lobby_type, found.played.game_mode) == (0, 23));
        ranked += usize::from((found.played.lobby_type, found.played.game_mode) == (7, 22));
        unknown_rank += usize::from(found.avg_rank_tier.is_none());
        radiant += usize::from(found.played.radiant_win);
        assert!(
            found
                .avg_rank_tier
                .is_none_or(|tier| (11..=85).contains(&tier))
        );
    }
    assert!(
        (300..340).contains(&per_mille(turbo, COUNT)),
        "{turbo} turbo"
    );
    assert!(
        (420..470).contains(&per_mille(ranked, COUNT)),
        "{ranked} ranked"
    );
    assert!(
        (40..60).contains(&per_mille(unknown_rank, COUNT)),
        "{unknown_rank} without rank"
    );
    assert!(
        (500..540).contains(&per_mille(radiant, COUNT)),
        "{radiant} won by Radiant"
    );
    assert!(
        (940..970).contains(&per_mille(outcomes[&None], COUNT)),
        "{outcomes:?}"
    );
    for reason in [
        LeftOut::HeroUnknown,
        LeftOut::Lobby,
        LeftOut::Leaver,
        LeftOut::TooShort,
    ] {
        assert!(
            outcomes.contains_key(&Some(reason)),
            "{reason} in {outcomes:?}"
        );
    }
}

#[test]
fn players_are_as_the_match_says_and_half_of_them_anonymous() {
    let world = World::new(4);
    let (mut anonymous, mut leavers) = (0, 0);
    for found in ids(2_000).map(|id| world.at(id)) {
        let players = world.players(&found);
        assert_eq!(players.len(), 10);
        let heroes = found.played.radiant.iter().chain(&found.played.dire);
        for ((place, line), hero) in (0..).zip(&players).zip(heroes) {
            assert_eq!((line.slot.get(), line.hero_id), (place, *hero));
            assert!(line.kills.is_some() && line.deaths.is_some() && line.assists.is_some());
            anonymous += usize::from(line.account_id.is_none());
        }
        let has_leaver = players.iter().any(domain::PlayerLine::is_leaver);
        assert_eq!(has_leaver, found.has_leaver());
        leavers += usize::from(has_leaver);
    }
    assert!(
        (430..470).contains(&per_mille(anonymous, 20_000)),
        "{anonymous}"
    );
    assert!((20..45).contains(&per_mille(leavers, 2_000)), "{leavers}");
}

/// The planted truth shows in the results: predicted chances are met, and pairs that are said to
/// be good for Radiant win more than those that are said to be bad.
#[test]
fn results_follow_the_planted_advantages() {
    let world = World::new(5);
    let (mut predicted, mut won, mut likely) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    for found in ids(40_000)
        .map(|id| world.at(id))
        .filter(|found| found.played.duration_seconds > 0)
    {
        let side = |heroes: [Option<HeroId>; 5]| heroes.into_iter().flatten().collect::<Vec<_>>();
        let (radiant, dire) = (side(found.played.radiant), side(found.played.dire));
        let over: f64 = radiant
            .iter()
            .flat_map(|hero| dire.iter().map(|other| world.advantage(*hero, *other)))
            .sum();
        let half = usize::from(over > 0.0);
        predicted[half] += world.radiant_chance(&radiant, &dire);
        won[half] += f64::from(u8::from(found.played.radiant_win));
        likely[half] += 1.0;
    }
    for half in [0, 1] {
        let (expected, found) = (predicted[half] / likely[half], won[half] / likely[half]);
        assert!(
            (expected - found).abs() < 0.015,
            "{expected} predicted, {found} won"
        );
    }
    let difference = won[1] / likely[1] - won[0] / likely[0];
    assert!((0.1..0.3).contains(&difference), "{difference}");
}

#[test]
fn effects_and_accounts_are_as_many_as_a_world_is_told() {
    let world = World::new(7);
    let accounts = NonZeroU32::new(20).expect("there are some");
    let other = world.with_pair_effects(0.5).with_accounts(accounts);
    let (mut same, mut seen) = (0, HashSet::new());
    for id in ids(2_000) {
        let (one, found) = (world.at(id), other.at(id));
        assert_eq!(one.played.radiant, found.played.radiant);
        same += usize::from(one.played.radiant_win == found.played.radiant_win);
        let lines = other.players(&found);
        seen.extend(lines.into_iter().filter_map(|line| line.account_id));
    }
    assert!((900..1_000).contains(&per_mille(same, 2_000)), "{same}");
    assert_eq!(seen.len(), 20);
    let heroes: Vec<_> = world.heroes().collect();
    assert_eq!(heroes.len(), HERO_COUNT);
    let (hero, rival) = (heroes[0], heroes[1]);
    let twice = 2.0 * other.advantage(hero, rival);
    assert!((world.advantage(hero, rival) - twice).abs() < f64::EPSILON);
    let twice = 2.0 * other.synergy(hero, rival);
    assert!((world.synergy(hero, rival) - twice).abs() < f64::EPSILON);
    assert!((world.strength(hero) - other.strength(hero)).abs() < f64::EPSILON);
}

#[test]
fn corrections_turn_the_result() {
    let original = World::new(6).at(id(FIRST_MATCH_ID));
    assert_eq!(original.corrected(0), original);
    let once = original.corrected(1);
    assert_ne!(once.played.radiant_win, original.played.radiant_win);
    assert_eq!(
        once.played.duration_seconds,
        original.played.duration_seconds + 1
    );
    assert_eq!(
        original.corrected(2).played.radiant_win,
        original.played.radiant_win
    );
}
