//! Measures counting from memory, estimating and suggesting, on one processor.

use std::hint::black_box;

use anyhow::Result;
use clap::Parser;
use domain::{HeroId, Side};
use model_application::{
    Counter, Counts, Draft, DraftModel, Lineup, Question, Roster, estimate, suggest,
};
use model_benchmarks::{HEROES, best_rate, drafts, times_ms};

/// Measures counting from memory, estimating and suggesting, on one processor
#[derive(Debug, Parser)]
struct Arguments {
    /// How many matches to count
    #[arg(long, default_value_t = 2_000_000)]
    matches: usize,
    /// How often; the best round is told
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

fn main() -> Result<()> {
    let Arguments { matches, rounds } = Arguments::parse();
    let heroes: Result<Vec<_>, _> = (1..=HEROES).map(HeroId::try_new).collect();
    let roster = Roster::new(heroes?);
    let drafts = drafts(matches, 1);
    let counts = count(&roster, &drafts)?;

    let least = best_rate(matches, rounds, || {
        black_box(read_alone(&drafts));
    });
    let counting = best_rate(matches, rounds, || {
        black_box(count(&roster, &drafts).is_ok());
    });
    let estimating = best_rate(1, rounds, || {
        black_box(estimate(black_box(&counts)));
    });
    println!(
        "reading drafts from memory: {:8.2} million matches/s",
        least / 1e6
    );
    println!(
        "counting them:              {:8.2} million matches/s (goal 5)",
        counting / 1e6
    );
    println!("estimating a slice:         {:8.2} ms", 1e3 / estimating);
    let times = suggesting(&DraftModel::of(&estimate(&counts)), &drafts)?;
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!(
        "suggesting a last pick:     {:8.3} ms, 99 of 100 within {:.3} ms (goal 1)",
        at(50),
        at(99)
    );
    Ok(())
}

/// How long suggestions take for last picks, of all heroes, in ms, ascending.
fn suggesting(model: &DraftModel, drafts: &[(Draft, bool)]) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for (draft, _) in drafts.iter().take(SUGGESTIONS) {
        let lineup = Lineup::try_new(&model.roster, &draft.radiant()[..4], draft.dire())?;
        let question = Question {
            lineup: &lineup,
            side: Side::Radiant,
            bans: &[],
            games: None,
            personal: None,
            level: 0.9,
        };
        times.push(times_ms(|| {
            black_box(suggest(model, &question, 20).is_ok());
        }));
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

const SUGGESTIONS: usize = 5000;

fn count(roster: &Roster, drafts: &[(Draft, bool)]) -> Result<Counts> {
    let mut counter = Counter::new(roster.clone());
    for (draft, radiant_won) in drafts {
        counter.add(draft, *radiant_won)?;
    }
    Ok(counter.finish())
}

/// The least that counting could cost.
fn read_alone(drafts: &[(Draft, bool)]) -> u64 {
    let heroes = |draft: &Draft| -> u64 {
        let all = draft.radiant().iter().chain(draft.dire());
        all.map(|hero| u64::from(hero.get())).sum()
    };
    let each = drafts.iter();
    each.map(|(draft, won)| heroes(draft) + u64::from(*won))
        .sum()
}
