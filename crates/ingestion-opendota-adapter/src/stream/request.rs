//! From the settings to the words of the request: the address, who is asking,
//! and the headers.
//!
//! What is wrong is said without the URL and without the values of headers,
//! since both may hold secrets.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{
        CONNECTION, CONTENT_LENGTH, Entry, HOST, SEC_WEBSOCKET_PROTOCOL, TRANSFER_ENCODING,
        UPGRADE, USER_AGENT,
    },
};

use crate::OWN_USER_AGENT;

/// The headers that make the request what it is, beside `Sec-WebSocket-…`.
const OWN_HEADERS: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE];

/// What a URL says.
pub(super) struct Address {
    pub(super) uri: Uri,
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port as they stand in the URL, for people.
    pub(super) name: String,
    /// The name to verify; only with TLS.
    pub(super) tls_name: Option<ServerName<'static>>,
    /// The user information as a header.
    pub(super) authorization: Option<HeaderValue>,
}

impl Address {
    pub(super) fn try_new(url: &str) -> Result<Self, String> {
        // The parser's own words are left out: they may repeat a secret.
        let uri: Uri = url.parse().map_err(|_| "is not a URL".to_owned())?;
        let (has_tls, port) = match uri.scheme_str() {
            Some("ws") => (false, 80),
            Some("wss") => (true, 443),
            _ => return Err("must start with ws:// or wss://".to_owned()),
        };
        let port = uri.port_u16().unwrap_or(port);
        let shown = uri.host().unwrap_or_default();
        // Only within a URL does an IPv6 address stand in brackets.
        let host = shown
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err("names no host".to_owned());
        }
        let tls_name = has_tls
            .then(|| ServerName::try_from(host.clone()))
            .transpose();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let user_information = authority.rsplit_once('@').map(|(before, _)| before);
        Ok(Self {
            port,
            name: format!("{shown}:{port}"),
            tls_name: tls_name.map_err(|_| format!("no certificate can prove the name {host}"))?,
            authorization: user_information.map(basic_authorization).transpose()?,
            host,
            uri,
        })
    }
}

/// The headers of a request besides those of the upgrade.
pub(super) fn request_headers(extra: &[(String, SecretString)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let mut subprotocols = Vec::new();
    for (name, value) in extra {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is not the name of a header"))?;
        if name == SEC_WEBSOCKET_PROTOCOL {
            subprotocols.push(value.expose_secret());
            continue;
        }
        if OWN_HEADERS.contains(&name) || name.as_str().starts_with("sec-websocket-") {
            return Err(format!("{name} belongs to the handshake and cannot be set"));
        }
        let value = sensitive(value.expose_secret())
            .ok_or_else(|| format!("the value of {name} holds what no header can carry"))?;
        headers.append(name, value);
    }
    if let Some(asked_for) = ask_for(&subprotocols)? {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, asked_for);
    }
    if let Entry::Vacant(entry) = headers.entry(USER_AGENT) {
        entry.insert(HeaderValue::from_static(OWN_USER_AGENT));
    }
    Ok(headers)
}

/// The subprotocols that the feed may choose from, by preference, in one line
/// whatever the number of lines they are given in.
///
/// Each is a token and stands there once (RFC 6455, section 4.1).
fn ask_for(lines: &[&str]) -> Result<Option<HeaderValue>, String> {
    let mut names: Vec<&str> = Vec::new();
    for name in lines.iter().flat_map(|line| line.split(',')).map(str::trim) {
        // The name of a header is a token, too; both may hold upper-case letters.
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err("Sec-WebSocket-Protocol holds what is no name of a subprotocol".to_owned());
        }
        if names.contains(&name) {
            return Err("Sec-WebSocket-Protocol names a subprotocol twice".to_owned());
        }
        names.push(name);
    }
    // Some feeds take a token for a subprotocol.
    Ok(sensitive(&names.join(", ")).filter(|_| !names.is_empty()))
}

/// RFC 7617.
fn basic_authorization(user_information: &str) -> Result<HeaderValue, String> {
    let (user, password) = user_information
        .split_once(':')
        .unwrap_or((user_information, ""));
    let mut credentials: Vec<u8> = percent_decode_str(user).collect();
    credentials.push(b':');
    credentials.extend(percent_decode_str(password));
    let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
    sensitive(&value).ok_or_else(|| "holds user information that no header can carry".to_owned())
}

/// A header value that does not show itself.
fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
