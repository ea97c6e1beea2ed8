//! `[counters]`: what is counted, and how soon.

use std::time::Duration;

use domain::{CountingRules, Patches};
use service_kit::config::{Declaration, DurationBetween, Section as _, Setting, SettingsReader};
use service_kit::counting::{CountingSection, PatchesSection};

/// What is counted, and how soon.
#[derive(Debug, Clone)]
pub struct CounterSettings {
    /// How long a day may be behind its facts.
    pub delay: Duration,
    /// Which matches are counted.
    pub rules: CountingRules,
    /// Since when each patch is played.
    pub patches: Patches,
}

const DELAY: Setting<DurationBetween> = Setting {
    variable: "COUNTERS_DELAY",
    default: "5m",
    help: "A day whose facts have changed is built again no later; a day that is over, as soon as \
           nothing has changed it for a tenth of that",
    parser: DurationBetween {
        min: Duration::from_secs(1),
        max: Duration::from_hours(24),
    },
};
/// What it shares with whoever reads counters.
static COUNTING: CountingSection = CountingSection::DEFAULT;
static PATCHES: PatchesSection = PatchesSection::DEFAULT;

pub(super) fn declarations() -> Vec<&'static dyn Declaration> {
    let delay: Vec<&'static dyn Declaration> = vec![&DELAY];
    [delay, COUNTING.declarations(), PATCHES.declarations()].concat()
}

pub(super) fn read(reader: &mut SettingsReader) -> CounterSettings {
    CounterSettings {
        delay: reader.get(&DELAY),
        rules: COUNTING.read(reader),
        patches: PATCHES.read(reader).patches,
    }
}
