//! `[rate]`: how often somebody may ask.

use http_kit::Rate;
use service_kit::config::{Declaration, Parsed, Section, Setting, SettingsReader};

/// How often one network may ask: an IPv4 address, or the first 64 bits of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateSettings {
    /// `RATE_AUTHORIZE`: for somebody to be signed in.
    pub authorize: Rate,
    /// `RATE_TOKEN`: for tokens, or to give them back.
    pub token: Rate,
    /// `RATE_FAILURES`: in vain.
    pub failures: Rate,
}

/// The settings that fill [`RateSettings`].
pub struct RateSection {
    authorize: Setting<Parsed<Rate>>,
    token: Setting<Parsed<Rate>>,
    failures: Setting<Parsed<Rate>>,
}

impl RateSection {
    /// Enough for an office behind one address.
    pub const DEFAULT: Self = Self {
        authorize: setting(
            "RATE_AUTHORIZE",
            "30/m",
            "How often one network may begin to sign somebody in",
        ),
        token: setting(
            "RATE_TOKEN",
            "60/m",
            "How often one network may ask for tokens or give them back",
        ),
        failures: setting(
            "RATE_FAILURES",
            "10/m",
            "How often one network may sign in or ask for tokens in vain; then it has to wait with everything",
        ),
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> RateSettings {
        RateSettings {
            authorize: reader.get(&self.authorize),
            token: reader.get(&self.token),
            failures: reader.get(&self.failures),
        }
    }
}

impl Section for RateSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.authorize, &self.token, &self.failures]
    }
}

const fn setting(
    variable: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting<Parsed<Rate>> {
    Setting {
        variable,
        default,
        help,
        parser: Parsed {
            allowed: Rate::ALLOWED,
            parse: Rate::parse,
        },
    }
}
