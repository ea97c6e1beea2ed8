//! What two heroes mean for each other: the truth that a model has to find in the results.

use super::{
    dice::Dice,
    heroes::{HERO_COUNT, HeroIndex},
};

/// The most that one hero has over another, in log-odds: some six wins more in a hundred.
const AGAINST_MAX: f64 = 0.24;

/// The most that two heroes of one side give each other.
const WITH_MAX: f64 = 0.12;

/// Keep the two tables independent of each other and of the matches.
const PURPOSE_AGAINST: u64 = 0x00a6_a157;
const PURPOSE_WITH: u64 = 0x0000_317b;

/// Log-odds for every pair of heroes.
#[derive(Clone)]
pub(crate) struct Advantages {
    /// Antisymmetric: what one has over another, the other lacks.
    against: Table,
    /// Symmetric.
    with: Table,
}

type Table = Box<[[f64; HERO_COUNT]]>;

impl Advantages {
    pub(crate) fn new(seed: u64) -> Self {
        let (mut against, mut with) = (empty(), empty());
        for low in 0..HERO_COUNT {
            for high in low + 1..HERO_COUNT {
                let pair = (low * HERO_COUNT + high) as u64;
                let over = AGAINST_MAX * deviation(&mut Dice::new(seed, PURPOSE_AGAINST, pair));
                against[low][high] = over;
                against[high][low] = -over;
                let beside = WITH_MAX * deviation(&mut Dice::new(seed, PURPOSE_WITH, pair));
                with[low][high] = beside;
                with[high][low] = beside;
            }
        }
        Self { against, with }
    }

    /// All of them so many times as large.
    pub(crate) fn times(mut self, times: f64) -> Self {
        for table in [&mut self.against, &mut self.with] {
            for effect in table.as_flattened_mut() {
                *effect *= times;
            }
        }
        self
    }

    pub(crate) fn against(&self, hero: HeroIndex, other: HeroIndex) -> f64 {
        self.against[usize::from(hero)][usize::from(other)]
    }

    pub(crate) fn with(&self, hero: HeroIndex, other: HeroIndex) -> f64 {
        self.with[usize::from(hero)][usize::from(other)]
    }
}

fn empty() -> Table {
    vec![[0.0; HERO_COUNT]; HERO_COUNT].into()
}

/// Above -1 and below 1, rarely far from 0.
fn deviation(dice: &mut Dice) -> f64 {
    dice.fraction() - dice.fraction()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_has_the_other_lacks_and_two_together_share() {
        let advantages = Advantages::new(7);
        let last = HeroIndex::try_from(HERO_COUNT - 1).expect("an index");
        let mut largest: f64 = 0.0;
        for hero in 0..=last {
            for other in 0..=last {
                let (over, under) = (
                    advantages.against(hero, other),
                    advantages.against(other, hero),
                );
                assert!((over + under).abs() < f64::EPSILON);
                let (one, two) = (advantages.with(hero, other), advantages.with(other, hero));
                assert!((one - two).abs() < f64::EPSILON);
                largest = largest.max(over);
            }
        }
        assert!((0.2..AGAINST_MAX).contains(&largest), "{largest}");
        let other_world = Advantages::new(8);
        assert!((advantages.against(0, 1) - other_world.against(0, 1)).abs() > f64::EPSILON);
    }
}
