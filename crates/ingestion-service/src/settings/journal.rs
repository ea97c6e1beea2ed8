//! `[journal]`: accepted and judged, so that a configuration written for a
//! version with a journal works here; this version keeps what Kafka has not
//! acknowledged in memory.

use service_kit::config::{Declaration, FilePath, Setting, SettingsReader, SizeBetween};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&DIR, &SIZE_MAX];

const DIR: Setting<FilePath> = Setting {
    variable: "JOURNAL_DIR",
    default: "data/journal",
    help: "Not used yet: the folder for what Kafka has not acknowledged",
    parser: FilePath,
};
const SIZE_MAX: Setting<SizeBetween> = Setting {
    variable: "JOURNAL_SIZE_MAX",
    default: "1GiB",
    help: "Not used yet: how large that folder may become",
    parser: SizeBetween {
        min: 1024 * 1024,
        max: 1024 * 1024 * 1024 * 1024,
    },
};

pub(super) fn read(reader: &mut SettingsReader) {
    reader.get(&DIR);
    reader.get(&SIZE_MAX);
}
