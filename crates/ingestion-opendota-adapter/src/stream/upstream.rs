//! One attempt at a connection: DNS, TCP, TLS and the upgrade to a WebSocket.
//!
//! What is said about a failure names host and port only, since the rest of an
//! address may hold secrets.

use std::{fmt::Display, sync::Arc, time::Duration};

use domain::Timestamp;
use ingestion_application::ports::{Clock, DisconnectReason};
use jiff::{civil::DateTime, tz::TimeZone};
use secrecy::ExposeSecret as _;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{
    Error,
    client::IntoClientRequest as _,
    handshake::client::{Request, Response},
    http::{
        HeaderMap,
        header::{AUTHORIZATION, RETRY_AFTER},
    },
    protocol::WebSocketConfig,
};

use super::{
    connector::{ByteStream, Connector},
    ending::Ending,
    gate::Gate,
    handshake::{Socket, UpgradeError, upgrade},
    request::{Address, request_headers},
    settings::{SettingProblem, StreamSettings, StreamSettingsError},
    tls,
};

/// One read from the socket. It is zeroed for each, so more costs a quiet feed;
/// less costs a busy one.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Only pings, pongs and a close are ever written; an upstream that reads none
/// of them fills this and no more.
const WRITE_BUFFER_BYTES_MAX: usize = 16 * 1024;

/// The longest wait an upstream can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Where the feed is and how it is spoken to.
pub(super) struct Upstream {
    address: Address,
    tls: TlsConnector,
    headers: HeaderMap,
    config: WebSocketConfig,
    connector: Arc<dyn Connector>,
    clock: Arc<dyn Clock>,
}

impl Upstream {
    /// Checks every setting, and reads the file of authorities.
    pub(super) fn try_new(
        settings: &StreamSettings,
        connector: Arc<dyn Connector>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StreamSettingsError> {
        let mut problems = settings.check_limits();
        let address = Address::try_new(settings.url.expose_secret())
            .map_err(|problem| problems.push(SettingProblem::new("url", problem)));
        let headers = request_headers(&settings.headers)
            .map_err(|problem| problems.push(SettingProblem::new("headers", problem)));
        let tls = tls::connector(settings.ca_file.as_deref())
            .map_err(|problem| problems.push(SettingProblem::new("ca_file", problem)));
        let (Ok(address), Ok(headers), Ok(tls), true) =
            (address, headers, tls, problems.is_empty())
        else {
            return Err(StreamSettingsError { problems });
        };
        Ok(Self {
            address,
            tls,
            headers,
            config: WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER_BYTES)
                .write_buffer_size(0)
                .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
                .max_message_size(Some(settings.message_size_max))
                .max_frame_size(Some(settings.message_size_max)),
            connector,
            clock,
        })
    }

    /// Tries once; the caller sets the time limit.
    ///
    /// The gate stands at the far end of the socket, below any encryption.
    pub(super) async fn connect(&self) -> Result<(Socket, Gate), Ending> {
        let failed = |step: &str, error: &dyn Display| {
            let detail = format!("{step} {} failed: {error}", self.name());
            Ending::new(DisconnectReason::ConnectFailed, detail)
        };
        let stream = self
            .connector
            .connect(&self.address.host, self.address.port)
            .await
            .map_err(|error| failed("connecting to", &error))?;
        let gate = Gate::default();
        let stream: Box<dyn ByteStream> = Box::new(gate.before(stream));
        let stream = match &self.address.tls_name {
            Some(name) => {
                let encrypted = self.tls.connect(name.clone(), stream).await;
                Box::new(encrypted.map_err(|error| failed("TLS with", &error))?)
            }
            None => stream,
        };
        let request = self
            .request()
            .map_err(|error| failed("the request to", &error))?;
        let socket = upgrade(stream, request, self.config)
            .await
            .map_err(|error| match error {
                UpgradeError::Request(error) => failed("the request to", &error),
                UpgradeError::Io(error) => failed("the upgrade with", &error),
                UpgradeError::Refused(response) => self.refused(&response),
                UpgradeError::Invalid(problem) => Ending::new(
                    DisconnectReason::ProtocolError,
                    format!("{} does not answer as a WebSocket: {problem}", self.name()),
                ),
            })?;
        Ok((socket, gate))
    }

    /// Host and port, for people.
    pub(super) fn name(&self) -> &str {
        &self.address.name
    }

    fn request(&self) -> Result<Request, Error> {
        // It brings a fresh key and the headers of the upgrade.
        let mut request = self.address.uri.clone().into_client_request()?;
        let headers = request.headers_mut();
        if let Some(authorization) = &self.address.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        for name in self.headers.keys() {
            headers.remove(name);
        }
        headers.extend(self.headers.clone());
        Ok(request)
    }

    fn refused(&self, response: &Response) -> Ending {
        let (name, status) = (self.name(), response.status());
        let detail = format!("{name} refused the upgrade with {status}");
        Ending {
            retry_after: retry_after(response.headers(), self.clock.now()),
            ..Ending::new(DisconnectReason::UpgradeRefused, detail)
        }
    }
}

/// The wait asked for; the longest, should it be asked for more than once.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter();
    values
        .filter_map(|value| wait_until(value.to_str().ok()?.trim(), now))
        .max()
}

/// The wait that a value asks for, in seconds or as one of the three forms of a
/// date (RFC 9110, sections 10.2.3 and 5.6.7).
fn wait_until(value: &str, now: Timestamp) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than fit are more than an hour as well.
        let wait = value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs);
        return Some(wait.min(RETRY_AFTER_MAX));
    }
    let date = [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ]
    .iter()
    .find_map(|form| DateTime::strptime(form, value).ok())?;
    let due_ms = date
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp()
        .as_millisecond();
    let wait_ms = due_ms.saturating_sub(now.as_unix_ms());
    Some(Duration::from_millis(wait_ms.try_into().unwrap_or(0)).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::http::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_read_in_seconds_and_as_any_date() {
        let now = Timestamp::from_unix_ms(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
        let check = |value: &'static str, expected: Option<u64>| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        };
        check("0", Some(0));
        check("120", Some(120));
        check("3601", Some(3600));
        check("99999999999999999999999", Some(3600));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
        check("Sun Nov  6 08:50:37 1994", Some(60));
        check("Sun, 06 Nov 1994 07:00:00 GMT", Some(0));
        check("Mon, 07 Nov 1994 08:50:37 GMT", Some(3600));
        check("", None);
        check("-1", None);
        check("1.5", None);
        check("soon", None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn the_longest_of_several_waits_counts() {
        let values = ["soon", "60", "Sun, 06 Nov 1994 08:51:37 GMT", "0"];
        let headers = values.map(|value| (RETRY_AFTER, HeaderValue::from_static(value)));
        let now = Timestamp::from_unix_ms(784_111_777_000);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        assert_eq!(retry_after(&map, now), Some(Duration::from_secs(120)));
    }
}
