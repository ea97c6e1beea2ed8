//! `[log]`: what is logged, and how.

use tracing::level_filters::LevelFilter;

use super::{LogFormat, LogSettings};
use crate::config::{Declaration, OneOf, Section, Setting, SettingsReader};

/// The settings that fill [`LogSettings`].
pub struct LogSection {
    level: Setting<OneOf<LevelFilter>>,
    format: Setting<OneOf<LogFormat>>,
}

impl LogSection {
    /// JSON from `INFO` on.
    pub const DEFAULT: Self = Self {
        level: Setting {
            variable: "LOG_LEVEL",
            default: "INFO",
            help: "Least severe level that is logged; third-party libraries log from WARN on, for \
                   their finer lines are noise and may show secrets",
            parser: OneOf(&[
                ("OFF", LevelFilter::OFF),
                ("ERROR", LevelFilter::ERROR),
                ("WARN", LevelFilter::WARN),
                ("INFO", LevelFilter::INFO),
                ("DEBUG", LevelFilter::DEBUG),
                ("TRACE", LevelFilter::TRACE),
            ]),
        },
        format: Setting {
            variable: "LOG_FORMAT",
            default: "json",
            help: "How log lines look: one JSON object each, or text",
            parser: OneOf(&[("json", LogFormat::Json), ("text", LogFormat::Text)]),
        },
    };

    /// With another `LOG_FORMAT` where none is given.
    #[must_use]
    pub const fn with_format(mut self, default: &'static str) -> Self {
        self.format.default = default;
        self
    }

    /// What is in force, for a service of this name.
    pub fn read(&self, reader: &mut SettingsReader, service_name: &str) -> LogSettings {
        LogSettings {
            level: reader.get(&self.level),
            format: reader.get(&self.format),
            service_name: service_name.to_owned(),
        }
    }
}

impl Section for LogSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.level, &self.format]
    }
}
