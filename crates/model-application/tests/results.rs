//! What must hold of everything that is published, whatever was counted.

#![expect(clippy::cast_precision_loss, reason = "games are fewer than 2⁵³")]

use std::collections::BTreeMap;

use domain::{HeroId, Timestamp};
use model_application::{
    Counter, Counts, Draft, DraftModel, HoldOut, HoldOutResult, Lineup, PairPoints, Roster,
    SliceFacts, SliceResult, Tally, ValuesFrom, Weight, estimate, win_rate,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};

/// Few enough that pairs meet often.
const HEROES: u16 = 14;
/// Nobody plays it.
const UNPLAYED: u16 = HEROES + 1;

fn hero(id: u16) -> HeroId {
    HeroId::try_new(id).expect("ids begin at 1")
}

fn any_match() -> impl Strategy<Value = (Draft, bool)> {
    let heroes: Vec<u16> = (1..=HEROES).collect();
    let drafted = subsequence(heroes, 10).prop_shuffle();
    (drafted, any::<bool>()).prop_map(|(ids, won)| {
        let side = |from: usize| std::array::from_fn(|slot| hero(ids[from + slot]));
        let draft = Draft::try_new(side(0), side(5)).expect("ten different heroes");
        (draft, won)
    })
}

/// Whatever can be odd about counts.
#[derive(Debug, Clone, Copy)]
enum Oddity {
    None,
    /// The first hero has won all of its games.
    AlwaysWins,
    /// Some heroes have met a thousand million times.
    OnePair,
    /// Everything was played so often.
    Many(u64),
    /// Half of it was played long ago.
    Old,
}

fn any_oddity() -> impl Strategy<Value = Oddity> {
    prop_oneof![
        Just(Oddity::None),
        Just(Oddity::AlwaysWins),
        Just(Oddity::OnePair),
        (1..1_000_000_000_u64).prop_map(Oddity::Many),
        Just(Oddity::Old),
    ]
}

fn counted(matches: &[(Draft, bool)], oddity: Oddity) -> Counts {
    let roster = Roster::new((1..=UNPLAYED).map(hero));
    let mut counter = Counter::new(roster.clone());
    for (draft, won) in matches {
        let plays = |side: &[HeroId]| side.contains(&hero(1));
        let won = match oddity {
            Oddity::AlwaysWins if plays(draft.radiant()) => true,
            Oddity::AlwaysWins if plays(draft.dire()) => false,
            _ => *won,
        };
        counter.add(draft, won).expect("all heroes are listed");
    }
    let mut counts = counter.finish();
    match oddity {
        Oddity::None | Oddity::AlwaysWins => {}
        Oddity::OnePair => {
            let side = |first: u16| {
                std::array::from_fn(|slot| hero(first + u16::try_from(slot).expect("at most 4")))
            };
            let draft = Draft::try_new(side(1), side(6)).expect("different");
            let mut once = Counter::new(roster);
            once.add(&draft, true).expect("all heroes are listed");
            counts.merge(&of_all(&once.finish(), |tally| {
                let wins = 400_000_000 * tally.games + 200_000_000 * tally.wins;
                Tally::of(1_000_000_000 * tally.games, wins)
            }));
        }
        Oddity::Many(times) => {
            counts = of_all(&counts, |tally| {
                Tally::of(tally.games * times, tally.wins * times)
            });
        }
        Oddity::Old => {
            let old = counts.clone();
            counts.merge_weighted(&old, Weight::of_age(30, 14));
        }
    }
    counts
}

fn of_all(counts: &Counts, change: impl Fn(&Tally) -> Tally) -> Counts {
    let mut changed = Counts::new(counts.roster().clone());
    let heroes = counts.roster().heroes();
    changed.add_matches(change(&counts.matches()));
    for (&hero, games) in heroes.iter().zip(counts.heroes()) {
        changed.add_hero(hero, change(games)).expect("listed");
    }
    for ((i, j), games) in counts.against().iter() {
        let added = changed.add_against(heroes[i], heroes[j], change(games));
        added.expect("two");
    }
    for ((i, j), games) in counts.with().iter() {
        let added = changed.add_with(heroes[i], heroes[j], change(games));
        added.expect("two");
    }
    changed
}

fn published(counts: &Counts) -> SliceResult {
    let facts = SliceFacts {
        from: ValuesFrom::Own,
        matches: counts.matches(),
        window: (Timestamp::from_unix_ms(0), Timestamp::from_unix_ms(1)),
        excluded: BTreeMap::new(),
        holdout: None,
    };
    SliceResult::of(&estimate(counts), counts, 9_000, facts)
}

/// What each hero has to do with each other one, as readers see it.
fn pairs(
    result: &SliceResult,
    of: impl Fn(&SliceResult, HeroId) -> Vec<(HeroId, PairPoints)>,
) -> BTreeMap<(u16, u16), PairPoints> {
    let heroes = result.head.model.roster.heroes().iter();
    let all = heroes.flat_map(|&one| {
        let others = of(result, one).into_iter();
        others.map(move |(other, points)| ((one.get(), other.get()), points))
    });
    all.collect()
}

fn versus(result: &SliceResult, hero: HeroId) -> Vec<(HeroId, PairPoints)> {
    let place = result.place(hero).expect("it is listed");
    result.versus(place).collect()
}

fn together(result: &SliceResult, hero: HeroId) -> Vec<(HeroId, PairPoints)> {
    let place = result.place(hero).expect("it is listed");
    result.together(place).collect()
}

/// The mean of points, weighted by how often their heroes are picked.
fn mean(values: impl Iterator<Item = (usize, i32)>, counts: &Counts) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (hero, pp) in values {
        let picks = counts.heroes()[hero].weighted_games as f64;
        sum += picks * f64::from(pp);
        weight += picks;
    }
    if weight > 0.0 { sum / weight } else { 0.0 }
}

/// Within rounding: 0.01 points.
fn is_centred(mean: f64) -> bool {
    mean.abs() <= 1.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn symmetry_is_exact_in_what_is_published(
        matches in vec(any_match(), 0..80),
        oddity in any_oddity(),
    ) {
        let counts = counted(&matches, oddity);
        let result = published(&counts);
        let (versus, together) = (pairs(&result, versus), pairs(&result, together));
        let heroes = usize::from(UNPLAYED);
        prop_assert_eq!(versus.len(), heroes * (heroes - 1));
        for (&(one, other), seen) in &versus {
            let back = versus[&(other, one)];
            prop_assert_eq!(seen.points.pp, -back.points.pp);
            prop_assert_eq!(seen.points.lo, -back.points.hi);
            prop_assert_eq!(seen.expected + back.expected, 10_000);
            prop_assert_eq!(seen.games, seen.wins + back.wins);
            let rates = win_rate(seen.games, seen.wins) + win_rate(back.games, back.wins);
            prop_assert_eq!(rates, 10_000);
        }
        for (&(one, other), seen) in &together {
            prop_assert_eq!(seen, &together[&(other, one)]);
        }
        let all = versus.values().chain(together.values()).map(|seen| seen.points);
        for points in all.chain(result.strengths.iter().map(|seen| seen.points)) {
            prop_assert!(points.lo <= points.pp && points.pp <= points.hi, "{:?}", points);
            prop_assert!(-10_000 < points.lo && points.hi < 10_000, "{:?}", points);
        }
    }

    #[test]
    fn weighted_means_are_0_in_what_is_published(
        matches in vec(any_match(), 0..80),
        oddity in any_oddity(),
    ) {
        let counts = counted(&matches, oddity);
        let result = published(&counts);
        let strengths = result.strengths.iter().map(|seen| seen.points.pp);
        let of_strengths = mean(strengths.enumerate(), &counts);
        prop_assert!(is_centred(of_strengths), "strengths: {}", of_strengths);
        for of in [versus, together] {
            for &hero in result.head.model.roster.heroes() {
                let row = of(&result, hero);
                let row = row.iter().map(|(other, seen)| {
                    let place = result.head.model.roster.place(*other).expect("listed");
                    (place, seen.points.pp)
                });
                let of_row = mean(row, &counts);
                prop_assert!(is_centred(of_row), "hero {}: {}", hero, of_row);
            }
        }
    }

    #[test]
    fn the_same_counts_give_the_same_result(
        matches in vec(any_match(), 1..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = counted(&matches, Oddity::None);
        let (one, other) = matches.split_at(cut.index(matches.len()));
        let mut parts = counted(other, Oddity::None);
        let turned: Vec<_> = one.iter().rev().copied().collect();
        parts.merge(&counted(&turned, Oddity::None));
        prop_assert_eq!(published(&whole), published(&parts));
    }

    #[test]
    fn many_drafts_are_predicted_as_one_is_evaluated(
        matches in vec(any_match(), 1..60),
        oddity in any_oddity(),
        draft in any_match(),
    ) {
        let (draft, _) = draft;
        let model = published(&counted(&matches, oddity)).head.model;
        let lineup = Lineup::try_new(&model.roster, draft.radiant(), draft.dire());
        let evaluated = model.evaluate(&lineup.expect("ten heroes of the slice"));
        let predicted = model.predict(&draft).expect("heroes of the slice");
        prop_assert_eq!(predicted.model, evaluated.score.thousandths());
        let none = DraftModel {
            advantages: model.advantages.map(|_| model_application::Effect::default()),
            synergies: model.synergies.map(|_| model_application::Effect::default()),
            ..DraftModel::clone(&model)
        };
        let without_pairs = none.predict(&draft).expect("heroes of the slice");
        prop_assert_eq!(without_pairs.model, predicted.heroes_only);
    }

    #[test]
    fn calibration_is_told_of_every_match(
        seen in vec((-7_000..7_000_i32, any::<bool>()), 1..500),
    ) {
        let mut holdout = HoldOut::default();
        for (predicted, won) in &seen {
            holdout.add(*predicted, *won);
        }
        let result = HoldOutResult::of(&holdout, &holdout, &holdout).expect("there are matches");
        let bins = &result.calibration;
        let matches: u64 = bins.iter().map(|bin| bin.matches).sum();
        prop_assert_eq!(matches, seen.len() as u64);
        prop_assert_eq!(result.matches, matches);
        prop_assert!(bins.len() <= 20);
        prop_assert!(bins.is_sorted_by_key(|bin| bin.predicted));
        prop_assert_eq!(result.log_loss, result.constant);
    }
}

#[test]
fn what_nobody_has_played_is_little_known() {
    let mut counts = Counts::new(Roster::new((1..=3).map(hero)));
    let often = Tally::of(1_000_000, 520_000);
    counts.add_against(hero(1), hero(2), often).expect("two");
    counts.add_hero(hero(1), often).expect("listed");
    counts
        .add_hero(hero(2), often.of_opponent())
        .expect("listed");
    let result = published(&counts);
    let low: Vec<_> = result
        .strengths
        .iter()
        .map(|seen| seen.low_sample)
        .collect();
    assert_eq!(low, [false, false, true]);
    let (never, strength) = (result.advantages.get(0, 2), &result.strengths[2]);
    assert!(never.low_sample && never.games == 0);
    assert_eq!((strength.games, strength.wins), (0, 0));
    assert_eq!(win_rate(never.games, never.wins), 5_000);
}
