//! The settings of calls, as a part of the section `[opendota]`.

use service_kit::config::{
    Declaration, Parsed, SecretText, Section, Setting, SettingsReader, Unset, Url,
};

use crate::OpenDotaSettings;

/// The settings that fill [`OpenDotaSettings`].
pub struct OpenDotaSection {
    url: Setting<Url>,
    key: Setting<SecretText, Unset>,
    reserve: Setting<Parsed<u8>>,
}

impl OpenDotaSection {
    /// The API that is open to everybody, without a key.
    pub const DEFAULT: Self = Self {
        url: Setting {
            variable: "OPENDOTA_API_URL",
            default: "https://api.opendota.com/api",
            help: "Where OpenDota is asked for matches; paths such as /publicMatches are put behind it",
            parser: Url {
                schemes: &["http", "https"],
            },
        },
        key: Setting {
            variable: "OPENDOTA_API_KEY",
            default: Unset("(none)"),
            help: "Key of whose calls they are; without it the limits are those of this address, \
                   60 calls a minute and 3000 a day",
            parser: SecretText {
                allowed: "visible ASCII characters",
                accepts: |c| c.is_ascii_graphic(),
            },
        },
        reserve: Setting {
            variable: "OPENDOTA_API_RESERVE",
            default: "30%",
            help: "How much of each limit is left for others on this address",
            parser: Parsed {
                allowed: "a percentage from 0% to 90%",
                parse: percent,
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> OpenDotaSettings {
        let url = reader.get(&self.url);
        let settings = OpenDotaSettings {
            url: url.trim_end_matches('/').to_owned(),
            key: reader.get_optional(&self.key),
            reserve_percent: reader.get(&self.reserve),
            call_time_max: OpenDotaSettings::CALL_TIME_MAX,
        };
        reader.refuse_all(settings.check());
        settings
    }
}

impl Section for OpenDotaSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.url, &self.key, &self.reserve]
    }
}

fn percent(text: &str) -> Result<u8, String> {
    let digits = text.strip_suffix('%').ok_or("no percent sign (%)")?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u8 = digits.parse().map_err(|_| "no whole number")?;
    match number {
        0..=90 if is_number => Ok(number),
        _ => Err("not in range".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use service_kit::config::{Sources, WrongSettings};

    use super::*;

    static SECTION: OpenDotaSection = OpenDotaSection::DEFAULT;

    fn read(given: &[(&'static str, &str)]) -> Result<OpenDotaSettings, WrongSettings> {
        let sources = Sources::variables(given, Path::new("/nowhere"));
        let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
        let settings = SECTION.read(&mut reader);
        reader.finish().map(|_| settings)
    }

    #[test]
    fn the_defaults_are_those_of_everybody() {
        let settings = read(&[]).expect("right");
        assert_eq!(settings.url, "https://api.opendota.com/api");
        assert!(settings.key.is_none());
        assert_eq!(settings.reserve_percent, 30);
    }

    #[test]
    fn what_is_wrong_is_named_without_its_secret() {
        for (variable, value, reason) in [
            ("OPENDOTA_API_URL", "wss://api.example", "another scheme"),
            (
                "OPENDOTA_API_URL",
                "http://me:s3cret@api.example",
                "holds a user",
            ),
            (
                "OPENDOTA_API_URL",
                "http://api.example?api_key=s3cret",
                "holds a query",
            ),
            ("OPENDOTA_API_KEY", "s3cret ", "not allowed"),
            ("OPENDOTA_API_RESERVE", "30", "no percent sign"),
            ("OPENDOTA_API_RESERVE", "+3%", "not in range"),
            ("OPENDOTA_API_RESERVE", "91%", "not in range"),
            ("OPENDOTA_API_RESERVE", "1000%", "no whole number"),
        ] {
            let wrong = read(&[(variable, value)]).expect_err(value).to_string();
            assert!(
                wrong.contains(variable) && wrong.contains(reason),
                "{wrong}"
            );
            assert!(!wrong.contains("s3cret"), "{wrong}");
        }
        let right = read(&[
            ("OPENDOTA_API_URL", "http://127.0.0.1:9/api/"),
            ("OPENDOTA_API_KEY", "s3cret"),
            ("OPENDOTA_API_RESERVE", "0%"),
        ]);
        let settings = right.expect("right");
        assert_eq!(
            (settings.url.as_str(), settings.reserve_percent),
            ("http://127.0.0.1:9/api", 0)
        );
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
