//! `[journal]`: what Kafka has not acknowledged, on disk.

use std::path::Path;

use ingestion_journal_adapter::JournalSettings;
use service_kit::config::{Declaration, FilePath, Setting, SettingsReader, SizeBetween};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&DIR, &SIZE_MAX];

const DIR: Setting<FilePath> = Setting {
    variable: "JOURNAL_DIR",
    default: "data/journal",
    help: "Folder for what Kafka has not acknowledged; made if it is not there, used by one process",
    parser: FilePath,
};
const SIZE_MAX: Setting<SizeBetween> = Setting {
    variable: "JOURNAL_SIZE_MAX",
    default: "1GiB",
    help: "How large that folder may become; a full one makes feeds wait. Of its disk a sixteenth, \
           at most 64 MiB, is left free for others; health is degraded while the disk has no room \
           for both",
    parser: SizeBetween {
        min: 1024 * 1024,
        max: 1024 * 1024 * 1024 * 1024,
    },
};

pub(super) fn read(reader: &mut SettingsReader, working_dir: &Path) -> JournalSettings {
    JournalSettings {
        dir: working_dir.join(reader.get(&DIR)),
        size_max: reader.get(&SIZE_MAX),
    }
}
