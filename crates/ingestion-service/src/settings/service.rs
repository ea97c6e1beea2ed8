//! `[service]`: what the service calls itself.

use service_kit::config::{Declaration, Parsed, Setting, SettingsReader};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&NAME];

const NAME: Setting<Parsed<String>> = Setting {
    variable: "SERVICE_NAME",
    default: "ingestion-service",
    help: "What the service calls itself in health, logs and metrics, and to Kafka",
    parser: Parsed {
        allowed: "1 to 100 characters, no control characters",
        parse: name,
    },
};

pub(super) fn read(reader: &mut SettingsReader) -> String {
    reader.get(&NAME)
}

fn name(text: &str) -> Result<String, String> {
    if (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("empty, too long, or with control characters".to_owned())
    }
}
