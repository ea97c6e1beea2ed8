//! What matches say that a model has not seen.

use crate::{
    log_odds::{exp, ln, probability},
    result::CalibrationBin,
};

/// Predictions are told apart by thousandths of log-odds, up to this many.
const THOUSANDTHS_MAX: i32 = 6000;
const BINS: u64 = 20;
/// Enough for any logistic regression of two numbers.
const NEWTON_STEPS: u32 = 30;
/// Far below the hundredths that are told.
const NEWTON_STEP_MIN: f64 = 1e-9;

/// The outcomes of matches by what was predicted, in thousandths of log-odds.
///
/// Whole numbers: whoever adds matches in which order, figures are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldOut {
    /// Games and wins of each prediction.
    outcomes: Vec<(u64, u64)>,
}

impl Default for HoldOut {
    fn default() -> Self {
        Self {
            outcomes: vec![(0, 0); usize::try_from(2 * THOUSANDTHS_MAX + 1).unwrap_or_default()],
        }
    }
}

/// How good predictions are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// How many matches.
    pub matches: u64,
    /// The mean of `−ln(probability of what happened)`, in nats.
    pub log_loss: f64,
    /// The share whose winner was the likelier side, in 0 … 1; even predictions count half.
    pub accuracy: f64,
    /// How often, of a match that was won and one that was lost, the first had the
    /// better prediction, in 0 … 1; equal ones count half.
    pub auc: f64,
    /// The mean distance of predicted from found shares, over twenty bins of as many
    /// matches each, in 0 … 1.
    pub ece: f64,
    /// How outcomes follow predictions.
    pub calibration: Calibration,
}

/// The logistic regression of outcomes on predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// 1 is neither too sure nor too careful.
    pub slope: f64,
    /// In log-odds; 0 favours no side.
    pub intercept: f64,
}

impl Calibration {
    /// Whether the slope is outside 0.95 … 1.05: then something is wrong.
    #[must_use]
    pub fn is_off(self) -> bool {
        !(0.95..=1.05).contains(&self.slope)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "games are fewer than 2⁵³, and rounded by the same amount everywhere"
)]
impl HoldOut {
    /// Adds a match; a prediction beyond six log-odds counts as six.
    pub fn add(&mut self, predicted_thousandths: i32, radiant_won: bool) {
        let (games, wins) = self.of(predicted_thousandths);
        *games += 1;
        *wins += u64::from(radiant_won);
    }

    fn of(&mut self, predicted_thousandths: i32) -> &mut (u64, u64) {
        let within = predicted_thousandths.clamp(-THOUSANDTHS_MAX, THOUSANDTHS_MAX);
        let place = usize::try_from(within + THOUSANDTHS_MAX).unwrap_or_default();
        &mut self.outcomes[place]
    }

    /// The same matches, of each of which the same was predicted.
    #[must_use]
    pub fn predicted_alike(&self, predicted_thousandths: i32) -> Self {
        let mut alike = Self::default();
        let all = alike.of(predicted_thousandths);
        for (games, wins) in &self.outcomes {
            all.0 += games;
            all.1 += wins;
        }
        alike
    }

    /// Adds what somebody else has seen.
    pub fn merge(&mut self, other: &Self) {
        for ((games, wins), (more, won)) in self.outcomes.iter_mut().zip(&other.outcomes) {
            *games += more;
            *wins += won;
        }
    }

    /// All figures; nothing of no matches.
    #[must_use]
    pub fn figures(&self) -> Option<Figures> {
        let matches: u64 = self.outcomes.iter().map(|(games, _)| games).sum();
        if matches == 0 {
            return None;
        }
        let count = matches as f64;
        let (mut loss, mut right) = (0.0, 0.0);
        for (predicted, games, wins) in self.seen() {
            let defeats = games - wins;
            loss += wins * log_loss(predicted, true) + defeats * log_loss(predicted, false);
            right += if predicted > 0.0 {
                wins
            } else if predicted < 0.0 {
                defeats
            } else {
                games / 2.0
            };
        }
        Some(Figures {
            matches,
            log_loss: loss / count,
            accuracy: right / count,
            auc: self.auc(),
            ece: self.ece(matches),
            calibration: self.calibration(),
        })
    }

    /// Predictions in log-odds with games and wins, ascending.
    fn seen(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let each = (-THOUSANDTHS_MAX..).zip(&self.outcomes);
        each.filter(|(_, (games, _))| *games > 0)
            .map(|(thousandths, &(games, wins))| {
                (f64::from(thousandths) / 1000.0, games as f64, wins as f64)
            })
    }

    fn auc(&self) -> f64 {
        let (mut lost_below, mut ordered, mut won) = (0.0, 0.0, 0.0);
        for (_, games, wins) in self.seen() {
            let lost = games - wins;
            ordered += wins * (lost_below + lost / 2.0);
            lost_below += lost;
            won += wins;
        }
        let pairs = won * lost_below;
        if pairs > 0.0 { ordered / pairs } else { 0.5 }
    }

    fn ece(&self, matches: u64) -> f64 {
        let size = matches.div_ceil(BINS) as f64;
        let (mut sum, mut off, mut full) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (predicted, games, wins) in self.seen() {
            off += games * probability(predicted) - wins;
            full += games;
            if full >= size {
                sum += off.abs();
                (off, full) = (0.0, 0.0);
            }
        }
        (sum + off.abs()) / matches as f64
    }

    /// What was predicted and what came of it, in twenty parts of about as many
    /// matches each, by rising predictions.
    #[must_use]
    pub fn bins(&self) -> Vec<CalibrationBin> {
        let matches: u64 = self.outcomes.iter().map(|(games, _)| games).sum();
        let size = matches.div_ceil(BINS);
        let (mut bins, mut in_bin, mut expected, mut won) = (Vec::new(), 0, 0.0, 0.0);
        for (thousandths, &(games, wins)) in (-THOUSANDTHS_MAX..).zip(&self.outcomes) {
            let predicted = f64::from(thousandths) / 1000.0;
            in_bin += games;
            expected += games as f64 * probability(predicted);
            won += wins as f64;
            if in_bin > 0 && in_bin >= size {
                bins.push(CalibrationBin::new(in_bin, expected, won));
                (in_bin, expected, won) = (0, 0.0, 0.0);
            }
        }
        if in_bin > 0 {
            bins.push(CalibrationBin::new(in_bin, expected, won));
        }
        bins
    }

    fn calibration(&self) -> Calibration {
        let (mut slope, mut intercept) = (1.0, 0.0);
        for _ in 0..NEWTON_STEPS {
            let (mut of_one, mut of_x) = (0.0, 0.0);
            let (mut ones, mut mixed, mut squares) = (0.0, 0.0, 0.0);
            for (x, games, wins) in self.seen() {
                let chance = probability(intercept + slope * x);
                let (error, weight) = (wins - games * chance, games * chance * (1.0 - chance));
                of_one += error;
                of_x += error * x;
                ones += weight;
                mixed += weight * x;
                squares += weight * x * x;
            }
            let determinant = ones * squares - mixed * mixed;
            if determinant <= 1e-12 * ones * squares {
                // All predictions are alike: there is no slope to be found.
                break;
            }
            // Steps are kept short: where one side won every match there is no end.
            let step = |change: f64| (change / determinant).clamp(-1.0, 1.0);
            let (up, steeper) = (
                step(squares * of_one - mixed * of_x),
                step(ones * of_x - mixed * of_one),
            );
            intercept += up;
            slope += steeper;
            if up.abs() + steeper.abs() < NEWTON_STEP_MIN {
                break;
            }
        }
        Calibration { slope, intercept }
    }
}

/// What a prediction costs in nats, given what happened.
fn log_loss(log_odds: f64, won: bool) -> f64 {
    let wrong = if won { -log_odds } else { log_odds };
    ln(1.0 + exp(wrong))
}

/// Two models, judged by the same matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rivals {
    matches: u64,
    /// How much more the new one loses, in thousand-millionths of a nat, so that sums
    /// do not depend on their order.
    sum: i128,
    squares: i128,
}

/// What is to become of a new model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// How much more log loss a match the new one has, in nats; below 0 it is better.
    pub worse_by: f64,
    /// The standard error of that.
    pub standard_error: f64,
}

impl Judgement {
    /// Whether the new one is worse by more than two standard errors.
    #[must_use]
    pub fn is_held(self) -> bool {
        self.worse_by > 2.0 * self.standard_error
    }

    /// Whether it is better by more than two standard errors.
    #[must_use]
    pub fn has_won(self) -> bool {
        self.worse_by < -2.0 * self.standard_error
    }
}

const PARTS_OF_A_NAT: f64 = 1e9;

impl Rivals {
    /// Adds a match, and what both have predicted of it in each slice that has it: the
    /// new one and the published one, in thousandths of log-odds. It counts once, by
    /// the mean: the slices of a match are not independent of each other.
    ///
    /// # Panics
    /// When no slice has it.
    #[expect(clippy::cast_possible_truncation, reason = "fewer than 10¹³")]
    pub fn add_match(&mut self, said: &[(i32, i32)], radiant_won: bool) {
        assert!(!said.is_empty(), "a slice has the match");
        let loss = |predicted: i32| {
            let within = predicted.clamp(-THOUSANDTHS_MAX, THOUSANDTHS_MAX);
            log_loss(f64::from(within) / 1000.0, radiant_won)
        };
        let more = said.iter().map(|(new, published)| {
            let more = loss(*new) - loss(*published);
            i128::from((more * PARTS_OF_A_NAT).round() as i64)
        });
        let parts = more.sum::<i128>() / said.len() as i128;
        self.matches += 1;
        self.sum += parts;
        self.squares += parts * parts;
    }

    /// Adds what somebody else has seen.
    pub fn merge(&mut self, other: &Self) {
        self.matches += other.matches;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// Which of them is better; nothing of fewer than two matches.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounded once, and by the same amount everywhere"
    )]
    pub fn judge(&self) -> Option<Judgement> {
        if self.matches < 2 {
            return None;
        }
        let count = self.matches as f64;
        let mean = self.sum as f64 / count;
        let variance = (self.squares as f64 / count - mean * mean).max(0.0) / (count - 1.0);
        Some(Judgement {
            worse_by: mean / PARTS_OF_A_NAT,
            standard_error: variance.sqrt() / PARTS_OF_A_NAT,
        })
    }
}
