//! `[warehouse]`, what a server is told beyond where it is.

use std::time::Duration;

use etl_clickhouse_adapter::{InsertCompression, TableOptions, WarehouseOptions};
use service_kit::config::{Declaration, DurationBetween, OneOf, Setting, SettingsReader, Unset};

pub(super) const DECLARATIONS: &[&dyn Declaration] =
    &[&INSERT_TIMEOUT, &COMPRESSION, &FSYNC, &PLAYERS_TTL];

const INSERT_TIMEOUT: Setting<DurationBetween> = Setting {
    variable: "WAREHOUSE_INSERT_TIMEOUT",
    default: "60s",
    help: "How long a server may take to store the rows of one table; then it is tried again",
    parser: DurationBetween {
        min: Duration::from_secs(1),
        max: Duration::from_hours(1),
    },
};
const COMPRESSION: Setting<OneOf<InsertCompression>> = Setting {
    variable: "WAREHOUSE_COMPRESSION",
    default: "lz4",
    help: "How rows are packed on their way to a server: zstd makes them smaller than lz4, and takes more time of the processor",
    parser: OneOf(&[
        ("none", InsertCompression::None),
        ("lz4", InsertCompression::Lz4),
        ("zstd", InsertCompression::Zstd),
    ]),
};
const FSYNC: Setting<OneOf<bool>> = Setting {
    variable: "WAREHOUSE_FSYNC",
    default: "true",
    help: "Whether the tables that migrate makes on a server wait for the disk: what was stored \
           then survives the loss of power; the embedded warehouse always does",
    parser: OneOf(&[("true", true), ("false", false)]),
};
const PLAYERS_TTL: Setting<DurationBetween, Unset> = Setting {
    variable: "WAREHOUSE_PLAYERS_TTL",
    default: Unset("(for ever)"),
    help: "How long the tables that migrate makes on a server keep lines of single players, such \
           as 400d",
    parser: DurationBetween {
        min: Duration::from_hours(24),
        max: Duration::from_hours(24 * 36_500),
    },
};

pub(super) fn read(reader: &mut SettingsReader) -> WarehouseOptions {
    WarehouseOptions {
        insert_timeout: reader.get(&INSERT_TIMEOUT),
        compression: reader.get(&COMPRESSION),
        tables: TableOptions {
            fsync: reader.get(&FSYNC),
            players_ttl: reader.get_optional(&PLAYERS_TTL),
        },
        ..WarehouseOptions::default()
    }
}
