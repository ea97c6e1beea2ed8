//! `[service]`: what the service calls itself.

use crate::config::{Declaration, Parsed, Section, Setting, SettingsReader};

/// The name of the service.
pub struct ServiceSection {
    name: Setting<Parsed<String>>,
}

impl ServiceSection {
    /// A service that calls itself by its binary's name unless it is told otherwise.
    #[must_use]
    pub const fn named(default: &'static str) -> Self {
        Self {
            name: Setting {
                variable: "SERVICE_NAME",
                default,
                help: "What the service calls itself in health, logs and metrics, and to the systems it uses",
                parser: Parsed {
                    allowed: "1 to 100 characters, no control characters",
                    parse: name,
                },
            },
        }
    }

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> String {
        reader.get(&self.name)
    }
}

impl Section for ServiceSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.name]
    }
}

fn name(text: &str) -> Result<String, String> {
    if (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("empty, too long, or with control characters".to_owned())
    }
}
