//! Integers as JSON may write them.

/// No integer here has more zeros at its end.
const ZEROS_MAX: usize = 20;

/// The integer that a JSON number stands for, exactly, if it is none below zero
/// and fits: `81`, but also `81.0`, `8.1e1` and `-0`. The text is a valid JSON value.
pub(crate) fn unsigned(number: &str) -> Option<u64> {
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.parse().ok();
    }
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    // Of significance are those between the zeros at both ends.
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    if is_negative {
        return None;
    }
    let zeros_at_end = digits.len() - digits.trim_end_matches('0').len();
    let exponent: i64 = exponent.parse().ok()?;
    let shift = exponent
        .checked_add(i64::try_from(zeros_at_end).ok()?)?
        .checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let shift = usize::try_from(shift).ok().filter(|n| *n <= ZEROS_MAX)?;
    (0..shift).try_fold(significant.parse::<u64>().ok()?, |value, _| {
        value.checked_mul(10)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        for (number, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-0.0e-99", Some(0)),
            ("0e99999999999999999999", Some(0)),
            ("81", Some(81)),
            ("81.0", Some(81)),
            ("81.000e0", Some(81)),
            ("8.1e1", Some(81)),
            ("8.1E+1", Some(81)),
            ("810e-1", Some(81)),
            ("0.00081e5", Some(81)),
            ("8100000.00e-5", Some(81)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551615.0", Some(u64::MAX)),
            ("1844674407370955161.5e1", Some(u64::MAX)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("1e19", Some(10_000_000_000_000_000_000)),
            ("0.000001e25", Some(10_000_000_000_000_000_000)),
        ] {
            assert_eq!(unsigned(number), expected, "{number}");
        }
    }

    #[test]
    fn what_is_less_more_or_between_is_none() {
        for number in [
            "-1",
            "-1.0",
            "81.5",
            "81.00000000000000000000001",
            "8.11e1",
            "81e-1",
            "1e-1",
            "18446744073709551616",
            "18446744073709551616.0",
            "1e20",
            "1e999999999999999999999",
            "1e-999999999999999999999",
            "9223372036854775807e9223372036854775807",
            "null",
            "true",
            "\"81\"",
            "\"\"",
            "[]",
            "{}",
        ] {
            assert_eq!(unsigned(number), None, "{number}");
        }
    }

    #[test]
    fn a_number_of_a_million_digits_takes_no_time() {
        let zeros = "0".repeat(1_000_000);
        assert_eq!(unsigned(&format!("81.{zeros}")), Some(81));
        assert_eq!(unsigned(&format!("81{zeros}e-1000000")), Some(81));
        assert_eq!(unsigned(&format!("81{zeros}")), None);
        assert_eq!(unsigned(&format!("0.{zeros}1")), None);
    }

    proptest! {
        #[test]
        fn every_way_of_writing_an_integer_is_read(value: u64, zeros in 0..30_usize, point in 0..20_usize) {
            let digits = format!("{value}{}", "0".repeat(zeros));
            prop_assert_eq!(unsigned(&format!("{digits}e-{zeros}")), Some(value));
            prop_assert_eq!(unsigned(&format!("{value}.{}", "0".repeat(zeros))), Some(value));
            let text = value.to_string();
            let (whole, fraction) = text.split_at(point.min(text.len() - 1) + 1);
            if !fraction.is_empty() {
                prop_assert_eq!(unsigned(&format!("{whole}.{fraction}e{}", fraction.len())), Some(value));
            }
        }

        #[test]
        fn doubles_agree(value in -1_000_000.0..1_000_000.0_f64) {
            let is_integer = value.fract() == 0.0 && value >= 0.0;
            prop_assert_eq!(unsigned(&format!("{value:e}")).is_some(), is_integer);
        }
    }
}
