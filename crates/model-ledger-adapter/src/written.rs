//! Results as bytes, and back: columns of whole numbers, which are small.

use std::{collections::BTreeMap, sync::Arc};

use domain::{HeroId, Timestamp};
use model_application::{
    CalibrationBin, DraftModel, Effect, HoldOutResult, Judged, KindFigures, PairPoints,
    PatchResult, Points, Roster, Slice, SliceHead, SliceResult, StrengthPoints, Triangle,
    ValuesFrom, ports::RunId,
};
use serde::{Deserialize, Serialize, Serializer};

/// Another form would have another number.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Written<S> {
    v: u32,
    run: String,
    as_of: i64,
    patch: String,
    counts_hash: Option<String>,
    excluded: BTreeMap<String, u64>,
    slices: S,
}

/// Slices by name, of which one is written at a time: together they would be as large
/// as the result.
struct EachSlice<'a>(&'a BTreeMap<Slice, SliceResult>);

impl Serialize for EachSlice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let each = self.0.iter();
        serializer.collect_map(
            each.map(|(slice, values)| (slice.to_string(), slice_written(*slice, values))),
        )
    }
}

#[derive(Serialize, Deserialize)]
struct SliceWritten {
    from: String,
    matches: u64,
    effective_matches: u64,
    window: (i64, i64),
    excluded: BTreeMap<String, u64>,
    prior_sd: [u64; 3],
    prior_games: [u64; 3],
    holdout: Option<HoldOutWritten>,
    judged: Option<(ModelWritten, i64)>,
    level: u16,
    model: ModelWritten,
    strengths: Vec<(Seen, bool)>,
    advantages: Vec<(Seen, i32, bool)>,
    synergies: Vec<(Seen, i32, bool)>,
}

/// Points with their interval, games and wins.
type Seen = (i32, i32, i32, u64, u64);

#[derive(Serialize, Deserialize)]
struct HoldOutWritten {
    matches: u64,
    log_loss: i64,
    heroes_only: i64,
    constant: i64,
    accuracy: i64,
    auc: i64,
    ece: i64,
    slope: i64,
    calibration: Vec<(u64, u16, u16)>,
}

#[derive(Serialize, Deserialize)]
struct ModelWritten {
    heroes: Vec<u16>,
    side: (i16, i16),
    strengths: Vec<(i16, i16)>,
    advantages: Vec<(i16, i16)>,
    synergies: Vec<(i16, i16)>,
}

pub(crate) fn encode(result: &PatchResult) -> Vec<u8> {
    let written = Written {
        v: VERSION,
        run: result.run.to_string(),
        as_of: result.as_of.as_unix_ms(),
        patch: result.patch.clone(),
        counts_hash: result.counts_hash.clone(),
        excluded: result.excluded.clone(),
        slices: EachSlice(&result.slices),
    };
    serde_json::to_vec(&written).expect("numbers, strings and lists of them")
}

/// The result; nothing if these are not the bytes of one.
pub(crate) fn decode(bytes: &[u8]) -> Option<PatchResult> {
    let written: Written<BTreeMap<String, SliceWritten>> = serde_json::from_slice(bytes).ok()?;
    if written.v != VERSION {
        return None;
    }
    let slices = written.slices.into_iter().map(|(name, values)| {
        let slice: Slice = name.parse().ok()?;
        Some((slice, slice_read(slice, values)?))
    });
    Some(PatchResult {
        run: RunId::of(&written.run)?,
        as_of: Timestamp::from_unix_ms(written.as_of),
        patch: written.patch,
        counts_hash: written.counts_hash,
        excluded: written.excluded,
        slices: slices.collect::<Option<_>>()?,
    })
}

fn slice_written(slice: Slice, values: &SliceResult) -> SliceWritten {
    let of_kinds = |kinds: KindFigures| [kinds.strength, kinds.advantage, kinds.synergy];
    let pair = |seen: &PairPoints| {
        let points = seen_of(seen.points, seen.games, seen.wins);
        (points, seen.expected, seen.low_sample)
    };
    let strength =
        |seen: &StrengthPoints| (seen_of(seen.points, seen.games, seen.wins), seen.low_sample);
    let judged = values.judged.as_ref();
    SliceWritten {
        from: values.head.from.of_slice(slice),
        matches: values.head.matches,
        effective_matches: values.head.effective_matches,
        window: (
            values.head.window.0.as_unix_ms(),
            values.head.window.1.as_unix_ms(),
        ),
        excluded: values.head.excluded.clone(),
        prior_sd: of_kinds(values.head.prior_sd),
        prior_games: of_kinds(values.head.prior_games),
        holdout: values.head.holdout.as_ref().map(holdout_written),
        judged: judged.map(|it| (model_written(&it.model), it.unseen_since.as_unix_ms())),
        level: values.head.level,
        model: model_written(&values.head.model),
        strengths: values.strengths.iter().map(strength).collect(),
        advantages: values.advantages.values().iter().map(pair).collect(),
        synergies: values.synergies.values().iter().map(pair).collect(),
    }
}

fn seen_of(points: Points, games: u64, wins: u64) -> Seen {
    (points.pp, points.lo, points.hi, games, wins)
}

fn holdout_written(seen: &HoldOutResult) -> HoldOutWritten {
    let bins = seen.calibration.iter();
    HoldOutWritten {
        matches: seen.matches,
        log_loss: seen.log_loss,
        heroes_only: seen.heroes_only,
        constant: seen.constant,
        accuracy: seen.accuracy,
        auc: seen.auc,
        ece: seen.ece,
        slope: seen.slope,
        calibration: bins
            .map(|bin| (bin.matches, bin.predicted, bin.found))
            .collect(),
    }
}

fn model_written(model: &DraftModel) -> ModelWritten {
    let effects = |of: &[Effect]| of.iter().map(|effect| (effect.value, effect.sd)).collect();
    ModelWritten {
        heroes: model
            .roster
            .heroes()
            .iter()
            .map(|hero| hero.get())
            .collect(),
        side: (model.side.value, model.side.sd),
        strengths: effects(&model.strengths),
        advantages: effects(model.advantages.values()),
        synergies: effects(model.synergies.values()),
    }
}

fn slice_read(slice: Slice, written: SliceWritten) -> Option<SliceResult> {
    let model = model_read(&written.model)?;
    let heroes = model.roster.len();
    let kinds = |[strength, advantage, synergy]: [u64; 3]| KindFigures {
        strength,
        advantage,
        synergy,
    };
    let pair = |(seen, expected, low_sample): (Seen, i32, bool)| PairPoints {
        points: points_of(seen),
        expected,
        games: seen.3,
        wins: seen.4,
        low_sample,
    };
    let strengths = written.strengths.into_iter();
    let strengths = strengths.map(|(seen, low_sample)| StrengthPoints {
        points: points_of(seen),
        games: seen.3,
        wins: seen.4,
        low_sample,
    });
    let judged = match written.judged {
        None => None,
        Some((model, since)) => Some(Judged {
            model: Arc::new(model_read(&model)?),
            unseen_since: Timestamp::from_unix_ms(since),
        }),
    };
    let (begin, end) = written.window;
    let head = SliceHead {
        from: ValuesFrom::read(&written.from, slice)?,
        matches: written.matches,
        effective_matches: written.effective_matches,
        window: (Timestamp::from_unix_ms(begin), Timestamp::from_unix_ms(end)),
        excluded: written.excluded,
        prior_sd: kinds(written.prior_sd),
        prior_games: kinds(written.prior_games),
        holdout: written.holdout.map(holdout_read),
        level: written.level,
        model: Arc::new(model),
    };
    Some(SliceResult {
        head,
        strengths: strengths.collect(),
        advantages: triangle(heroes, written.advantages.into_iter().map(pair).collect())?,
        synergies: triangle(heroes, written.synergies.into_iter().map(pair).collect())?,
        judged,
    })
}

fn points_of((pp, lo, hi, _, _): Seen) -> Points {
    Points { pp, lo, hi }
}

fn holdout_read(written: HoldOutWritten) -> HoldOutResult {
    let bins = written.calibration.into_iter();
    let bins = bins.map(|(matches, predicted, found)| CalibrationBin {
        matches,
        predicted,
        found,
    });
    HoldOutResult {
        matches: written.matches,
        log_loss: written.log_loss,
        heroes_only: written.heroes_only,
        constant: written.constant,
        accuracy: written.accuracy,
        auc: written.auc,
        ece: written.ece,
        slope: written.slope,
        calibration: bins.collect(),
    }
}

fn model_read(written: &ModelWritten) -> Option<DraftModel> {
    let heroes = written.heroes.iter().map(|&raw| HeroId::try_new(raw).ok());
    let roster = Roster::new(heroes.collect::<Option<Vec<_>>>()?);
    let effects = |of: &[(i16, i16)]| -> Vec<Effect> {
        of.iter().map(|&(value, sd)| Effect { value, sd }).collect()
    };
    let len = roster.len();
    let (value, sd) = written.side;
    let is_whole = len == written.heroes.len() && len == written.strengths.len();
    is_whole.then_some(())?;
    Some(DraftModel {
        side: Effect { value, sd },
        strengths: effects(&written.strengths),
        advantages: triangle(len, effects(&written.advantages))?,
        synergies: triangle(len, effects(&written.synergies))?,
        roster,
    })
}

fn triangle<T>(heroes: usize, values: Vec<T>) -> Option<Triangle<T>> {
    let is_whole = values.len() == heroes * heroes.saturating_sub(1) / 2;
    is_whole.then(|| Triangle::from_values(heroes, values))
}
