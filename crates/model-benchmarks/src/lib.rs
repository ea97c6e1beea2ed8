//! Matches for the measuring programs, and the clock of one processor.

use std::time::Instant;

use domain::HeroId;
use model_application::Draft;
use rand::{Rng, RngExt as _, SeedableRng as _, rngs::StdRng};

/// As many heroes as the game has.
pub const HEROES: u16 = 127;

/// Drafts and who won, from a seed, every hero as popular as any other.
#[must_use]
pub fn drafts(count: usize, seed: u64) -> Vec<(Draft, bool)> {
    let mut dice = StdRng::seed_from_u64(seed);
    (0..count)
        .map(|_| (draft(&mut dice), dice.random()))
        .collect()
}

fn draft(dice: &mut impl Rng) -> Draft {
    loop {
        let mut side = || {
            std::array::from_fn(|_| {
                HeroId::try_new(dice.random_range(1..=HEROES)).expect("ids begin at 1")
            })
        };
        if let Ok(draft) = Draft::try_new(side(), side()) {
            return draft;
        }
    }
}

/// How many times a second `work` is done, when one call does it `times` times; the
/// best of some rounds, because whatever else runs here only slows it down.
pub fn best_rate(times: usize, rounds: usize, mut work: impl FnMut()) -> f64 {
    let mut best_ms = f64::INFINITY;
    for _ in 0..rounds {
        best_ms = best_ms.min(times_ms(&mut work));
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
    let times = times as f64;
    1000.0 * times / best_ms
}

/// How long `work` takes, in milliseconds.
pub fn times_ms(work: impl FnOnce()) -> f64 {
    #[expect(clippy::disallowed_methods, reason = "nothing pauses the time here")]
    let begun = Instant::now();
    work();
    1000.0 * begun.elapsed().as_secs_f64()
}
