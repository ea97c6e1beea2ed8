//! `[counters]`: which matches count.

use std::{collections::BTreeSet, time::Duration};

use crate::config::{Declaration, DurationBetween, Parsed, Section, Setting, SettingsReader};
use domain::CountingRules;

/// The settings that fill [`CountingRules`].
pub struct CountingSection {
    duration_min: Setting<DurationBetween>,
    lobbies: Setting<Parsed<BTreeSet<u8>>>,
}

impl CountingSection {
    /// Normal and ranked matches of ten minutes or more.
    pub const DEFAULT: Self = Self {
        duration_min: Setting {
            variable: "COUNTERS_DURATION_MIN",
            default: "10m",
            help: "Shorter matches are not counted; a change takes hold of a day when it is built \
                   again",
            parser: DurationBetween {
                min: Duration::ZERO,
                max: Duration::from_hours(24),
            },
        },
        lobbies: Setting {
            variable: "COUNTERS_LOBBIES",
            default: "0,7",
            help: "Lobby types whose matches are counted: 0 is normal, 7 ranked; a change takes \
                   hold of a day when it is built again",
            parser: Parsed {
                allowed: "numbers from 0 to 255, with commas between them",
                parse: lobbies,
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> CountingRules {
        let duration_min = reader.get(&self.duration_min);
        CountingRules {
            duration_min_seconds: u32::try_from(duration_min.as_secs()).unwrap_or(u32::MAX),
            lobbies: reader.get(&self.lobbies),
        }
    }
}

impl Section for CountingSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.duration_min, &self.lobbies]
    }
}

fn lobbies(text: &str) -> Result<BTreeSet<u8>, String> {
    let numbers = text.split(',').map(|number| number.trim().parse());
    let numbers: Result<_, _> = numbers.collect();
    numbers.map_err(|_| "not a list of lobby types".to_owned())
}
