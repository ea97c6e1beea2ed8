//! What is published, and how good it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AsOf, Decimal};

/// The slices of a patch, under [`meta_key`](super::meta_key).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaDocument {
    /// The version, 1.
    pub v: u32,
    /// Which run computed it.
    pub run: String,
    /// When that run began, or when a later one found the same counts.
    pub as_of: AsOf,
    /// The patch.
    pub patch: String,
    /// By [`SliceKeys::name`](super::SliceKeys::name).
    pub slices: BTreeMap<String, SliceFigures>,
    /// Matches of the whole window that were left out, by reason.
    pub excluded: BTreeMap<String, u64>,
}

/// A slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFigures {
    /// Whose values are published: the slice's own or its parent's.
    pub from: String,
    /// Matches that were used.
    pub matches: u64,
    /// What they are worth, as each is weighted by its age.
    pub effective_matches: u64,
    /// From when to when they began.
    pub window: [AsOf; 2],
    /// Matches of the slice that were left out, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// How far effects spread before anything is known of one: standard deviations, in log-odds.
    pub prior_sd: PriorFigures<Decimal<3>>,
    /// As how many games that counts, `4 / sd²`.
    pub prior_games: PriorFigures<u64>,
    /// What matches say that the model has not seen; none where nothing was held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<HoldOutFigures>,
}

/// Something of each kind of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorFigures<T> {
    /// Of strengths.
    pub strength: T,
    /// Of advantages.
    pub advantage: T,
    /// Of synergies.
    pub synergy: T,
}

/// What matches say that the model has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldOutFigures {
    /// How many.
    pub matches: u64,
    /// Of the model, in nats a match.
    pub log_loss: Decimal<4>,
    /// Of a model of strengths alone.
    pub heroes_only: Decimal<4>,
    /// Of one that knows no heroes.
    pub constant: Decimal<4>,
    /// The share whose winner was the likelier side, in 0 … 1.
    pub accuracy: Decimal<3>,
    /// How often a won match was the likelier one of two, in 0 … 1.
    pub auc: Decimal<3>,
    /// How far probabilities are from frequencies, on average, in 0 … 1.
    pub ece: Decimal<4>,
    /// Of outcomes on log-odds; 1 is neither too sure nor too careful.
    pub slope: Decimal<2>,
}

/// Which patches there are, under [`PATCHES_KEY`](super::PATCHES_KEY).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchesDocument {
    /// The version, 1.
    pub v: u32,
    /// When it was last written.
    pub as_of: AsOf,
    /// The newest patch with data.
    pub current: String,
    /// Newest first.
    pub patches: Vec<PatchEntry>,
}

/// A patch with data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchEntry {
    /// The patch.
    pub patch: String,
    /// The run whose values it has.
    pub run: String,
    /// When that run began, or when a later one found the same counts.
    pub as_of: AsOf,
}
