//! `[log]`: what is logged, and how.

use service_kit::config::{Declaration, OneOf, Setting, SettingsReader};
use service_kit::telemetry::{LogFormat, LogSettings};
use tracing::level_filters::LevelFilter;

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&LEVEL, &FORMAT];

const LEVEL: Setting<OneOf<LevelFilter>> = Setting {
    variable: "LOG_LEVEL",
    default: "INFO",
    help: "Least severe level that is logged; third-party libraries log from WARN on, for their \
           finer lines are noise and may show secrets",
    parser: OneOf(&[
        ("OFF", LevelFilter::OFF),
        ("ERROR", LevelFilter::ERROR),
        ("WARN", LevelFilter::WARN),
        ("INFO", LevelFilter::INFO),
        ("DEBUG", LevelFilter::DEBUG),
        ("TRACE", LevelFilter::TRACE),
    ]),
};
const FORMAT: Setting<OneOf<LogFormat>> = Setting {
    variable: "LOG_FORMAT",
    default: "json",
    help: "How log lines look: one JSON object each, or text",
    parser: OneOf(&[("json", LogFormat::Json), ("text", LogFormat::Text)]),
};

/// Who may log below `WARN`: our crates, and librdkafka, which hides its secrets.
const OWN_TARGETS: &[&str] = &[
    "ingestion_application",
    "domain",
    "contracts",
    "feed_simulator",
    "ingestion_http_api",
    "ingestion_service",
    "ingestion_kafka_adapter",
    "librdkafka",
    "ingestion_opendota_adapter",
    "service_kit",
];

pub(super) fn read(reader: &mut SettingsReader, service_name: &str) -> LogSettings {
    LogSettings {
        level: reader.get(&LEVEL),
        format: reader.get(&FORMAT),
        service_name: service_name.to_owned(),
        own_targets: OWN_TARGETS,
    }
}
