//! Which summaries are made.

use std::time::Duration;

use domain::Timestamp;

use super::Knowledge;
use crate::{config::ConfigError, world::World};

/// Everything that decides which records there are, and in which order.
#[derive(Clone, Debug)]
pub struct SummariesConfig {
    /// Where the matches are from.
    pub world: World,
    /// Different matches; for each there is at least one record.
    pub count: u64,
    /// When the first match starts; the beginning of the world if not given.
    pub from: Option<Timestamp>,
    /// Spreads the starts of the matches evenly over so much time, as far as ids allow;
    /// otherwise they start as fast as in the world, 14 a second.
    pub span: Option<Duration>,
    /// The sources that tell of each match, a record each.
    pub sources: Vec<Knowledge>,
    /// Decides on order, repetitions and so on; the matches are the world's.
    pub seed: u64,
    /// Fraction of the records, 0 to 1, that is the same as an earlier one, to the byte.
    pub repeat_fraction: f64,
    /// Fraction of the records, 0 to 1, that corrects an earlier one: a later answer of the same
    /// source, with another result.
    pub correct_fraction: f64,
    /// Fraction of the records, 0 to 1, that a consumer has to set aside, for all reasons in turn.
    pub invalid_fraction: f64,
}

impl SummariesConfig {
    /// So many matches of a world, one record each, without players, repetitions or mistakes.
    #[must_use]
    pub fn new(world: World, count: u64) -> Self {
        Self {
            world,
            count,
            from: None,
            span: None,
            sources: vec![Knowledge::Pages],
            seed: 1,
            repeat_fraction: 0.0,
            correct_fraction: 0.0,
            invalid_fraction: 0.0,
        }
    }

    /// # Errors
    /// There is no source, or the first fraction that is none or leaves no room for matches.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.sources.is_empty() {
            return Err(ConfigError::NoSource);
        }
        let sum = self.repeat_fraction + self.correct_fraction + self.invalid_fraction;
        let fractions = [
            ("repeat_fraction", self.repeat_fraction),
            ("correct_fraction", self.correct_fraction),
            ("invalid_fraction", self.invalid_fraction),
            ("the sum of all fractions", sum),
        ];
        for (name, value) in fractions {
            if !(0.0..1.0).contains(&value) {
                return Err(ConfigError::Fraction {
                    name,
                    value,
                    limit: "less than 1",
                });
            }
        }
        Ok(())
    }
}
