//! `[counters]`: what is counted, and how soon.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{CountingRules, Patches};
use service_kit::config::{Declaration, DurationBetween, Parsed, Setting, SettingsReader};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&DELAY, &DURATION_MIN, &LOBBIES];

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
const DURATION_MIN: Setting<DurationBetween> = Setting {
    variable: "COUNTERS_DURATION_MIN",
    default: "10m",
    help: "Shorter matches are not counted; a change takes hold of a day when it is built again",
    parser: DurationBetween {
        min: Duration::ZERO,
        max: Duration::from_hours(24),
    },
};
const LOBBIES: Setting<Parsed<BTreeSet<u8>>> = Setting {
    variable: "COUNTERS_LOBBIES",
    default: "0,7",
    help: "Lobby types whose matches are counted: 0 is normal, 7 ranked; a change takes hold of a \
           day when it is built again",
    parser: Parsed {
        allowed: "numbers from 0 to 255, with commas between them",
        parse: lobbies,
    },
};

fn lobbies(text: &str) -> Result<BTreeSet<u8>, String> {
    let numbers = text.split(',').map(|number| number.trim().parse());
    let numbers: Result<_, _> = numbers.collect();
    numbers.map_err(|_| "not a list of lobby types".to_owned())
}

pub(super) fn read(reader: &mut SettingsReader) -> CounterSettings {
    let duration_min = reader.get(&DURATION_MIN);
    CounterSettings {
        delay: reader.get(&DELAY),
        rules: CountingRules {
            duration_min_seconds: u32::try_from(duration_min.as_secs()).unwrap_or(u32::MAX),
            lobbies: reader.get(&LOBBIES),
        },
        patches: super::patches::read(reader),
    }
}
