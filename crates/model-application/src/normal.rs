//! The normal distribution.

use std::sync::LazyLock;

use crate::log_odds::ln;

/// The value below which a share of a standard normal distribution lies, for a share
/// within 0 … 1.
///
/// Acklam's rational approximation, within 1.2e-9 of the value.
pub(crate) fn quantile(share: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        0.007_784_695_709_041_462,
        0.322_467_129_070_039_8,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    const TAIL: f64 = 0.024_25;
    let polynomial = |of: &[f64], at: f64| of.iter().fold(0.0, |sum, factor| sum * at + factor);
    if share > 0.5 {
        return -quantile(1.0 - share);
    }
    if share < TAIL {
        let at = (-2.0 * ln(share)).sqrt();
        return polynomial(&C, at) / (polynomial(&D, at) * at + 1.0);
    }
    let from_middle = share - 0.5;
    let square = from_middle * from_middle;
    from_middle * polynomial(&A, square) / (polynomial(&B, square) * square + 1.0)
}

/// How many draws there are of a standard normal distribution, each as likely.
pub(crate) const DRAWS: usize = 1024;
/// In what parts they are told.
pub(crate) const DRAW_PARTS: i64 = 1024;

/// The draws, in parts of a standard deviation: whole numbers, for speed and so that
/// nothing depends on rounding.
pub(crate) static DRAWN: LazyLock<[i64; DRAWS]> = LazyLock::new(|| {
    std::array::from_fn(|place| {
        #[expect(clippy::cast_precision_loss, reason = "at most 1024")]
        let (place, draws) = (place as f64, DRAWS as f64);
        #[expect(clippy::cast_possible_truncation, reason = "within −4000 … 4000")]
        let parts = (1024.0 * quantile((place + 0.5) / draws)).round() as i64;
        parts
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (share, expected) in [
            (0.5, 0.0),
            (0.95, 1.644_853_626_9),
            (0.975, 1.959_963_984_5),
            (0.999, 3.090_232_306_2),
            (0.01, -2.326_347_874_0),
        ] {
            assert!((quantile(share) - expected).abs() < 1e-8, "{share}");
        }
    }

    #[test]
    fn draws_have_the_mean_0_and_the_deviation_1() {
        let sum: i64 = DRAWN.iter().sum();
        assert_eq!(sum, 0);
        let squares: i64 = DRAWN.iter().map(|draw| draw * draw).sum();
        let variance = squares / i64::try_from(DRAWS).expect("1024");
        assert!((DRAW_PARTS * DRAW_PARTS - variance).abs() < DRAW_PARTS * DRAW_PARTS / 100);
    }
}
