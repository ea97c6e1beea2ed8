//! How good a slice is.

use std::collections::BTreeMap;

use contracts::models::{AsOf, Decimal, HoldOutFigures, PriorFigures, SliceFigures};
use model_application::{CalibrationBin, HoldOutResult, KindFigures, PatchHead, Slice, SliceHead};
use serde::Serialize;

use super::keys;

pub(super) fn of_slice(slice: Slice, values: &SliceHead) -> SliceFigures {
    let (begin, end) = values.window;
    SliceFigures {
        from: values.from.of_slice(slice),
        matches: values.matches,
        effective_matches: values.effective_matches,
        window: [AsOf::of(begin), AsOf::of(end)],
        excluded: values.excluded.clone(),
        prior_sd: of_kinds(values.prior_sd, |sd| {
            Decimal(i64::try_from(sd).unwrap_or(i64::MAX))
        }),
        prior_games: of_kinds(values.prior_games, |games| games),
        holdout: values.holdout.as_ref().map(holdout),
    }
}

fn of_kinds<T>(kinds: KindFigures, figure: impl Fn(u64) -> T) -> PriorFigures<T> {
    PriorFigures {
        strength: figure(kinds.strength),
        advantage: figure(kinds.advantage),
        synergy: figure(kinds.synergy),
    }
}

fn holdout(seen: &HoldOutResult) -> HoldOutFigures {
    HoldOutFigures {
        matches: seen.matches,
        log_loss: Decimal(seen.log_loss),
        heroes_only: Decimal(seen.heroes_only),
        constant: Decimal(seen.constant),
        accuracy: Decimal(seen.accuracy),
        auc: Decimal(seen.auc),
        ece: Decimal(seen.ece),
        slope: Decimal(seen.slope),
    }
}

/// The figures of a patch, as the ledger has them.
#[derive(Serialize)]
struct PatchFigures<'a> {
    excluded: &'a BTreeMap<String, u64>,
    slices: BTreeMap<String, LedgerFigures>,
}

/// What readers see, and the calibration, by which a page can draw it.
#[derive(Serialize)]
struct LedgerFigures {
    #[serde(flatten)]
    figures: SliceFigures,
    /// Matches, what was predicted and what came of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calibration: Vec<(u64, Decimal<4>, Decimal<4>)>,
}

pub(super) fn of_run(results: &[PatchHead]) -> String {
    let patches: BTreeMap<&str, PatchFigures<'_>> = results
        .iter()
        .map(|result| {
            let slices = result.slices.iter().map(|(&slice, head)| {
                let name = keys(&result.patch, slice).name();
                (name, of_ledger(slice, head))
            });
            let figures = PatchFigures {
                excluded: &result.excluded,
                slices: slices.collect(),
            };
            (&*result.patch, figures)
        })
        .collect();
    serde_json::to_string(&patches).expect("numbers, strings and maps of them")
}

fn of_ledger(slice: Slice, values: &SliceHead) -> LedgerFigures {
    let bins = values.holdout.iter().flat_map(|seen| &seen.calibration);
    let share = |parts: u16| Decimal(i64::from(parts));
    let bin = |bin: &CalibrationBin| (bin.matches, share(bin.predicted), share(bin.found));
    LedgerFigures {
        figures: of_slice(slice, values),
        calibration: bins.map(bin).collect(),
    }
}
