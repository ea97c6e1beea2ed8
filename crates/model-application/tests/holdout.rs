//! Figures of matches that a model has not seen, and which model is the better one.

#![expect(clippy::cast_precision_loss, reason = "small numbers")]

use model_application::{HoldOut, MatchSums, Rivals, log_odds::probability};
use proptest::{collection::vec, prelude::*};
use rand::{SeedableRng as _, rngs::StdRng};

fn held_out(matches: &[(i32, bool)]) -> HoldOut {
    let mut seen = HoldOut::default();
    for (predicted, won) in matches {
        seen.add(*predicted, *won);
    }
    seen
}

/// Outcomes of chances that are `steeper` times what is predicted.
fn played(count: usize, steeper: f64) -> Vec<(i32, bool)> {
    let mut dice = StdRng::seed_from_u64(7);
    (0..count)
        .map(|_| {
            let predicted = dice.random_range(-800..=800);
            let chance = probability(steeper * f64::from(predicted) / 1000.0);
            (predicted, dice.random::<f64>() < chance)
        })
        .collect()
}

proptest! {
    #[test]
    fn figures_are_what_their_definitions_say(
        matches in vec((-900..900_i32, any::<bool>()), 1..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let found = held_out(&matches).figures().expect("there are matches");
        let count = matches.len() as f64;
        let chance = |predicted: i32| 1.0 / (1.0 + (-f64::from(predicted) / 1000.0).exp());
        let losses = matches.iter().map(|&(predicted, won)| {
            -(if won { chance(predicted) } else { 1.0 - chance(predicted) }).ln()
        });
        prop_assert!((found.log_loss - losses.sum::<f64>() / count).abs() < 1e-9);
        let right = matches.iter().map(|&(predicted, won)| match predicted {
            0 => 0.5,
            _ => f64::from(u8::from((predicted > 0) == won)),
        });
        prop_assert!((found.accuracy - right.sum::<f64>() / count).abs() < 1e-9);
        let (mut ordered, mut pairs) = (0.0, 0.0);
        for won in matches.iter().filter(|(_, won)| *won) {
            for lost in matches.iter().filter(|(_, won)| !won) {
                ordered += 0.5 + f64::from((won.0 - lost.0).signum()) / 2.0;
                pairs += 1.0;
            }
        }
        let auc = if pairs > 0.0 { ordered / pairs } else { 0.5 };
        prop_assert!((found.auc - auc).abs() < 1e-9);
        prop_assert!((0.0..=1.0).contains(&found.ece));

        // Whoever looks at what first.
        let (one, other) = matches.split_at(cut.index(matches.len()));
        let mut parts = held_out(other);
        parts.merge(&held_out(one));
        prop_assert_eq!(parts.figures(), Some(found));
    }

    #[test]
    fn every_match_is_counted_or_left_out_for_a_reason(
        days in vec(vec(prop::option::of("[a-c]"), 0..30), 0..6),
        lost in any::<bool>(),
    ) {
        let mut sums = MatchSums::default();
        for day in &days {
            let mut of_day = MatchSums::default();
            for reason in day {
                of_day.read += 1;
                match reason {
                    None => of_day.used += 1,
                    Some(reason) => *of_day.excluded.entry(reason.clone()).or_default() += 1,
                }
            }
            sums.merge(&of_day);
        }
        prop_assert_eq!(sums.check(), Ok(()));
        prop_assert_eq!(sums.read, days.iter().map(Vec::len).sum::<usize>() as u64);
        sums.read += u64::from(lost);
        prop_assert_eq!(sums.check().is_err(), lost);
    }
}

#[test]
fn of_no_matches_nothing_is_said() {
    assert_eq!(HoldOut::default().figures(), None);
    assert_eq!(Rivals::default().judge(), None);
}

#[test]
fn calibration_is_found_and_what_is_off_is_said() {
    for (steeper, is_off) in [(1.0, false), (0.8, true), (1.2, true)] {
        let figures = held_out(&played(200_000, steeper)).figures();
        let found = figures.expect("there are matches");
        assert!(
            (found.calibration.slope - steeper).abs() < 0.03,
            "{found:?}"
        );
        assert!(found.calibration.intercept.abs() < 0.02, "{found:?}");
        assert_eq!(found.calibration.is_off(), is_off, "{found:?}");
        assert_eq!(found.ece > 0.01, is_off, "{found:?}");
    }
}

#[test]
fn one_outcome_alone_is_no_reason_to_be_certain() {
    for matches in [vec![(100, true); 50], vec![(-300, true), (200, true)]] {
        let found = held_out(&matches).figures().expect("there are matches");
        assert!(found.calibration.slope.is_finite() && found.calibration.intercept.is_finite());
    }
}

#[test]
fn a_model_that_is_worse_is_held_and_one_that_is_as_good_is_not() {
    let matches = played(50_000, 1.0);
    let judge = |new: fn(i32) -> i32, published: fn(i32) -> i32| {
        let mut rivals = Rivals::default();
        for &(predicted, won) in &matches {
            rivals.add_match(&[(new(predicted), published(predicted))], won);
        }
        let mut reversed = Rivals::default();
        for &(predicted, won) in matches.iter().rev() {
            reversed.add_match(&[(new(predicted), published(predicted))], won);
        }
        assert_eq!(rivals, reversed);
        rivals.judge().expect("there are matches")
    };
    let right: fn(i32) -> i32 = |predicted| predicted;
    assert!(judge(|_| 0, right).is_held());
    assert!(judge(|predicted| 2 * predicted, right).is_held());
    assert!(!judge(right, |_| 0).is_held());
    assert!(!judge(right, right).is_held());
    let same = judge(right, right);
    assert!(same.worse_by.abs() < 1e-12 && same.standard_error < 1e-12);
    // A little noise is no reason to keep what is old.
    assert!(!judge(|x| x + 1 - 2 * (x & 1), right).is_held());
}
