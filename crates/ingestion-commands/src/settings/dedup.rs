//! `[dedup]`: what is remembered of what was published.

use service_kit::config::{Declaration, Integer, Setting, SettingsReader};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&WINDOW_SIZE];

const WINDOW_SIZE: Setting<Integer<usize>> = Setting {
    variable: "DEDUP_WINDOW_SIZE",
    default: "1000000",
    help: "How many match ids are remembered to recognise duplicates; a million take about 32 MB",
    parser: Integer {
        min: 1,
        max: 100_000_000,
    },
};

pub(super) fn read(reader: &mut SettingsReader) -> usize {
    reader.get(&WINDOW_SIZE)
}
