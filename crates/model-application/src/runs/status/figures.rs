//! What there is to say of runs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{Day, Timestamp};
use health_kit::DurationBuckets;

use crate::{
    ports::{Run, RunState, StepName, Trigger},
    result::PatchHead,
};

/// Whether this instance may publish.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Standing {
    /// Nobody has been asked yet.
    #[default]
    Unknown,
    /// It has the lock, since then.
    Leader {
        /// Higher than that of each earlier leader.
        epoch: u64,
        /// Since when.
        since: Timestamp,
    },
    /// Another instance has the lock; this one takes over when that one is gone.
    Standby {
        /// Which one, where that is known.
        leader: Option<String>,
    },
    /// Nobody can say who has the lock.
    Away {
        /// What is wrong, and what to do about it.
        reason: String,
    },
    /// The settings say that there is no lock: this instance is the only one.
    Alone,
}

impl Standing {
    /// Whether runs may begin here.
    #[must_use]
    pub const fn may_run(&self) -> bool {
        matches!(self, Self::Leader { .. } | Self::Alone)
    }
}

/// When runs begin by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScheduleFigures {
    /// The rule, as the settings have it; none if runs begin only by hand.
    pub text: Option<String>,
    /// When the next one begins.
    pub next: Option<Timestamp>,
    /// How often it was time while a run was under way.
    pub skipped: u64,
}

/// How fresh counters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataAge {
    /// The newest day that has counters.
    pub newest_day: Day,
    /// The last moment that they can be of: the end of that day, or when they were
    /// read if that is earlier.
    pub counted_until: Timestamp,
}

/// What readers see of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPatch {
    /// What is known of it. Its `as_of` is the one that readers see.
    pub result: PatchHead,
    /// Since when readers see the values of this run.
    pub since: Timestamp,
}

/// Counters since the start of the process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunCounts {
    /// Runs that have ended, by how and why they were begun.
    pub runs: BTreeMap<(RunState, Trigger), u64>,
    /// How long steps took, failed attempts included.
    pub steps: BTreeMap<StepName, DurationBuckets>,
    /// Attempts that were tried again.
    pub retries: BTreeMap<StepName, u64>,
    /// Matches that runs left out, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// Documents that readers were given.
    pub keys_published: u64,
    /// How long the last switch took.
    pub last_switch: Option<Duration>,
}

/// Everything, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct RunsSnapshot {
    /// When that was.
    pub at: Timestamp,
    /// Whether this instance may publish.
    pub standing: Standing,
    /// When runs begin by themselves.
    pub schedule: ScheduleFigures,
    /// The run that is under way, with the steps that it has done.
    pub current: Option<Run>,
    /// The last one that has ended.
    pub last_ended: Option<Run>,
    /// When a run has last found that readers see what there is to see: it was
    /// published, or nothing had changed.
    pub last_success: Option<Timestamp>,
    /// How fresh counters were when they were last read.
    pub data: Option<DataAge>,
    /// What readers see, by the names of patches.
    pub published: BTreeMap<String, Arc<PublishedPatch>>,
    /// Counters since the start.
    pub counts: RunCounts,
}

impl RunsSnapshot {
    /// How old the newest counter is; none before the first run has looked.
    #[must_use]
    pub fn data_age(&self) -> Option<Duration> {
        let data = self.data?;
        Some(self.at.saturating_since(data.counted_until))
    }
}
