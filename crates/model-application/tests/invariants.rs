//! What must hold of every estimate, whatever was counted.

#![expect(clippy::cast_precision_loss, reason = "games are fewer than 2⁵³")]

use domain::HeroId;
use model_application::{
    Counter, Counts, Draft, Drafts, FromCounts, Roster, SliceEstimate, Tally, Weight, estimate,
};
use proptest::{collection::vec, prelude::*, sample::subsequence, strategy::ValueTree as _};

/// Few enough that pairs meet often.
const HEROES: u16 = 14;

fn hero(id: u16) -> HeroId {
    HeroId::try_new(id).expect("ids begin at 1")
}

fn all_heroes() -> Roster {
    Roster::new((1..=HEROES).map(hero))
}

/// Ten different heroes, and who won.
fn any_match() -> impl Strategy<Value = (Draft, bool)> {
    let heroes: Vec<u16> = (1..=HEROES).collect();
    let drafted = subsequence(heroes, 10).prop_shuffle();
    (drafted, any::<bool>()).prop_map(|(ids, won)| {
        let side = |from: usize| std::array::from_fn(|slot| hero(ids[from + slot]));
        let draft = Draft::try_new(side(0), side(5)).expect("ten different heroes");
        (draft, won)
    })
}

fn counted<'a>(matches: impl IntoIterator<Item = &'a (Draft, bool)>) -> Counts {
    let mut counter = Counter::new(all_heroes());
    for (draft, won) in matches {
        counter.add(draft, *won).expect("all heroes are listed");
    }
    counter.finish()
}

/// Counted pair by pair, as slowly as can be.
fn counted_by_hand(matches: &[(Draft, bool)]) -> Counts {
    let mut counts = Counts::new(all_heroes());
    for (draft, radiant_won) in matches {
        let tally = |won: bool| Tally::of(1, u64::from(won));
        counts.add_matches(tally(*radiant_won));
        for (side, won) in [
            (draft.radiant(), *radiant_won),
            (draft.dire(), !radiant_won),
        ] {
            for (slot, &hero) in side.iter().enumerate() {
                counts.add_hero(hero, tally(won)).expect("listed");
                for &ally in &side[..slot] {
                    counts.add_with(hero, ally, tally(won)).expect("two");
                }
            }
        }
        for &theirs in draft.dire() {
            for &ours in draft.radiant() {
                let against = counts.add_against(theirs, ours, tally(!radiant_won));
                against.expect("two");
            }
        }
    }
    counts
}

/// The same counts, so many times.
fn times(counts: &Counts, times: u64) -> Counts {
    let tally = |tally: &Tally| Tally::of(tally.games * times, tally.wins * times);
    let mut more = Counts::new(counts.roster().clone());
    let heroes = counts.roster().heroes();
    more.add_matches(tally(&counts.matches()));
    for (&hero, games) in heroes.iter().zip(counts.heroes()) {
        more.add_hero(hero, tally(games)).expect("listed");
    }
    for ((i, j), games) in counts.against().iter() {
        let against = more.add_against(heroes[i], heroes[j], tally(games));
        against.expect("two");
    }
    for ((i, j), games) in counts.with().iter() {
        let with = more.add_with(heroes[i], heroes[j], tally(games));
        with.expect("two");
    }
    more
}

fn expect_sound(found: &SliceEstimate) {
    let pairs = found.advantages.values().iter();
    let all = pairs
        .chain(found.synergies.values())
        .chain(&found.strengths);
    for estimate in all {
        assert!(estimate.value.is_finite());
        assert!(estimate.sd > 0.0 && estimate.sd.is_finite());
    }
}

/// Weighted by picks, the mean of a hero's pairs.
fn row_means(found: &SliceEstimate, counts: &Counts) -> Vec<(f64, f64)> {
    let games = |hero: usize| counts.heroes()[hero].games as f64;
    let heroes = usize::from(HEROES);
    (0..heroes)
        .map(|i| {
            let (mut advantage, mut synergy, mut weight) = (0.0, 0.0, 0.0);
            for j in (0..heroes).filter(|&j| j != i) {
                let sign = if i < j { 1.0 } else { -1.0 };
                advantage += games(j) * sign * found.advantages.get(i, j).value;
                synergy += games(j) * found.synergies.get(i, j).value;
                weight += games(j);
            }
            (advantage / weight, synergy / weight)
        })
        .collect()
}

fn is_close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn counts_add_up_whoever_counts_and_in_which_order(
        matches in vec(any_match(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let counts = counted(&matches);
        prop_assert_eq!(counts.check(), Ok(()));
        prop_assert_eq!(&counts, &counted(matches.iter().rev()));
        prop_assert_eq!(&counts, &counted_by_hand(&matches));
        let (one, other) = matches.split_at(cut.index(matches.len() + 1).min(matches.len()));
        let mut parts = counted(one);
        parts.merge(&counted(other));
        prop_assert_eq!(&parts, &counts);
        prop_assert_eq!(estimate(&parts), estimate(&counts));
    }

    #[test]
    fn threads_change_nothing(matches in vec(any_match(), 1..80), size in 1..20_usize) {
        let counts = std::thread::scope(|scope| {
            let parts: Vec<_> = matches
                .chunks(size)
                .map(|part| scope.spawn(move || counted(part)))
                .collect();
            let mut counts = Counts::new(all_heroes());
            // The last thread comes first.
            for part in parts.into_iter().rev() {
                counts.merge(&part.join().expect("it counts"));
            }
            counts
        });
        prop_assert_eq!(&counts, &counted(&matches));
        prop_assert_eq!(estimate(&counts), estimate(&counted(&matches)));
    }

    #[test]
    fn doubled_counts_tell_twice_as_much_of_the_same(matches in vec(any_match(), 1..80)) {
        let counts = counted(&matches);
        let mut doubled = counts.clone();
        doubled.merge(&counts);
        prop_assert_eq!(&doubled, &times(&counts, 2));
        prop_assert_eq!(doubled.check(), Ok(()));
        for (one, two) in counts.heroes().iter().zip(doubled.heroes()) {
            prop_assert!(is_close(2.0 * one.effective_games(), two.effective_games()));
            prop_assert!(is_close(one.win_rate(), two.win_rate()));
        }
    }

    #[test]
    fn days_add_up_in_any_order_whatever_they_weigh(
        days in vec((vec(any_match(), 1..20), 0..90_u32), 1..5),
    ) {
        let weighted = |days: &mut dyn Iterator<Item = &(Vec<(Draft, bool)>, u32)>| {
            let mut counts = Counts::new(all_heroes());
            for (matches, age) in days {
                counts.merge_weighted(&counted(matches), Weight::of_age(*age, 14));
            }
            counts
        };
        let counts = weighted(&mut days.iter());
        prop_assert_eq!(&counts, &weighted(&mut days.iter().rev()));
        prop_assert_eq!(counts.check(), Ok(()));
        expect_sound(&estimate(&counts));
        for tally in counts.heroes() {
            prop_assert!(tally.effective_games() <= tally.games as f64 * (1.0 + 1e-12));
        }
    }

    #[test]
    fn a_weight_that_all_matches_have_changes_nothing(
        matches in vec(any_match(), 1..60),
        parts in 1..Weight::PARTS,
    ) {
        let full = counted(&matches);
        let mut light = Counts::new(all_heroes());
        light.merge_weighted(&full, Weight::new(parts));
        let (one, other) = (estimate(&full), estimate(&light));
        for (one, other) in one.strengths.iter().zip(&other.strengths) {
            prop_assert!(is_close(one.value, other.value) && is_close(one.sd, other.sd));
        }
    }

    #[test]
    fn a_billion_games_of_a_pair_are_no_more_than_counts(matches in vec(any_match(), 1..40)) {
        let many = times(&counted(&matches), 1_000_000_000);
        prop_assert_eq!(many.check(), Ok(()));
        expect_sound(&estimate(&many));
    }

    #[test]
    fn every_figure_is_finite_and_centred(matches in vec(any_match(), 1..80)) {
        let counts = counted(&matches);
        let found = estimate(&counts);
        let pairs = found.advantages.values().iter().chain(found.synergies.values());
        for estimate in found.strengths.iter().chain(pairs) {
            prop_assert!(estimate.value.is_finite());
            prop_assert!(estimate.sd > 0.0 && estimate.sd.is_finite());
        }
        for (advantage, synergy) in row_means(&found, &counts) {
            prop_assert!(is_close(advantage, 0.0) && is_close(synergy, 0.0));
        }
        let strengths = found.strengths.iter().zip(counts.heroes());
        let sum: f64 = strengths.map(|(found, tally)| found.value * tally.games as f64).sum();
        prop_assert!(is_close(sum, 0.0));
    }

    #[test]
    fn which_side_heroes_were_on_tells_nothing_of_them(matches in vec(any_match(), 1..60)) {
        let swapped: Vec<_> = matches.iter().map(|(draft, won)| (draft.swapped(), !won)).collect();
        let (one, other) = (estimate(&counted(&matches)), estimate(&counted(&swapped)));
        prop_assert!(is_close(one.side, -other.side));
        prop_assert_eq!(one.strengths, other.strengths);
        prop_assert_eq!(one.advantages, other.advantages);
        prop_assert_eq!(one.synergies, other.synergies);
    }

    #[test]
    fn other_names_of_heroes_change_nothing_else(matches in vec(any_match(), 20..60)) {
        let renamed = |id: HeroId| hero(HEROES + 1 - id.get());
        let others: Vec<_> = matches
            .iter()
            .map(|(draft, won)| {
                let (radiant, dire) = (draft.radiant().map(renamed), draft.dire().map(renamed));
                (Draft::try_new(radiant, dire).expect("still different"), *won)
            })
            .collect();
        let (one, other) = (estimate(&counted(&matches)), estimate(&counted(&others)));
        let place = |hero: usize| usize::from(HEROES) - 1 - hero;
        for (hero, found) in one.strengths.iter().enumerate() {
            prop_assert!(is_close(found.value, other.strengths[place(hero)].value));
        }
        for ((i, j), found) in one.advantages.iter() {
            // The order of the two is turned round with their names.
            prop_assert!(is_close(found.value, -other.advantages.get(place(i), place(j)).value));
        }
        for ((i, j), found) in one.synergies.iter() {
            prop_assert!(is_close(found.value, other.synergies.get(place(i), place(j)).value));
        }
    }
}

#[test]
fn more_of_the_same_is_surer() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let some = vec(any_match(), 200)
        .new_tree(&mut runner)
        .expect("any match")
        .current();
    let once = estimate(&counted(&some));
    let doubled = some.iter().chain(&some).chain(&some).chain(&some);
    let often = estimate(&counted(doubled));
    let sd = |found: &SliceEstimate| found.strengths[0].sd / found.prior_sd.strength;
    assert!(sd(&often) < sd(&once));
}

#[test]
fn a_hero_nobody_has_played_is_as_unsure_as_the_prior() {
    let draft = |from: u16| {
        let side = |first: u16| {
            std::array::from_fn(|slot| hero(first + u16::try_from(slot).expect("at most 4")))
        };
        Draft::try_new(side(from), side(from + 5)).expect("different")
    };
    // Hero 14 is never picked, and every match is won by the same side.
    let matches: Vec<_> = (0..400).map(|n| (draft(1 + n % 4), true)).collect();
    let found = estimate(&counted(&matches));
    let unplayed = found.strengths.last().expect("there are heroes");
    assert!((unplayed.sd / found.prior_sd.strength - 1.0).abs() < 0.05);
    assert!(
        found.side > 3.0,
        "the Radiant has won each time: {}",
        found.side
    );
}

#[test]
fn who_has_won_every_game_is_good_and_not_certain() {
    let side = |from: u16| {
        std::array::from_fn(|slot| hero(from + u16::try_from(slot).expect("at most 4")))
    };
    let draft = Draft::try_new(side(1), side(6)).expect("different");
    for games in [1, 30, 3000] {
        let found = estimate(&counted(&vec![(draft, true); games]));
        expect_sound(&found);
        assert!(found.strengths[0].value > found.strengths[5].value);
    }
}

#[test]
fn of_nothing_nothing_is_said() {
    let found = estimate(&Counts::new(all_heroes()));
    assert!(found.strengths.iter().all(|strength| strength.value == 0.0));
    assert!(
        found
            .advantages
            .values()
            .iter()
            .all(|pair| pair.value == 0.0)
    );
}

/// What drafts tell jointly.
fn jointly(matches: &[(Draft, bool)]) -> SliceEstimate {
    weighted_jointly(&[(matches, Weight::FULL)])
}

fn weighted_jointly(days: &[(&[(Draft, bool)], Weight)]) -> SliceEstimate {
    let mut counts = Counts::new(all_heroes());
    let mut drafts = Drafts::try_new(all_heroes()).expect("fourteen heroes");
    for (matches, weight) in days {
        counts.merge_weighted(&counted(*matches), *weight);
        for (draft, won) in *matches {
            drafts.add(draft, *won, *weight).expect("all are listed");
        }
    }
    let found = FromCounts::of(&counts, None).jointly(&mut drafts, &|| true);
    found.expect("it is wanted")
}

/// A hundredth of the last digit that is published.
fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-5
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_joint_fit_is_finite_and_centred(matches in vec(any_match(), 1..200)) {
        let counts = counted(&matches);
        let found = jointly(&matches);
        expect_sound(&found);
        for (advantage, synergy) in row_means(&found, &counts) {
            prop_assert!(is_close(advantage, 0.0) && is_close(synergy, 0.0));
        }
        let strengths = found.strengths.iter().zip(counts.heroes());
        let sum: f64 = strengths.map(|(found, tally)| found.value * tally.games as f64).sum();
        prop_assert!(is_close(sum, 0.0));
    }

    #[test]
    fn the_order_of_drafts_changes_no_bit_of_a_joint_fit(
        matches in vec(any_match(), 1..80).prop_shuffle(),
        old in 0..40_u32,
    ) {
        let mut sorted = matches.clone();
        sorted.sort_by_key(|(draft, won)| (draft.radiant()[0], *won));
        prop_assert_eq!(jointly(&matches), jointly(&sorted));
        let (weight, half) = (Weight::of_age(old, 14), matches.len() / 2);
        let days = [(&matches[..half], Weight::FULL), (&matches[half..], weight)];
        let turned = [days[1], days[0]];
        prop_assert_eq!(weighted_jointly(&days), weighted_jointly(&turned));
    }

    #[test]
    fn the_order_within_a_side_means_nothing_to_a_joint_fit(matches in vec(any_match(), 1..60)) {
        let turned: Vec<_> = matches.iter().map(|(draft, won)| {
            let turn = |mut side: [HeroId; 5]| { side.reverse(); side };
            let turned = Draft::try_new(turn(*draft.radiant()), turn(*draft.dire()));
            (turned.expect("still different"), *won)
        }).collect();
        prop_assert_eq!(jointly(&matches), jointly(&turned));
    }

    #[test]
    fn a_joint_fit_does_not_know_a_side_from_the_other(matches in vec(any_match(), 1..100)) {
        let swapped: Vec<_> = matches.iter().map(|(draft, won)| (draft.swapped(), !won)).collect();
        let (one, other) = (jointly(&matches), jointly(&swapped));
        prop_assert!(is_near(one.side, -other.side));
        let pairs = one.advantages.values().iter().chain(one.synergies.values());
        let others = other.advantages.values().iter().chain(other.synergies.values());
        for (one, other) in one.strengths.iter().chain(pairs).zip(other.strengths.iter().chain(others)) {
            prop_assert!(is_near(one.value, other.value), "{} {}", one.value, other.value);
        }
    }

    #[test]
    fn a_joint_fit_does_not_know_heroes_by_their_names(matches in vec(any_match(), 20..100)) {
        let renamed = |id: HeroId| hero(HEROES + 1 - id.get());
        let others: Vec<_> = matches
            .iter()
            .map(|(draft, won)| {
                let (radiant, dire) = (draft.radiant().map(renamed), draft.dire().map(renamed));
                (Draft::try_new(radiant, dire).expect("still different"), *won)
            })
            .collect();
        let (one, other) = (jointly(&matches), jointly(&others));
        let place = |hero: usize| usize::from(HEROES) - 1 - hero;
        for (hero, found) in one.strengths.iter().enumerate() {
            prop_assert!(is_near(found.value, other.strengths[place(hero)].value));
        }
        for ((i, j), found) in one.advantages.iter() {
            prop_assert!(is_near(found.value, -other.advantages.get(place(i), place(j)).value));
        }
        for ((i, j), found) in one.synergies.iter() {
            prop_assert!(is_near(found.value, other.synergies.get(place(i), place(j)).value));
        }
    }

    #[test]
    fn a_weight_that_all_drafts_have_changes_nothing_jointly(
        matches in vec(any_match(), 1..60),
        parts in 1..Weight::PARTS,
    ) {
        let (full, light) = (jointly(&matches), weighted_jointly(&[(&matches, Weight::new(parts))]));
        for (one, other) in full.strengths.iter().zip(&light.strengths) {
            prop_assert!(is_near(one.value, other.value));
        }
    }
}

#[test]
fn who_has_won_every_game_is_good_and_not_certain_jointly() {
    let side = |from: u16| {
        std::array::from_fn(|slot| hero(from + u16::try_from(slot).expect("at most 4")))
    };
    let draft = Draft::try_new(side(1), side(6)).expect("different");
    for games in [1, 30, 3000] {
        let found = jointly(&vec![(draft, true); games]);
        expect_sound(&found);
        assert!(found.strengths[0].value > found.strengths[5].value);
        assert!(found.side.abs() < 20.0, "{}", found.side);
    }
}

#[test]
fn a_joint_fit_ends_when_nobody_wants_it() {
    let side = |from: u16| {
        std::array::from_fn(|slot| hero(from + u16::try_from(slot).expect("at most 4")))
    };
    let draft = Draft::try_new(side(1), side(6)).expect("different");
    let counts = counted(&vec![(draft, true); 20]);
    for wanted in 0..4 {
        let mut drafts = Drafts::try_new(all_heroes()).expect("fourteen heroes");
        drafts
            .add(&draft, true, Weight::FULL)
            .expect("all are listed");
        let asked = std::cell::Cell::new(0);
        let is_wanted = || asked.replace(asked.get() + 1) < wanted;
        assert!(
            FromCounts::of(&counts, None)
                .jointly(&mut drafts, &is_wanted)
                .is_none()
        );
        assert_eq!(asked.get(), wanted + 1);
    }
}

#[test]
fn packed_drafts_have_no_room_for_more_than_256_heroes() {
    let roster = |heroes: u16| Roster::new((1..=heroes).map(hero));
    assert!(Drafts::try_new(roster(256)).is_ok());
    let refused = Drafts::try_new(roster(257)).expect_err("there is one too many");
    assert!(refused.to_string().contains("257 heroes"), "{refused}");
}
