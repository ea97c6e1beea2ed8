//! Personal scores in a world where skills are known.

#![expect(clippy::cast_precision_loss, reason = "games are fewer than 2⁵³")]

use domain::HeroId;
use model_application::{
    Account, Estimate, Played, SkillSpread, Weight,
    log_odds::{points, probability},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rand_distr::{Distribution as _, Gamma, StandardNormal};

const HEROES: usize = 127;
const ACCOUNTS: usize = 20_000;
const ACCOUNT_SD: f64 = 0.12;
const HERO_SD: f64 = 0.20;
/// Of the nine others, whom nobody knows.
const REST_SD: f64 = 0.7;
const DRAFT_SD: f64 = 0.40;
const STRENGTH_SD: f64 = 0.084;
const Z_95: f64 = 1.959_963_984_540_054;

struct Truth {
    played: Played,
    /// Account and hero together, as far as games can show it.
    skill: f64,
    /// The hero's own strength, likewise.
    strength: f64,
}

/// By account, its heroes.
struct World(Vec<Vec<Truth>>);

impl World {
    fn new(seed: u64, hero_sd: f64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let normal = |dice: &mut StdRng| -> f64 { StandardNormal.sample(dice) };
        let flat = 1.0 / (1.0 + std::f64::consts::PI / 8.0 * REST_SD * REST_SD).sqrt();
        let popularity: Vec<f64> = (0..HEROES)
            .map(|_| (0.62 * normal(&mut dice)).exp())
            .collect();
        let strengths: Vec<f64> = (0..HEROES)
            .map(|_| STRENGTH_SD * normal(&mut dice))
            .collect();
        let tastes = Gamma::new(0.15, 1.0).expect("both are above 0");
        let account = |dice: &mut StdRng| -> Vec<Truth> {
            let skill = ACCOUNT_SD * normal(dice);
            let games = (4.0 + normal(dice)).exp().clamp(5.0, 2000.0);
            // Each has a taste of its own: the share of its games on each hero.
            let taste: Vec<f64> = popularity.iter().map(|q| q * tastes.sample(dice)).collect();
            let all: f64 = taste.iter().sum();
            let mut heroes = Vec::new();
            for (place, share) in taste.iter().enumerate() {
                let wanted = games * share / all;
                let mut left = wanted.floor();
                left += f64::from(u8::from(dice.random::<f64>() < wanted - left));
                if left < 1.0 {
                    continue;
                }
                let on_hero = hero_sd * normal(dice);
                let id = u16::try_from(place + 1).expect("at most 127");
                let mut played = Played::new(HeroId::try_new(id).expect("not 0"));
                while left > 0.0 {
                    left -= 1.0;
                    let draft = strengths[place] + DRAFT_SD * normal(dice);
                    let rest = REST_SD * normal(dice);
                    let chance = probability(draft + skill + on_hero + rest);
                    let won = dice.random::<f64>() < chance;
                    played.add(probability(flat * draft), won, Weight::FULL);
                }
                heroes.push(Truth {
                    played,
                    skill: flat * (skill + on_hero),
                    strength: flat * strengths[place],
                });
            }
            heroes
        };
        Self((0..ACCOUNTS).map(|_| account(&mut dice)).collect())
    }

    fn learn(&self) -> SkillSpread {
        let accounts: Vec<Vec<Played>> = self.0.iter().map(|account| played(account)).collect();
        SkillSpread::learn(|each| {
            for account in &accounts {
                each(account);
            }
        })
    }

    /// Truth and estimate, of all heroes of all accounts.
    fn estimated(&self, spread: SkillSpread) -> impl Iterator<Item = (&Truth, Estimate)> {
        self.0.iter().flat_map(move |heroes| {
            let account = Account::of(&played(heroes), spread);
            heroes.iter().map(move |truth| {
                let found = account.skill_on(&truth.played);
                let estimate = Estimate {
                    value: found.account + found.personal,
                    sd: found.sd,
                    prior_sd: 1.0,
                };
                (truth, estimate)
            })
        })
    }
}

fn played(account: &[Truth]) -> Vec<Played> {
    account.iter().map(|truth| truth.played).collect()
}

fn flat() -> f64 {
    1.0 / (1.0 + std::f64::consts::PI / 8.0 * REST_SD * REST_SD).sqrt()
}

#[test]
fn spreads_are_found_and_intervals_hold() {
    let world = World::new(4, HERO_SD);
    let spread = world.learn();
    println!("{spread:?}");
    for (found, truth) in [(spread.account, ACCOUNT_SD), (spread.hero, HERO_SD)] {
        let ratio = found.sqrt() / (flat() * truth);
        println!("spread {ratio:.3}");
        assert!((0.92..=1.08).contains(&ratio), "{ratio}");
    }
    assert!(
        spread.slope.abs() < 0.01,
        "nobody plays more what is better: {spread:?}"
    );
    for (from, to) in [(1, 4), (5, 19), (20, 49), (50, 199)] {
        let (mut count, mut held) = (0.0, 0.0);
        let (mut ours, mut nothing, mut pseudo) = (0.0, 0.0, 0.0);
        let of_class = |truth: &Truth| (from..=to).contains(&truth.played.games);
        let each = world.estimated(spread).filter(|(truth, _)| of_class(truth));
        for (truth, found) in each {
            let games = truth.played.games as f64;
            let won = truth.played.wins as f64 - truth.played.expected_wins;
            let error = found.value - truth.skill;
            count += 1.0;
            held += f64::from(u8::from(error.abs() < Z_95 * found.sd));
            ours += error * error;
            nothing += truth.skill * truth.skill;
            pseudo += (4.0 * won / (games + 10.0) - truth.skill).powi(2);
        }
        let pp = |squares: f64| 25.0 * (squares / count).sqrt();
        let (coverage, ours, nothing, pseudo) = (held / count, pp(ours), pp(nothing), pp(pseudo));
        println!(
            "{from} to {to} games: coverage {coverage:.3}, {ours:.2} pp, of nothing {nothing:.2}, with ten pseudo-games {pseudo:.2}"
        );
        assert!((0.93..=0.965).contains(&coverage), "{coverage}");
        assert!(ours < nothing && ours < pseudo);
    }
}

#[test]
fn the_hero_that_is_named_is_a_good_one() {
    let world = World::new(2, HERO_SD);
    let spread = world.learn();
    let (mut by_score, mut by_rate, mut accounts) = (0.0, 0.0, 0.0);
    for heroes in &world.0 {
        let account = Account::of(&played(heroes), spread);
        let known: Vec<_> = heroes
            .iter()
            .filter(|truth| truth.played.games >= 3)
            .collect();
        if known.len() < 3 {
            continue;
        }
        let worth = |truth: &Truth| points(truth.strength + truth.skill);
        let mean = known.iter().map(|truth| worth(truth)).sum::<f64>() / known.len() as f64;
        let best_by = |figure: &dyn Fn(&Truth) -> f64| {
            let best = known
                .iter()
                .max_by(|one, other| figure(one).total_cmp(&figure(other)));
            worth(best.expect("there are three")) - mean
        };
        by_score += best_by(&|truth| {
            let found = account.skill_on(&truth.played);
            truth.strength + found.account + found.personal
        });
        by_rate += best_by(&|truth| truth.played.wins as f64 / truth.played.games as f64);
        accounts += 1.0;
    }
    let (by_score, by_rate) = (by_score / accounts, by_rate / accounts);
    println!("gain by score {by_score:.2} pp, by own win rate {by_rate:.2} pp");
    assert!(by_score >= 2.8 && by_score >= by_rate + 1.0);
}

#[test]
fn where_nobody_is_better_on_a_hero_nobody_is_said_to_be() {
    let world = World::new(3, 0.0);
    let spread = world.learn();
    println!("{spread:?}");
    let strength = Estimate::default();
    for heroes in &world.0 {
        let account = Account::of(&played(heroes), spread);
        for truth in heroes {
            let score = account.skill_on(&truth.played).score(strength, 0.9);
            assert!(score.personal_pp.abs() <= 1.5, "{score:?}");
        }
    }
}

#[test]
fn parts_sum_up_and_what_was_not_played_is_unsure() {
    let spread = SkillSpread {
        account: 0.012,
        hero: 0.033,
        slope: 0.01,
    };
    let hero = |id| HeroId::try_new(id).expect("not 0");
    let mut often = Played::new(hero(1));
    for game in 0..64 {
        often.add(0.506, game % 5 != 0, Weight::of_age(game, 180));
    }
    let mut once = Played::new(hero(2));
    once.add(0.5, false, Weight::FULL);
    let account = Account::of(&[often, once], spread);
    let strength = Estimate {
        value: -0.045,
        sd: 0.01,
        prior_sd: 0.08,
    };
    let (of_often, of_once) = (account.skill_on(&often), account.skill_on(&once));
    let unplayed = account.skill_on_unplayed();
    assert!(of_often.sd < of_once.sd && of_once.sd < unplayed.sd);
    assert!(of_often.personal > of_once.personal && unplayed.personal.abs() < 1e-12);
    for skill in [of_often, of_once, unplayed] {
        let score = skill.score(strength, 0.9);
        let parts = score.hero_pp + score.account_pp + score.personal_pp;
        assert!((score.pp - parts).abs() < 1e-9);
        assert!(score.lo < score.pp && score.pp < score.hi);
    }
    // Nobody is known: nobody is better or worse.
    let nobody = Account::of(&[], spread).skill_on_unplayed();
    assert!(nobody.account.abs() < 1e-12);
    assert!((nobody.sd - (0.012_f64 + 0.033).sqrt()).abs() < 1e-12);
}
