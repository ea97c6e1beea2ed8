//! The settings of calls, as a part of the section `[steam]`.

use secrecy::SecretString;
use service_kit::config::{
    Declaration, MASK, Section, Setting, SettingsReader, Unset, Url, ValueParser,
};

use crate::SteamSettings;

/// The settings that fill [`SteamSettings`].
pub struct SteamSection {
    url: Setting<Url>,
    keys: Setting<Keys, Unset>,
}

impl SteamSection {
    /// The API that is open to everybody who has a key.
    pub const DEFAULT: Self = Self {
        url: Setting {
            variable: "STEAM_API_URL",
            default: "https://api.steampowered.com",
            help: "Where Steam is asked for matches; paths such as \
                   /IDOTA2Match_570/GetMatchHistory/V001/ are put behind it",
            parser: Url {
                schemes: &["http", "https"],
            },
        },
        keys: Setting {
            variable: "STEAM_API_KEYS",
            default: Unset("(none)"),
            help: "Key of whose calls they are, or two, separated by a comma, that take turns; \
                   each has 100000 calls a day, and nothing is asked without one",
            parser: Keys,
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> SteamSettings {
        let url = reader.get(&self.url);
        let settings = SteamSettings {
            url: url.trim_end_matches('/').to_owned(),
            keys: reader.get_optional(&self.keys).unwrap_or_default(),
            call_time_max: SteamSettings::CALL_TIME_MAX,
        };
        reader.refuse_all(settings.check());
        settings
    }
}

impl Section for SteamSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.url, &self.keys]
    }
}

/// One key or several, all of them secret.
struct Keys;

impl ValueParser for Keys {
    type Value = Vec<SecretString>;

    fn parse(&self, text: &str) -> Result<Self::Value, String> {
        let keys: Vec<&str> = text.split(',').map(str::trim).collect();
        if keys.len() > SteamSettings::KEYS_MAX {
            return Err(format!("holds {} keys", keys.len()));
        }
        for key in &keys {
            if key.is_empty() {
                return Err("holds an empty key".to_owned());
            }
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err("holds a character that is not allowed".to_owned());
            }
        }
        Ok(keys.into_iter().map(SecretString::from).collect())
    }

    fn allowed(&self) -> String {
        "one key or two, separated by a comma, of visible ASCII characters".to_owned()
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, _text: &str) -> String {
        MASK.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use secrecy::ExposeSecret as _;
    use service_kit::config::{Sources, WrongSettings};

    use super::*;

    static SECTION: SteamSection = SteamSection::DEFAULT;

    fn read(given: &[(&'static str, &str)]) -> Result<SteamSettings, WrongSettings> {
        let sources = Sources::variables(given, Path::new("/nowhere"));
        let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
        let settings = SECTION.read(&mut reader);
        reader.finish().map(|_| settings)
    }

    #[test]
    fn the_defaults_have_no_key() {
        let settings = read(&[]).expect("right");
        assert_eq!(settings.url, "https://api.steampowered.com");
        assert!(settings.keys.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_without_its_secret() {
        for (variable, value, reason) in [
            ("STEAM_API_URL", "wss://api.example", "another scheme"),
            ("STEAM_API_URL", "http://s3cret@api.example", "holds a user"),
            (
                "STEAM_API_URL",
                "http://api.example?key=s3cret",
                "holds a query",
            ),
            ("STEAM_API_KEYS", "", "holds an empty key"),
            ("STEAM_API_KEYS", "s3cret,", "holds an empty key"),
            ("STEAM_API_KEYS", "s3cret s3cret", "not allowed"),
            ("STEAM_API_KEYS", "s3cret1,s3cret2,s3cret3", "holds 3 keys"),
            ("STEAM_API_KEYS", "s3cret, s3cret", "the same key twice"),
        ] {
            let wrong = read(&[(variable, value)]).expect_err(value).to_string();
            assert!(
                wrong.contains(variable) && wrong.contains(reason),
                "{wrong}"
            );
            assert!(!wrong.contains("s3cret"), "{wrong}");
        }
        let right = read(&[
            ("STEAM_API_URL", "http://127.0.0.1:9/"),
            ("STEAM_API_KEYS", "s3cret1, s3cret2"),
        ]);
        let settings = right.expect("right");
        assert_eq!(settings.url, "http://127.0.0.1:9");
        let keys: Vec<_> = settings
            .keys
            .iter()
            .map(SecretString::expose_secret)
            .collect();
        assert_eq!(keys, ["s3cret1", "s3cret2"]);
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
