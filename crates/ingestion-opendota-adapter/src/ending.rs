//! Why a connection, or an attempt at one, is over: from the words of the
//! protocol and of the library to those of the port.

use std::time::Duration;

use ingestion_application::ports::DisconnectReason;
use tokio_tungstenite::tungstenite::{
    Error,
    error::{CapacityError, ProtocolError},
    http::Uri,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// The longest wait an upstream can ask for.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// How much of somebody else's words is repeated.
const QUOTED_CHARACTERS_MAX: usize = 240;

/// The end of a connection or of an attempt.
#[derive(Debug)]
pub(crate) struct ConnectionEnd {
    pub(crate) reason: DisconnectReason,
    /// For people; holds no secrets.
    pub(crate) detail: String,
    /// What to tell an upstream that is still there.
    pub(crate) close_code: Option<CloseCode>,
    /// How long the upstream asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl ConnectionEnd {
    pub(crate) fn new(reason: DisconnectReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            close_code: None,
            retry_after: None,
        }
    }

    pub(crate) fn lost(detail: impl Into<String>) -> Self {
        Self::new(DisconnectReason::ConnectionLost, detail)
    }

    pub(crate) fn closing_with(self, close_code: CloseCode) -> Self {
        Self {
            close_code: Some(close_code),
            ..self
        }
    }

    /// The upstream has closed in an orderly way.
    pub(crate) fn closed_by_upstream(frame: Option<CloseFrame>) -> Self {
        let detail = match frame {
            Some(CloseFrame { code, reason }) if reason.is_empty() => {
                format!("the upstream closed with {code} ({})", meaning(code))
            }
            Some(CloseFrame { code, reason }) => format!(
                "the upstream closed with {code} ({}): {}",
                meaning(code),
                quote(&reason)
            ),
            None => "the upstream closed without a code".to_owned(),
        };
        Self::new(DisconnectReason::ClosedByUpstream, detail)
    }

    /// An open connection has failed.
    pub(crate) fn failed(error: &Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => Self::new(
                DisconnectReason::MessageTooLarge,
                format!(
                    "a message of at least {size} bytes is larger than the limit of {max_size}"
                ),
            )
            .closing_with(CloseCode::Size),
            Error::Utf8(_) => Self::new(
                DisconnectReason::NotUtf8,
                "a text message is not UTF-8, which breaks RFC 6455",
            )
            .closing_with(CloseCode::Invalid),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Self::lost("the connection ended without a goodbye")
            }
            Error::Protocol(error) => Self::new(
                DisconnectReason::ProtocolError,
                format!("the upstream broke the WebSocket protocol: {error}"),
            )
            .closing_with(CloseCode::Protocol),
            other => Self::lost(format!("the connection broke: {other}")),
        }
    }
}

/// What a close code says (RFC 6455, section 7.4, and the registry it founded).
fn meaning(code: CloseCode) -> &'static str {
    match u16::from(code) {
        1000 => "done",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1007 => "invalid data",
        1008 => "policy violated",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "restarting",
        1013 => "try again later",
        3000..=3999 => "registered code",
        4000..=4999 => "private code",
        _ => "unknown code",
    }
}

/// Where a redirect would send us: scheme, host and port, if given; never user
/// information, path or query, which may hold secrets.
pub(crate) fn redirect_target(location: &str) -> String {
    let location = location.trim();
    // A reference to another host with the same scheme (RFC 3986, section 4.2).
    let absolute = location.starts_with("//").then(|| format!("ws:{location}"));
    let target: Uri = match absolute.as_deref().unwrap_or(location).parse() {
        Ok(target) => target,
        Err(_) => return "an address that cannot be read".to_owned(),
    };
    let Some(host) = target.host() else {
        return "another path of the same host".to_owned();
    };
    let scheme = target.scheme_str().filter(|_| absolute.is_none());
    let scheme = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
    let port = target.port_u16();
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    quote(&format!("{scheme}{host}{port}"))
}

/// A stranger's words, fit for a line of a log.
pub(crate) fn quote(text: &str) -> String {
    text.chars()
        .take(QUOTED_CHARACTERS_MAX)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_code_is_told_with_its_meaning() {
        let check = |code: u16, reason: &str, expected: &str| {
            let frame = CloseFrame {
                code: code.into(),
                reason: reason.into(),
            };
            let ending = ConnectionEnd::closed_by_upstream(Some(frame));
            assert_eq!(ending.reason, DisconnectReason::ClosedByUpstream);
            assert_eq!(
                ending.detail,
                format!("the upstream closed with {expected}")
            );
        };
        check(1000, "", "1000 (done)");
        check(1001, "", "1001 (going away)");
        check(1008, "key expired", "1008 (policy violated): key expired");
        check(1011, "", "1011 (internal error)");
        check(1012, "deploy", "1012 (restarting): deploy");
        check(1013, "", "1013 (try again later)");
        check(3001, "", "3001 (registered code)");
        check(
            4242,
            "a\nb\u{1b}[31m",
            "4242 (private code): a\u{FFFD}b\u{FFFD}[31m",
        );
    }
}
