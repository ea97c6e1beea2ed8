//! The settings of those who take tokens, and what whoever issues them has of these, as parts of the section `[auth]`.

use std::time::Duration;

use identity::Issuer;
use service_kit::config::{
    Declaration, DurationBetween, FilePath, Parsed, Section, Setting, SettingsReader, Unset, Url,
};

use crate::settings::AuthSettings;

const AUDIENCE_LENGTH_MAX: usize = 128;

/// The settings that issuer and takers of tokens have in common: they fill [`IssuerSettings`].
pub struct IssuerSection {
    issuer: Setting<Parsed<Issuer>, Unset>,
    is_issuer_needed: bool,
    audience: Setting<Parsed<String>>,
    skew: Setting<DurationBetween>,
}

/// Who issues tokens, and for whom.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// `AUTH_ISSUER`: who issues them.
    pub issuer: Option<Issuer>,
    /// `AUTH_AUDIENCE`: for whom they must be.
    pub audience: String,
    /// `AUTH_CLOCK_SKEW`: how far ahead the issuer's clock may be.
    pub skew: Duration,
}

/// The settings that fill [`AuthSettings`].
pub struct AuthSection {
    issuer: IssuerSection,
    key_set_url: Setting<Url, Unset>,
    key_file: Setting<FilePath>,
}

impl IssuerSection {
    /// A service that starts without an issuer, and takes no token then.
    pub const DEFAULT: Self = Self {
        issuer: Setting {
            variable: "AUTH_ISSUER",
            default: Unset("(none: every token is refused)"),
            help: "Who issues the access tokens, as they say it: the address of auth-service as \
                   browsers see it",
            parser: Parsed {
                allowed: "an address such as https://login.example, or http:// with an IP of this \
                          machine, without a path",
                parse: issuer,
            },
        },
        is_issuer_needed: false,
        audience: Setting {
            variable: "AUTH_AUDIENCE",
            default: "match-platform",
            help: "For whom the tokens must be, as they say it",
            parser: Parsed {
                allowed: "up to 128 visible ASCII characters",
                parse: audience,
            },
        },
        skew: Setting {
            variable: "AUTH_CLOCK_SKEW",
            default: "30s",
            help: "How far ahead of ours the issuer's clock may be",
            parser: DurationBetween {
                min: Duration::ZERO,
                max: Duration::from_mins(5),
            },
        },
    };

    /// The same for a service that does not start without an issuer.
    #[must_use]
    pub const fn with_issuer_needed(mut self) -> Self {
        self.issuer.default = Unset("(none, required)");
        self.is_issuer_needed = true;
        self
    }

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> IssuerSettings {
        let settings = IssuerSettings {
            issuer: reader.get_optional(&self.issuer),
            audience: reader.get(&self.audience),
            skew: reader.get(&self.skew),
        };
        if self.is_issuer_needed && settings.issuer.is_none() {
            reader.refuse(&self.issuer, "without it nobody could be let in");
        }
        settings
    }
}

impl Section for IssuerSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.issuer, &self.audience, &self.skew]
    }
}

impl AuthSection {
    /// A service that starts without an issuer, and takes no token then.
    pub const DEFAULT: Self = Self {
        issuer: IssuerSection::DEFAULT,
        key_set_url: Setting {
            variable: "AUTH_JWKS_URL",
            default: Unset("(AUTH_ISSUER)/.well-known/jwks.json"),
            help: "Where the keys are that tokens are signed with, if this service finds the issuer \
                   elsewhere than browsers do",
            parser: Url {
                schemes: &["http", "https"],
            },
        },
        key_file: Setting {
            variable: "AUTH_JWKS_CACHE_FILE",
            default: "data/jwks.json",
            help: "Where these keys are kept, so that tokens are taken also while the issuer is away",
            parser: FilePath,
        },
    };

    /// The same for a service that does not start without an issuer.
    #[must_use]
    pub const fn with_issuer_needed(mut self) -> Self {
        self.issuer = self.issuer.with_issuer_needed();
        self
    }

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> AuthSettings {
        let key_file = reader.get(&self.key_file);
        let IssuerSettings {
            issuer,
            audience,
            skew,
        } = self.issuer.read(reader);
        let settings = AuthSettings {
            issuer,
            audience,
            key_set_url: reader.get_optional(&self.key_set_url),
            key_file: reader.located(&key_file),
            skew,
        };
        reader.refuse_all(settings.check());
        settings
    }
}

impl Section for AuthSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        let IssuerSection {
            issuer,
            audience,
            skew,
            ..
        } = &self.issuer;
        vec![issuer, audience, &self.key_set_url, &self.key_file, skew]
    }
}

fn issuer(text: &str) -> Result<Issuer, String> {
    Issuer::try_new(text).map_err(|fault| fault.to_string())
}

fn audience(text: &str) -> Result<String, String> {
    let is_word = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > AUDIENCE_LENGTH_MAX || !is_word {
        return Err("no name of an audience".to_owned());
    }
    Ok(text.to_owned())
}
