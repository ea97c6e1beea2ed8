//! `[shutdown]`: how the service ends.

use std::time::Duration;

use service_kit::config::{Declaration, DurationBetween, Setting, SettingsReader};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&TIMEOUT];

const TIMEOUT: Setting<DurationBetween> = Setting {
    variable: "SHUTDOWN_TIMEOUT",
    default: "25s",
    help: "Time from the first signal to the end; keep it below the supervisor's own patience",
    parser: DurationBetween {
        min: Duration::from_millis(100),
        max: Duration::from_hours(1),
    },
};

pub(super) fn read(reader: &mut SettingsReader) -> Duration {
    reader.get(&TIMEOUT)
}
