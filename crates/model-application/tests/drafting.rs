//! Evaluations and suggestions from published numbers.

use domain::{HeroId, Side};
use model_application::{
    DraftModel, Effect, Lineup, LineupError, Question, Roster, Suggestion, TermKind, Triangle,
    ban_values, suggest, z_of,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};

const HEROES: u16 = 30;

fn hero(id: u16) -> HeroId {
    HeroId::try_new(id).expect("ids begin at 1")
}

fn effects(count: usize) -> impl Strategy<Value = Vec<Effect>> {
    vec((-300_i16..300, 1_i16..80), count).prop_map(|effects| {
        let effect = |(value, sd)| Effect { value, sd };
        effects.into_iter().map(effect).collect()
    })
}

fn any_model() -> impl Strategy<Value = DraftModel> {
    let (heroes, pairs) = (usize::from(HEROES), usize::from(HEROES * (HEROES - 1) / 2));
    (-90_i16..90, effects(heroes), effects(pairs), effects(pairs)).prop_map(
        move |(side, strengths, advantages, synergies)| DraftModel {
            roster: Roster::new((1..=HEROES).map(hero)),
            side: Effect { value: side, sd: 3 },
            strengths,
            advantages: Triangle::from_values(heroes, advantages),
            synergies: Triangle::from_values(heroes, synergies),
        },
    )
}

/// Up to five heroes a side, and some bans.
fn any_draft() -> impl Strategy<Value = (Vec<HeroId>, Vec<HeroId>, Vec<HeroId>)> {
    let ids: Vec<u16> = (1..=HEROES).collect();
    (
        subsequence(ids, 14).prop_shuffle(),
        0..=5_usize,
        0..=5_usize,
    )
        .prop_map(|(ids, radiant, dire)| {
            let ids: Vec<_> = ids.into_iter().map(hero).collect();
            (
                ids[..radiant].to_vec(),
                ids[5..5 + dire].to_vec(),
                ids[10..].to_vec(),
            )
        })
}

fn question<'a>(lineup: &'a Lineup, side: Side, bans: &'a [HeroId]) -> Question<'a> {
    Question {
        lineup,
        side,
        bans,
        games: None,
        personal: None,
        level: 0.9,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sides_exchanged_exchange_the_chances(
        mut model in any_model(),
        (radiant, dire, _) in any_draft(),
    ) {
        model.side.value = 0;
        let evaluate = |one: &[HeroId], other: &[HeroId]| {
            let lineup = Lineup::try_new(&model.roster, one, other).expect("different");
            model.evaluate(&lineup)
        };
        let (ours, theirs) = (evaluate(&radiant, &dire), evaluate(&dire, &radiant));
        prop_assert_eq!(ours.score.value, -theirs.score.value);
        prop_assert_eq!(ours.score.variance, theirs.score.variance);
        let both = ours.score.probability() + theirs.score.probability();
        prop_assert!((both - 1.0).abs() < 1e-12);
        let (lo, hi) = ours.score.interval(0.9);
        prop_assert!(lo < ours.score.probability() && ours.score.probability() < hi);

        // Whoever of a side is named first.
        let mut reversed = radiant.clone();
        reversed.reverse();
        prop_assert_eq!(evaluate(&reversed, &dire), ours.clone());
        let terms: i64 = ours.terms.iter().map(|term| i64::from(term.effect.value)).sum();
        prop_assert_eq!(terms, ours.score.value);
        let (r, d) = (radiant.len(), dire.len());
        let pairs = |side: usize| side * side.saturating_sub(1) / 2;
        prop_assert_eq!(ours.terms.len(), 1 + r + d + r * d + pairs(r) + pairs(d));
    }

    #[test]
    fn suggestions_are_what_evaluations_say(
        model in any_model(),
        (radiant, dire, bans) in any_draft(),
        is_radiant in any::<bool>(),
    ) {
        let side = if is_radiant { Side::Radiant } else { Side::Dire };
        let lineup = Lineup::try_new(&model.roster, &radiant, &dire).expect("different");
        let named = suggest(&model, &question(&lineup, side, &bans), usize::MAX).expect("listed");
        let free = usize::from(HEROES) - radiant.len() - dire.len() - bans.len();
        prop_assert_eq!(named.len(), free);
        let sum: f64 = named.iter().map(|one| one.p_best).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9);
        for pair in named.windows(2) {
            let of = |one: &Suggestion| -> i64 {
                one.terms.iter().map(|term| i64::from(term.effect.value)).sum()
            };
            prop_assert!(of(&pair[0]) >= of(&pair[1]));
        }
        for one in &named {
            prop_assert!(!bans.contains(&one.hero));
            prop_assert!(!radiant.contains(&one.hero) && !dire.contains(&one.hero));
            prop_assert!(one.lo < one.win_probability && one.win_probability < one.hi);
            prop_assert!(one.exposed_to.iter().all(|(_, advantage)| advantage.value < 0));
            let (mut with, mut against) = (radiant.clone(), dire.clone());
            if is_radiant { with.push(one.hero) } else { against.push(one.hero) }
            if with.len() <= 5 && against.len() <= 5 {
                let lineup = Lineup::try_new(&model.roster, &with, &against).expect("different");
                let score = model.evaluate(&lineup).score.probability();
                let of_side = if is_radiant { score } else { 1.0 - score };
                prop_assert!((one.win_probability - of_side).abs() < 1e-12);
            }
        }
        let again = suggest(&model, &question(&lineup, side, &bans), 3).expect("listed");
        prop_assert_eq!(&again[..], &named[..3.min(named.len())]);
    }
}

fn even_model() -> DraftModel {
    let (heroes, pairs) = (usize::from(HEROES), usize::from(HEROES * (HEROES - 1) / 2));
    let even = Effect { value: 0, sd: 20 };
    DraftModel {
        roster: Roster::new((1..=HEROES).map(hero)),
        side: Effect { value: 60, sd: 3 },
        strengths: vec![even; heroes],
        advantages: Triangle::from_values(heroes, vec![even; pairs]),
        synergies: Triangle::from_values(heroes, vec![even; pairs]),
    }
}

#[test]
fn an_empty_draft_has_the_radiant_s_advantage_alone() {
    let model = even_model();
    let lineup = Lineup::try_new(&model.roster, &[], &[]).expect("empty");
    let found = model.evaluate(&lineup);
    assert_eq!(found.terms.len(), 1);
    assert_eq!(found.terms[0].kind, TermKind::Side);
    assert_eq!(found.score.thousandths(), 60);
    assert!((found.score.probability() - 0.515).abs() < 1e-3);
}

#[test]
fn of_equals_each_may_be_the_best_and_of_unequals_one_is() {
    let mut model = even_model();
    let lineup = Lineup::try_new(&model.roster, &[hero(1)], &[hero(2)]).expect("different");
    let named = suggest(&model, &question(&lineup, Side::Dire, &[]), 50).expect("listed");
    assert_eq!(named.len(), 28);
    for one in &named {
        assert!((one.p_best - 1.0 / 28.0).abs() < 0.03, "{one:?}");
        assert!(one.is_in_first_tier);
    }
    model.strengths[6].value = 400;
    let named = suggest(&model, &question(&lineup, Side::Dire, &[]), 50).expect("listed");
    assert_eq!((named[0].hero, named[0].p_best), (hero(7), 1.0));
    assert!(!named[1].is_in_first_tier);
    // A player who is good at something else.
    let mut personal = vec![Effect::default(); usize::from(HEROES)];
    personal[9].value = 900;
    let asked = Question {
        personal: Some(&personal),
        ..question(&lineup, Side::Dire, &[])
    };
    let named = suggest(&model, &asked, 1).expect("listed");
    assert_eq!(named[0].hero, hero(10));
}

#[test]
fn who_hurts_is_named_if_anybody_picks_it() {
    let mut model = even_model();
    let heroes = usize::from(HEROES);
    // Heroes 20 and 21 are good against everybody; nobody picks 21.
    model.advantages = Triangle::from_fn(heroes, |i, j| {
        let value = match (i, j) {
            (19, 20) => 0,
            (19 | 20, _) => 100,
            (_, 19 | 20) => -100,
            _ => 0,
        };
        Effect { value, sd: 20 }
    });
    let mut games = vec![1000; heroes];
    games[20] = 1;
    let lineup = Lineup::try_new(&model.roster, &[hero(1)], &[]).expect("one");
    let asked = Question {
        games: Some(&games),
        ..question(&lineup, Side::Radiant, &[])
    };
    let named = suggest(&model, &asked, 5).expect("listed");
    let of_first = named.iter().find(|one| one.hero == hero(2));
    let exposed = &of_first.expect("it is free").exposed_to;
    assert_eq!(
        exposed,
        &[(
            hero(20),
            Effect {
                value: -100,
                sd: 20
            }
        )]
    );
    let bans = ban_values(&model, &asked).expect("listed");
    assert_eq!(bans[0].hero, hero(20));
    assert!(bans[0].value_pp > 100.0 * bans[1].value_pp.max(0.0));
}

#[test]
fn a_lineup_that_cannot_be_is_refused() {
    let model = even_model();
    let refused = |radiant: &[u16], dire: &[u16]| {
        let heroes = |ids: &[u16]| -> Vec<_> { ids.iter().copied().map(hero).collect() };
        Lineup::try_new(&model.roster, &heroes(radiant), &heroes(dire)).expect_err("refused")
    };
    assert_eq!(refused(&[1, 2], &[2]), LineupError::HeroTwice(hero(2)));
    assert_eq!(refused(&[1, 2, 3, 4, 5, 6], &[]), LineupError::TooMany(6));
    assert!(matches!(refused(&[99], &[]), LineupError::NotListed(_)));
    assert!((z_of(0.9) - 1.644_853_6).abs() < 1e-6);
}
