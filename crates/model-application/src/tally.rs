//! Games and wins, raw and weighted.

use crate::log_odds::exp;

/// How much a match counts, in sixteen-thousandths of a fresh one.
///
/// A whole number, so that sums of weights are exact, whoever adds up what in
/// which order, and a database can do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u64);

impl Weight {
    /// How many parts a match of full weight has.
    pub const PARTS: u64 = 1 << 14;
    /// That of a match whose age does not matter.
    pub const FULL: Self = Self(Self::PARTS);

    /// Takes a number of parts; more than a fresh match has become as many as it has.
    #[must_use]
    pub const fn new(parts: u64) -> Self {
        if parts < Self::PARTS {
            Self(parts)
        } else {
            Self::FULL
        }
    }

    /// That of a match so many days ago, when weights halve in `half_life_days`:
    /// `2^(−age/half life)`. With a half-life of 0 all matches weigh the same.
    ///
    /// Never less than one part: what is counted leaves a trace.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "it is within 0 … 16384"
    )]
    pub fn of_age(days: u32, half_life_days: u32) -> Self {
        if half_life_days == 0 {
            return Self::FULL;
        }
        let halvings = f64::from(days) / f64::from(half_life_days);
        let share = exp(-std::f64::consts::LN_2 * halvings);
        Self::new(((Self::PARTS as f64 * share).round() as u64).max(1))
    }

    /// How many parts it has, in 0 … [`Self::PARTS`].
    #[must_use]
    pub const fn parts(self) -> u64 {
        self.0
    }
}

/// Games and how many of them were won, as they were played and as they are weighted.
///
/// Everything is a whole number: sums do not depend on their order. They hold
/// 6·10¹⁰ games of full weight, ten times as many as were ever played; of more, the
/// squares stay where they end. A run holds a million of these, so each is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many were played.
    pub games: u64,
    /// How many of them were won; at most `games`.
    pub wins: u64,
    /// The sum of the weights of all games, in parts.
    pub weighted_games: u64,
    /// The sum of the weights of those that were won, in parts.
    pub weighted_wins: u64,
    /// The sum of the squares of all weights, in parts of parts.
    pub squared_weights: u64,
}

/// What a tally tells: as much as so many games of equal weight would.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Evidence {
    /// The effective number of games, `(Σw)² / Σw²`.
    pub(crate) games: f64,
    /// The effective number of wins: as large a share as that of weighted wins.
    pub(crate) wins: f64,
}

impl Tally {
    /// Games of full weight.
    #[must_use]
    pub const fn of(games: u64, wins: u64) -> Self {
        Self::weighted(games, wins, Weight::FULL)
    }

    /// Games that all have the same weight.
    #[must_use]
    pub const fn weighted(games: u64, wins: u64, weight: Weight) -> Self {
        let parts = weight.parts();
        Self {
            games,
            wins,
            weighted_games: games * parts,
            weighted_wins: wins * parts,
            squared_weights: (games * parts).saturating_mul(parts),
        }
    }

    /// The same games, each with that weight instead of its own.
    #[must_use]
    pub const fn reweighted(self, weight: Weight) -> Self {
        Self::weighted(self.games, self.wins, weight)
    }

    /// Adds what is counted elsewhere.
    pub const fn merge(&mut self, other: Self) {
        self.games += other.games;
        self.wins += other.wins;
        self.weighted_games += other.weighted_games;
        self.weighted_wins += other.weighted_wins;
        self.squared_weights = self.squared_weights.saturating_add(other.squared_weights);
    }

    /// The same games as the other side saw them: its wins are what was not won.
    #[must_use]
    pub const fn of_opponent(self) -> Self {
        Self {
            wins: self.games - self.wins,
            weighted_wins: self.weighted_games - self.weighted_wins,
            ..self
        }
    }

    /// The share of games that was won, unweighted, in 0 … 1; of none, a half.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "games are fewer than 2⁵³")]
    pub fn win_rate(self) -> f64 {
        if self.games == 0 {
            return 0.5;
        }
        self.wins as f64 / self.games as f64
    }

    /// The effective number of games, `(Σw)² / Σw²`: so many of equal weight would
    /// tell as much. At most [`Self::games`].
    #[must_use]
    pub fn effective_games(self) -> f64 {
        self.evidence().games
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "rounded once, and by the same amount everywhere"
    )]
    pub(crate) fn evidence(self) -> Evidence {
        if self.squared_weights == 0 {
            return Evidence::default();
        }
        let weight = self.weighted_games as f64;
        let games = weight * (weight / self.squared_weights as f64);
        Evidence {
            games,
            wins: games * (self.weighted_wins as f64 / weight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_stay_where_they_end() {
        let mut tally = Tally::of(200_000_000_000, 0);
        assert_eq!(tally.squared_weights, u64::MAX);
        tally.merge(Tally::of(1, 1));
        assert_eq!(
            (tally.games, tally.squared_weights),
            (200_000_000_001, u64::MAX)
        );
    }

    #[test]
    fn games_of_full_weight_are_worth_what_they_are() {
        for (games, wins) in [(0_u32, 0_u32), (1, 1), (7, 3), (1_000_000_000, 400_000_000)] {
            let evidence = Tally::of(games.into(), wins.into()).evidence();
            for (found, expected) in [(evidence.games, games), (evidence.wins, wins)] {
                let expected = f64::from(expected);
                assert!((found - expected).abs() <= 1e-9 * expected);
            }
        }
    }

    #[test]
    fn games_of_different_weights_are_worth_less_than_they_are() {
        let mut tally = Tally::weighted(100, 50, Weight::new(Weight::PARTS / 4));
        tally.merge(Tally::of(100, 100));
        // (100/4 + 100)² / (100/16 + 100).
        assert!((tally.effective_games() - 147.058_823_5).abs() < 1e-6);
        assert!((tally.win_rate() - 0.75).abs() < 1e-12);
        let evidence = tally.evidence();
        assert!((evidence.wins / evidence.games - 0.9).abs() < 1e-12);
        assert_eq!(tally.of_opponent().wins, 50);
        assert_eq!(tally.of_opponent().of_opponent(), tally);
    }

    #[test]
    fn weights_halve_with_age() {
        for (days, parts) in [(0, 16_384), (14, 8192), (28, 4096), (60, 840), (10_000, 1)] {
            assert_eq!(Weight::of_age(days, 14).parts(), parts, "{days} days");
        }
        assert_eq!(Weight::of_age(1000, 0), Weight::FULL);
    }

    #[test]
    fn a_weight_is_at_most_full() {
        assert_eq!(Weight::new(u64::MAX), Weight::FULL);
        assert_eq!(Weight::new(3).parts(), 3);
    }
}
