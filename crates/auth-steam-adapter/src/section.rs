//! The settings of a sign-in, as a part of the section `[steam]`.

use std::time::Duration;

use identity::openid::Provider;
use secrecy::SecretString;
use service_kit::config::{
    Declaration, Headers, OneOf, Parsed, SecretText, Section, Setting, SettingsReader, Unset, Url,
};
use steam_client::SteamSettings;

/// A browser waits for it. Shorter than a sign-in waits, so that the pace of calls learns of it.
const LOOKUP_TIME_MAX: Duration = Duration::from_millis(900);

/// Who knows who people are, and what they are called.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// `STEAM_OPENID_ENDPOINT` and `STEAM_CLAIMED_ID_PREFIX`.
    pub provider: Provider,
    /// `STEAM_OPENID_HEADERS`: what each question has beside itself.
    pub headers: Vec<(String, SecretString)>,
    /// `STEAM_API_URL` and `STEAM_API_KEY`: what people are called; without a key nobody asks.
    pub people: SteamSettings,
}

/// The settings that fill [`SignInSettings`].
pub struct SignInSection {
    endpoint: Setting<Parsed<String>>,
    claimed_id_prefix: Setting<Parsed<String>>,
    is_simulated: Setting<OneOf<bool>>,
    headers: Setting<Headers>,
    api_url: Setting<Url>,
    api_key: Setting<SecretText, Unset>,
}

impl SignInSection {
    /// Steam itself.
    pub const DEFAULT: Self = Self {
        endpoint: Setting {
            variable: "STEAM_OPENID_ENDPOINT",
            default: Provider::STEAM_ENDPOINT,
            help: "Where browsers are sent to sign in, and where it is asked what it has said; \
                   nothing else is",
            parser: Parsed {
                allowed: "an address that begins with http:// or https://, without a query; \
                          another than Steam's with STEAM_SIMULATED=true alone",
                parse: endpoint,
            },
        },
        claimed_id_prefix: Setting {
            variable: "STEAM_CLAIMED_ID_PREFIX",
            default: Provider::STEAM_CLAIMED_ID_PREFIX,
            help: "How the ids begin that it speaks of",
            parser: Parsed {
                allowed: "an address that begins with http:// or https:// and ends with a slash; \
                          another than Steam's with STEAM_SIMULATED=true alone",
                parse: claimed_id_prefix,
            },
        },
        is_simulated: Setting {
            variable: "STEAM_SIMULATED",
            default: "false",
            help: "Whether somebody may play Steam, for tests and demonstrations: whoever that is \
                   can sign in as anybody",
            parser: OneOf(&[("false", false), ("true", true)]),
        },
        headers: Setting {
            variable: "STEAM_OPENID_HEADERS",
            default: "",
            help: "Headers beside the usual ones when Steam is asked what it has said, should it \
                   want some, such as Origin",
            parser: Headers,
        },
        api_url: Setting {
            variable: "STEAM_API_URL",
            default: "https://api.steampowered.com",
            help: "Where Steam is asked what people are called; paths such as \
                   /ISteamUser/GetPlayerSummaries/v0002/ are put behind it",
            parser: Url {
                schemes: &["http", "https"],
            },
        },
        api_key: Setting {
            variable: "STEAM_API_KEY",
            default: Unset("(none: nobody asks for names)"),
            help: "Key of the Web API of Steam, for names and pictures; without it nothing else \
                   changes",
            parser: SecretText {
                allowed: "visible ASCII characters, at least one",
                accepts: |c| c.is_ascii_graphic(),
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> SignInSettings {
        let (endpoint, prefix) = (
            reader.get(&self.endpoint),
            reader.get(&self.claimed_id_prefix),
        );
        let is_simulated = reader.get(&self.is_simulated);
        let not_steam = "is not Steam's, so whoever answers there could sign in as anybody; \
                         STEAM_SIMULATED=true says that this is meant";
        if !is_simulated && endpoint != Provider::STEAM_ENDPOINT {
            reader.refuse(&self.endpoint, not_steam);
        }
        if !is_simulated && prefix != Provider::STEAM_CLAIMED_ID_PREFIX {
            reader.refuse(&self.claimed_id_prefix, not_steam);
        }
        let provider = Provider::try_simulated(&endpoint, &prefix);
        let url = reader.get(&self.api_url);
        let people = SteamSettings {
            url: url.trim_end_matches('/').to_owned(),
            keys: Vec::from_iter(reader.get_optional(&self.api_key)),
            call_time_max: LOOKUP_TIME_MAX,
        };
        reader.refuse_all(people.check());
        SignInSettings {
            provider: provider.expect("each of the two was judged by it"),
            headers: reader.get(&self.headers),
            people,
        }
    }
}

impl Section for SignInSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.endpoint,
            &self.claimed_id_prefix,
            &self.is_simulated,
            &self.headers,
            &self.api_url,
            &self.api_key,
        ]
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    let judged = Provider::try_simulated(text, Provider::STEAM_CLAIMED_ID_PREFIX);
    judged
        .map(|_| text.to_owned())
        .map_err(|fault| fault.to_string())
}

fn claimed_id_prefix(text: &str) -> Result<String, String> {
    let judged = Provider::try_simulated(Provider::STEAM_ENDPOINT, text);
    judged
        .map(|_| text.to_owned())
        .map_err(|fault| fault.to_string())
}
