//! `[api]`: the HTTP interface.

use std::net::IpAddr;

use ingestion_http_api::ApiSettings;
use service_kit::config::{
    Declaration, Integer, Origins, Parsed, SecretText, Setting, SettingsReader, Unset,
};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&HOST, &PORT, &TOKEN, &CORS_ALLOWED_ORIGINS];

const HOST: Setting<Parsed<String>> = Setting {
    variable: "API_HOST",
    default: "0.0.0.0",
    help: "Address the HTTP interface listens on",
    parser: Parsed {
        allowed: "an IP address or a host name",
        parse: host,
    },
};
const PORT: Setting<Integer<u16>> = Setting {
    variable: "API_PORT",
    default: "8000",
    help: "Port the HTTP interface listens on; 0 takes any free one",
    parser: Integer {
        min: 0,
        max: u16::MAX,
    },
};
const TOKEN: Setting<SecretText, Unset> = Setting {
    variable: "API_TOKEN",
    default: Unset("(none)"),
    help: "Bearer token of whoever may hand matches in: `replay` and `dead-letters redrive`; without it \
           those paths of the HTTP interface do not exist",
    parser: SecretText {
        allowed: "visible ASCII characters, at least one",
        accepts: |c| c.is_ascii_graphic(),
    },
};
const CORS_ALLOWED_ORIGINS: Setting<Origins> = Setting {
    variable: "API_CORS_ALLOWED_ORIGINS",
    default: "",
    help: "Web pages of other origins that may read the HTTP interface",
    parser: Origins,
};

pub(super) fn read(reader: &mut SettingsReader) -> ApiSettings {
    ApiSettings {
        host: reader.get(&HOST),
        port: reader.get(&PORT),
        token: reader.get_optional(&TOKEN),
        cors_allowed_origins: reader.get(&CORS_ALLOWED_ORIGINS),
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
