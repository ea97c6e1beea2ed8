//! What runs are to do, and how patient they are.

use std::time::Duration;

use domain::CountingRules;

use crate::slices::{Mode, Skill};

/// How runs go about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSettings {
    /// Of which patches.
    pub patches: Vec<PatchChoice>,
    /// Of which skills.
    pub skills: Vec<Skill>,
    /// Of which modes.
    pub modes: Vec<Mode>,
    /// How many days a patch is looked at, at most.
    pub window_days: u32,
    /// In how many days weights halve; 0 for never.
    pub half_life_days: u32,
    /// Which part of the matches is held out to judge by, in ten-thousandths; 0 for none.
    pub holdout: u16,
    /// Whether drafts are fitted jointly too, and published where that is better.
    pub is_joint: bool,
    /// A slice of fewer matches shows its parent's values.
    pub matches_min: u64,
    /// How sure intervals are, in ten-thousandths.
    pub level: u16,
    /// Which matches count, where they are looked at one by one.
    pub rules: CountingRules,
    /// An attempt at a step takes no longer.
    pub step_timeout: Duration,
    /// How often reading and publishing are tried again.
    pub retries: u32,
    /// The shortest and the longest pause before that.
    pub backoff: (Duration, Duration),
    /// How long what is published lives; none for ever.
    pub expiry: Option<Duration>,
    /// Whether a run waits with its result for as long as readers cannot be reached,
    /// instead of failing after its retries.
    pub is_patient: bool,
}

/// A patch that the settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchChoice {
    /// The one that is played.
    Current,
    /// The one before it.
    Previous,
    /// The one of that name.
    Named(String),
}
