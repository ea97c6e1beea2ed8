//! The settings of Redis, as a section.

use service_kit::config::{Declaration, Parsed, Section, Setting, SettingsReader, Unset};

use crate::{RedisPlace, place::Place};

const PREFIX_LENGTH_MAX: usize = 64;

/// Where Redis is, and what our keys begin with.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is, and how it is entered.
    pub place: RedisPlace,
    /// What every key and channel begins with; may be empty.
    pub key_prefix: String,
}

const KEY_PREFIX: Setting<Parsed<String>> = Setting {
    variable: "REDIS_KEY_PREFIX",
    default: "",
    help: "What every key and channel of ours begins with",
    parser: Parsed {
        allowed: "up to 64 of letters, digits and . : _ - /",
        parse: key_prefix,
    },
};

/// The settings that fill [`RedisSettings`].
pub struct RedisSection {
    url: Setting<Place>,
    key_prefix: Setting<Parsed<String>>,
}

impl RedisSection {
    /// A server on this machine.
    pub const DEFAULT: Self = Self {
        url: Setting {
            variable: "REDIS_URL",
            default: "redis://localhost:6379/0",
            help: "Where Redis is: the address of one server, or of sentinels that know the \
                   master, which are asked without its password",
            parser: Place,
        },
        key_prefix: KEY_PREFIX,
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> RedisSettings {
        RedisSettings {
            place: reader.get(&self.url),
            key_prefix: reader.get(&self.key_prefix),
        }
    }
}

impl Section for RedisSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.url, &self.key_prefix]
    }
}

/// The settings that fill [`RedisSettings`] for a service that does without Redis, too.
pub struct OptionalRedisSection {
    url: Setting<Place, Unset>,
    key_prefix: Setting<Parsed<String>>,
}

impl OptionalRedisSection {
    /// No server, unless one is named: what is so without it, and what it is for.
    #[must_use]
    pub const fn new(without: &'static str, help: &'static str) -> Self {
        Self {
            url: Setting {
                variable: "REDIS_URL",
                default: Unset(without),
                help,
                parser: Place,
            },
            key_prefix: KEY_PREFIX,
        }
    }

    /// What is in force; `None` without a server.
    pub fn read(&self, reader: &mut SettingsReader) -> Option<RedisSettings> {
        let key_prefix = reader.get(&self.key_prefix);
        let place = reader.get_optional(&self.url)?;
        Some(RedisSettings { place, key_prefix })
    }
}

impl Section for OptionalRedisSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.url, &self.key_prefix]
    }
}

fn key_prefix(text: &str) -> Result<String, String> {
    if text.len() > PREFIX_LENGTH_MAX {
        return Err("too long".to_owned());
    }
    // Patterns of keys, and slots of a cluster, have meanings for others.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:_-/".contains(&byte);
    if !text.bytes().all(is_plain) {
        return Err("holds a character that is not allowed".to_owned());
    }
    Ok(text.to_owned())
}
