//! Heroes of a real week: what a small part of a day says of the six other days.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same check
//! runs on an invented week of the same shape and spread.

use std::{env, fs, path::Path};

use domain::HeroId;
use model_application::{Counts, Roster, Tally, estimate, log_odds::points};
use rand::{SeedableRng as _, rngs::StdRng};
use rand_distr::{Binomial, Distribution as _, LogNormal, Normal};
use serde_json::{Value, json};

const DAYS: usize = 7;
const SEED: u64 = 20;

/// Games and wins of a hero, day by day.
struct OfHero {
    id: HeroId,
    days: [(u64, u64); DAYS],
}

fn week() -> Vec<OfHero> {
    let recorded = env::var_os("RECORDED_DATA_DIR").map(|folder| {
        let file = Path::new(&folder).join("opendota/hero_stats_2026-04.json");
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    let text = recorded.unwrap_or_else(invented);
    let heroes: Vec<Value> = serde_json::from_str(&text).expect("a list of heroes");
    let hero = |value: &Value| {
        let id = value["id"].as_u64().and_then(|id| u16::try_from(id).ok());
        let id = id.and_then(|id| HeroId::try_new(id).ok());
        let number = |list: &str, day: usize| value[list][day].as_u64().expect("a count");
        OfHero {
            id: id.expect("an id"),
            days: std::array::from_fn(|day| {
                (number("pub_pick_trend", day), number("pub_win_trend", day))
            }),
        }
    };
    heroes.iter().map(hero).collect()
}

/// Strengths spread by 2 points of win rate, and a day strays from its week by 0.6.
fn invented() -> String {
    let mut dice = StdRng::seed_from_u64(SEED);
    let strengths = Normal::new(0.5, 0.02).expect("a spread");
    let drift = Normal::new(0.0, 0.006).expect("a spread");
    let popularity = LogNormal::new(10.5, 0.6).expect("a spread");
    let heroes = (1..=127).map(|id| {
        let (rate, picks) = (strengths.sample(&mut dice), popularity.sample(&mut dice));
        let days: Vec<_> = (0..DAYS)
            .map(|_| {
                let games = whole(picks);
                let rate = rate + drift.sample(&mut dice);
                (games, part(&mut dice, games, rate))
            })
            .collect();
        json!({
            "id": id, "turn_rate": null, "1_pick": 3, "localized_name": "Nobody",
            "pub_pick_trend": days.iter().map(|day| day.0).collect::<Vec<_>>(),
            "pub_win_trend": days.iter().map(|day| day.1).collect::<Vec<_>>(),
        })
    });
    heroes.collect::<Value>().to_string()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a number of games"
)]
fn whole(games: f64) -> u64 {
    games as u64
}

/// Of so many, as many as chance takes.
fn part(dice: &mut StdRng, of: u64, share: f64) -> u64 {
    Binomial::new(of, share)
        .expect("a share is within 0 and 1")
        .sample(dice)
}

/// How far points of win rate are from those of the other days, over all heroes alike
/// and all days: of shrunk estimates, and of raw win rates.
fn errors(week: &[OfHero], share: f64) -> (f64, f64) {
    let mut dice = StdRng::seed_from_u64(SEED);
    let (mut of_estimates, mut of_rates) = (0.0, 0.0);
    for day in 0..DAYS {
        let mut counts = Counts::new(Roster::new(week.iter().map(|hero| hero.id)));
        let mut rates = Vec::new();
        for hero in week {
            let (games, wins) = hero.days[day];
            let wins_seen = part(&mut dice, wins, share);
            let games_seen = wins_seen + part(&mut dice, games - wins, share);
            let listed = counts.add_hero(hero.id, Tally::of(games_seen, wins_seen));
            listed.expect("it is listed");
            let others = hero.days.iter().enumerate().filter(|(at, _)| *at != day);
            let (games, wins) = others.fold((0, 0), |sum, (_, it)| (sum.0 + it.0, sum.1 + it.1));
            let rate = |games: u64, wins: u64| 100.0 * wins as f64 / games.max(1) as f64 - 50.0;
            rates.push((rate(games_seen, wins_seen), rate(games, wins)));
        }
        let found = estimate(&counts);
        for (strength, (raw, later)) in found.strengths.iter().zip(&rates) {
            of_estimates += (points(strength.value) - later).powi(2);
            of_rates += (raw - later).powi(2);
        }
    }
    let mean = |squares: f64| (squares / (DAYS * week.len()) as f64).sqrt();
    (mean(of_estimates), mean(of_rates))
}

/// The bounds are what a reference reaches of the recorded week, and a twentieth more.
#[test]
fn a_part_of_a_day_says_more_of_other_days_once_it_is_shrunk() {
    let week = week();
    for (share, reference, bound) in [(0.05, (1.21, 1.53), 1.27), (0.01, (1.73, 3.10), 1.82)] {
        let (shrunk, raw) = errors(&week, share);
        println!("{share}: {shrunk:.2} pp, raw {raw:.2}, reference {reference:?}");
        assert!(shrunk < raw, "{shrunk} for {raw} of {share}");
        assert!(shrunk <= bound, "{shrunk} of {share}");
    }
}
