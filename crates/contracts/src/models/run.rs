//! What became of a run.

use serde::{Deserialize, Serialize};

use super::AsOf;

/// A run that has ended, in the list under [`RUNS_KEY`](super::RUNS_KEY).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDocument {
    /// The version, 1.
    pub v: u32,
    /// Its id; a later one is higher.
    pub run: String,
    /// How it ended: `published`, `held`, `unchanged`, `failed`, `interrupted` or `cancelled`.
    pub state: String,
    /// Why it was begun: `schedule`, `manual`, `start` or `new_patch`.
    pub trigger: String,
    /// By whom, if by somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was asked for.
    pub queued_at: AsOf,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<AsOf>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<AsOf>,
    /// Version and commit of the program.
    pub program: String,
    /// Tells settings apart.
    pub settings_hash: String,
    /// Tells counts apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_hash: Option<String>,
    /// Where and why it did not publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RunFailure>,
    /// What it has done, in order.
    pub steps: Vec<RunStepDocument>,
}

/// Where and why a run did not publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailure {
    /// The step.
    pub step: String,
    /// Why, in a sentence.
    pub cause: String,
}

/// An attempt at a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStepDocument {
    /// Which step.
    pub step: String,
    /// The first is 1.
    pub attempt: u32,
    /// When it began.
    pub started_at: AsOf,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// How many rows or documents went through it.
    pub rows: u64,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}
