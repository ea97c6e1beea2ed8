//! `[api]`: the HTTP interface.

use std::{net::IpAddr, time::Duration};

use secrecy::SecretString;
use service_kit::config::{
    Declaration, DurationBetween, Integer, Origins, Parsed, SecretText, Section, Setting,
    SettingsReader, Unset,
};

use crate::{client_address::TrustedProxies, time_limit::RequestTimeout};

/// Where the HTTP interface listens, and who may use it.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// `API_HOST`: an address of this machine or a name that resolves to one.
    pub host: String,
    /// `API_PORT`: 0 takes any free port.
    pub port: u16,
    /// `API_TOKEN`: opens what is not for everyone.
    pub token: Option<SecretString>,
    /// `API_CORS_ALLOWED_ORIGINS`: pages of these origins may read the answers;
    /// `*` is every origin.
    pub cors_allowed_origins: Vec<String>,
    /// `REQUEST_TIMEOUT`: a request takes no longer.
    pub request_timeout: RequestTimeout,
    /// `TRUSTED_PROXIES`: whom to believe for whom they ask.
    pub trusted_proxies: TrustedProxies,
}

/// The settings of `[api]` that every service has.
pub struct ApiSection {
    host: Setting<Parsed<String>>,
    port: Setting<Integer<u16>>,
    token: Setting<SecretText, Unset>,
    cors_allowed_origins: Setting<Origins>,
    request_timeout: Setting<DurationBetween>,
    trusted_proxies: Setting<Parsed<TrustedProxies>>,
}

impl ApiSection {
    /// A service that listens on this port unless it is told otherwise, and
    /// what its token opens.
    #[must_use]
    pub const fn new(port: &'static str, token_help: &'static str) -> Self {
        Self {
            host: Setting {
                variable: "API_HOST",
                default: "0.0.0.0",
                help: "Address the HTTP interface listens on",
                parser: Parsed {
                    allowed: "an IP address or a host name",
                    parse: host,
                },
            },
            port: Setting {
                variable: "API_PORT",
                default: port,
                help: "Port the HTTP interface listens on; 0 takes any free one",
                parser: Integer {
                    min: 0,
                    max: u16::MAX,
                },
            },
            token: Setting {
                variable: "API_TOKEN",
                default: Unset("(none)"),
                help: token_help,
                parser: SecretText {
                    allowed: "visible ASCII characters, at least one",
                    accepts: |c| c.is_ascii_graphic(),
                },
            },
            cors_allowed_origins: Setting {
                variable: "API_CORS_ALLOWED_ORIGINS",
                default: "",
                help: "Web pages of other origins that may read the HTTP interface",
                parser: Origins,
            },
            request_timeout: Setting {
                variable: "REQUEST_TIMEOUT",
                default: "5s",
                help: "Time within which a request is answered; event streams go on",
                parser: DurationBetween {
                    min: Duration::from_millis(500),
                    max: Duration::from_mins(1),
                },
            },
            trusted_proxies: Setting {
                variable: "TRUSTED_PROXIES",
                default: "",
                help: "Networks of proxies that are believed when they name the client",
                parser: Parsed {
                    allowed: TrustedProxies::ALLOWED,
                    parse: TrustedProxies::parse,
                },
            },
        }
    }

    /// With more time for a request, or less.
    #[must_use]
    pub const fn with_request_timeout(mut self, default: &'static str) -> Self {
        self.request_timeout.default = default;
        self
    }

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> ApiSettings {
        ApiSettings {
            host: reader.get(&self.host),
            port: reader.get(&self.port),
            token: reader.get_optional(&self.token),
            cors_allowed_origins: reader.get(&self.cors_allowed_origins),
            request_timeout: RequestTimeout::new(reader.get(&self.request_timeout)),
            trusted_proxies: reader.get(&self.trusted_proxies),
        }
    }
}

impl Section for ApiSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.host,
            &self.port,
            &self.token,
            &self.cors_allowed_origins,
            &self.request_timeout,
            &self.trusted_proxies,
        ]
    }
}

fn host(text: &str) -> Result<String, String> {
    // What looks like an address has to be one: 300.1.1.1 is no name.
    let is_numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_name = (1..=253).contains(&text.len())
        && !is_numeric
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    if is_name || text.parse::<IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("neither address nor name".to_owned())
    }
}
