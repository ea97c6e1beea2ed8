//! `[warehouse]`, what loading adds to it: how batches are cut.

use std::time::Duration;

use etl_application::{BatchLimits, LoaderSettings};
use service_kit::config::{
    Declaration, DurationBetween, Integer, Setting, SettingsReader, SizeBetween,
};

use super::details;

pub(super) const DECLARATIONS: &[&dyn Declaration] =
    &[&BATCH_ROWS, &BATCH_BYTES, &BATCH_WAIT, &INSERTS_PARALLEL];

const BATCH_ROWS: Setting<Integer<usize>> = Setting {
    variable: "WAREHOUSE_BATCH_ROWS",
    default: "50000",
    help: "With so many rows a batch is complete; a batch is complete before it is sent",
    parser: Integer {
        min: 1,
        max: 1_000_000,
    },
};
const BATCH_BYTES: Setting<SizeBetween> = Setting {
    variable: "WAREHOUSE_BATCH_BYTES",
    default: "32MiB",
    help: "With so many bytes of records a batch is complete",
    parser: SizeBetween {
        min: 64 * 1024,
        max: 1024 * 1024 * 1024,
    },
};
const BATCH_WAIT: Setting<DurationBetween> = Setting {
    variable: "WAREHOUSE_BATCH_WAIT",
    default: "2s",
    help: "How long a batch that is not complete waits for more",
    parser: DurationBetween {
        min: Duration::from_millis(10),
        max: Duration::from_mins(1),
    },
};
const INSERTS_PARALLEL: Setting<Integer<usize>> = Setting {
    variable: "WAREHOUSE_INSERTS_PARALLEL",
    default: "2",
    help: "How many batches are stored at a time; one more is being filled",
    parser: Integer { min: 1, max: 16 },
};

pub(super) fn read(reader: &mut SettingsReader) -> LoaderSettings {
    LoaderSettings {
        batch: BatchLimits {
            rows_max: reader.get(&BATCH_ROWS),
            bytes_max: usize::try_from(reader.get(&BATCH_BYTES)).unwrap_or(usize::MAX),
        },
        batch_wait: reader.get(&BATCH_WAIT),
        inserts_parallel: reader.get(&INSERTS_PARALLEL),
        wishes: details::wish_rules(reader),
    }
}
