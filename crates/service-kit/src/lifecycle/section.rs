//! `[shutdown]`: how the service ends.

use std::time::Duration;

use crate::config::{Declaration, DurationBetween, Section, Setting, SettingsReader};

/// The time a [`Lifecycle`](super::Lifecycle) has from its first signal on.
pub struct ShutdownSection {
    timeout: Setting<DurationBetween>,
}

impl ShutdownSection {
    /// Less than the 30 s that Kubernetes waits, and more than one request needs.
    pub const DEFAULT: Self = Self {
        timeout: Setting {
            variable: "SHUTDOWN_TIMEOUT",
            default: "25s",
            help: "Time from the first signal to the end; keep it below the supervisor's own patience",
            parser: DurationBetween {
                min: Duration::from_millis(100),
                max: Duration::from_hours(1),
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> Duration {
        reader.get(&self.timeout)
    }
}

impl Section for ShutdownSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.timeout]
    }
}
