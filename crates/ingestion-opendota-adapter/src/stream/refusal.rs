//! An upstream that answers the upgrade with something else: what it says, how
//! long it wants to be left alone, and where it would send us.

use std::time::Duration;

use domain::Timestamp;
use ingestion_application::ports::DisconnectReason;
use tokio_tungstenite::tungstenite::{
    handshake::client::Response,
    http::{
        HeaderMap,
        header::{LOCATION, RETRY_AFTER},
    },
};

use crate::ending::{ConnectionEnd, RETRY_AFTER_MAX, redirect_target};

/// The end of an attempt at `upstream` that was answered with `response`.
pub(super) fn refused(upstream: &str, response: &Response, now: Timestamp) -> ConnectionEnd {
    let status = response.status();
    let mut detail = format!("{upstream} refused the upgrade with {status}");
    if status.is_redirection()
        && let Some(location) = response.headers().get(LOCATION)
    {
        let target = redirect_target(location.to_str().unwrap_or_default());
        detail.push_str("; it redirects to ");
        detail.push_str(&target);
        detail.push_str(", which is not followed: if the feed is there, its URL has to say so");
    }
    ConnectionEnd {
        retry_after: retry_after(response.headers(), now),
        ..ConnectionEnd::new(DisconnectReason::UpgradeRefused, detail)
    }
}

/// The wait asked for, as far as it is believed.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let wait = client_kit::retry_after(values, now.as_unix_ms());
    wait.map(|wait| wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::http::HeaderValue;

    use super::*;

    #[test]
    fn the_longest_of_several_waits_counts_up_to_an_hour() {
        let now = Timestamp::from_unix_ms(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
        let check = |values: &[&'static str], expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(RETRY_AFTER, HeaderValue::from_static(value));
            }
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{values:?}");
        };
        check(&[], None);
        check(&["soon"], None);
        check(&["60", "Sun, 06 Nov 1994 08:51:37 GMT", "0"], Some(120));
        check(&["3601"], Some(3600));
        check(&["99999999999999999999999"], Some(3600));
        check(&["Mon, 07 Nov 1994 08:50:37 GMT"], Some(3600));
    }
}
