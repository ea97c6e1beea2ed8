//! What matches say that a model has not seen, in whole numbers.

use super::{CalibrationBin, HoldOutResult};
use crate::holdout::HoldOut;

impl HoldOutResult {
    /// The figures of a model, and the log loss of those that know less; nothing of
    /// no matches. All three have seen the same matches.
    #[must_use]
    pub fn of(model: &HoldOut, heroes_only: &HoldOut, constant: &HoldOut) -> Option<Self> {
        let figures = model.figures()?;
        let loss_of = |other: &HoldOut| {
            let figures = other.figures();
            figures.map_or(0, |figures| nearest(10_000.0 * figures.log_loss))
        };
        Some(Self {
            matches: figures.matches,
            log_loss: nearest(10_000.0 * figures.log_loss),
            heroes_only: loss_of(heroes_only),
            constant: loss_of(constant),
            accuracy: nearest(1_000.0 * figures.accuracy),
            auc: nearest(1_000.0 * figures.auc),
            ece: nearest(10_000.0 * figures.ece),
            slope: nearest(100.0 * figures.calibration.slope),
            calibration: model.bins(),
        })
    }
}

impl CalibrationBin {
    /// So many matches, of which so many were expected to be won, and were.
    pub(crate) fn new(matches: u64, expected_wins: f64, wins: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "matches are fewer than 2⁵³")]
        let share = |wins: f64| nearest(10_000.0 * wins / matches as f64);
        let within = |share: i64| u16::try_from(share).unwrap_or_default();
        Self {
            matches,
            predicted: within(share(expected_wins)),
            found: within(share(wins)),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "figures are small")]
fn nearest(value: f64) -> i64 {
    value.round() as i64
}
