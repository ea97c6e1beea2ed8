//! An upstream that answers the upgrade with something else: what it says, how
//! long it wants to be left alone, and where it would send us.

use std::time::Duration;

use domain::Timestamp;
use ingestion_application::ports::DisconnectReason;
use jiff::{civil::DateTime, tz::TimeZone};
use tokio_tungstenite::tungstenite::{
    handshake::client::Response,
    http::{
        HeaderMap, Uri,
        header::{LOCATION, RETRY_AFTER},
    },
};

use super::ending::{ConnectionEnd, quote};

/// The longest wait an upstream can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// The end of an attempt at `upstream` that was answered with `response`.
pub(super) fn refused(upstream: &str, response: &Response, now: Timestamp) -> ConnectionEnd {
    let status = response.status();
    let mut detail = format!("{upstream} refused the upgrade with {status}");
    if status.is_redirection()
        && let Some(target) = redirect_target(response.headers())
    {
        detail.push_str("; it redirects to ");
        detail.push_str(&target);
        detail.push_str(", which is not followed: if the feed is there, its URL has to say so");
    }
    ConnectionEnd {
        retry_after: retry_after(response.headers(), now),
        ..ConnectionEnd::new(DisconnectReason::UpgradeRefused, detail)
    }
}

/// Scheme, host and port, if given; never user information, path or query,
/// which may hold secrets.
fn redirect_target(headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().unwrap_or_default().trim();
    // A reference to another host with the same scheme (RFC 3986, section 4.2).
    let absolute = location.starts_with("//").then(|| format!("ws:{location}"));
    let target: Uri = match absolute.as_deref().unwrap_or(location).parse() {
        Ok(target) => target,
        Err(_) => return Some("an address that cannot be read".to_owned()),
    };
    let Some(host) = target.host() else {
        return Some("another path of the same host".to_owned());
    };
    let scheme = target.scheme_str().filter(|_| absolute.is_none());
    let scheme = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
    let port = target.port_u16();
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    Some(quote(&format!("{scheme}{host}{port}")))
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
        assert_eq!(retry_after(&map, now), Some(Duration::from_mins(2)));
    }
}
