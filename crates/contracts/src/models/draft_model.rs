//! Everything that is needed to score drafts.

use serde::{Deserialize, Serialize};

use super::AsOf;

/// The effects of a slice in thousandths of log-odds, under
/// [`SliceKeys::draft_model`](super::SliceKeys::draft_model).
///
/// Triangles have a value for each pair `i < j` of `heroes`, row by row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftModelDocument {
    /// The version, 1.
    pub v: u32,
    /// Which run computed it.
    pub run: String,
    /// When that run began.
    pub as_of: AsOf,
    /// The patch.
    pub patch: String,
    /// The skill.
    pub skill: String,
    /// The mode.
    pub mode: String,
    /// Whose values these are: the slice's own or its parent's.
    pub from: String,
    /// Matches of the slice.
    pub matches: u64,
    /// The heroes' ids, ascending.
    pub heroes: Vec<u16>,
    /// The Radiant's advantage.
    pub side: i16,
    /// Of each hero.
    pub strength: Vec<i16>,
    /// Of the pair's first hero over its second: a triangle.
    pub advantage: Vec<i16>,
    /// Of each pair: a triangle.
    pub synergy: Vec<i16>,
    /// The standard deviation of `side`.
    pub sd_side: i16,
    /// The standard deviations of `strength`.
    pub sd_strength: Vec<i16>,
    /// The standard deviations of `advantage`.
    pub sd_advantage: Vec<i16>,
    /// The standard deviations of `synergy`.
    pub sd_synergy: Vec<i16>,
}
