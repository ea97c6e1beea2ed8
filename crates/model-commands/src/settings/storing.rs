//! `[data]`, `[runs]`, `[leader]`, and for how long readers keep what is published.

use std::{path::PathBuf, time::Duration};

use service_kit::config::{
    Declaration, DurationBetween, FilePath, Integer, OneOf, Setting, SettingsReader,
};

/// What is kept, and for how long.
#[derive(Debug, Clone)]
pub struct StoringSettings {
    /// The folder of the ledger.
    pub folder: PathBuf,
    /// How many runs it keeps.
    pub runs_keep: usize,
    /// How long what is published lives; none for ever.
    pub redis_expiry: Option<Duration>,
}

/// Who may publish.
#[derive(Debug, Clone)]
pub struct LeaderSettings {
    /// Whether instances share a lock.
    pub has_lock: bool,
    /// How long it lives when nobody renews it.
    pub life: Duration,
}

pub(super) const DECLARATIONS: &[&dyn Declaration] =
    &[&REDIS_TTL, &DATA_DIR, &RUNS_KEEP, &LEADER_LOCK, &LEADER_TTL];

const REDIS_TTL: Setting<DurationBetween> = Setting {
    variable: "REDIS_TTL",
    default: "30d",
    help: "How long what is published lives when nothing renews it; 0 for ever",
    parser: DurationBetween {
        min: Duration::ZERO,
        max: Duration::from_hours(24 * 3_650),
    },
};
const DATA_DIR: Setting<FilePath> = Setting {
    variable: "DATA_DIR",
    default: "data/models",
    help: "Folder of the ledger of runs, and of the last results",
    parser: FilePath,
};
const RUNS_KEEP: Setting<Integer<usize>> = Setting {
    variable: "RUNS_KEEP",
    default: "500",
    help: "How many runs the ledger keeps",
    parser: Integer {
        min: 1,
        max: 1_000_000,
    },
};
const LEADER_LOCK: Setting<OneOf<bool>> = Setting {
    variable: "LEADER_LOCK",
    default: "redis",
    help: "How instances agree on the one that runs: a lock in redis, or none where there is only \
           one",
    parser: OneOf(&[("redis", true), ("none", false)]),
};
const LEADER_TTL: Setting<DurationBetween> = Setting {
    variable: "LEADER_TTL",
    default: "30s",
    help: "When the instance that runs is gone, another takes over after so long",
    parser: DurationBetween {
        min: Duration::from_secs(1),
        max: Duration::from_hours(1),
    },
};

pub(super) fn read(reader: &mut SettingsReader) -> (StoringSettings, LeaderSettings) {
    let folder = reader.get(&DATA_DIR);
    let expiry = reader.get(&REDIS_TTL);
    let storing = StoringSettings {
        folder: reader.located(&folder),
        runs_keep: reader.get(&RUNS_KEEP),
        redis_expiry: (!expiry.is_zero()).then_some(expiry),
    };
    let leader = LeaderSettings {
        has_lock: reader.get(&LEADER_LOCK),
        life: reader.get(&LEADER_TTL),
    };
    (storing, leader)
}
