//! What the log says of tokens that are refused: that somebody tries, from
//! where about, and how often; never the token.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::HttpRequest;
use tokio::time::Instant;

use crate::client_address::{TrustedProxies, network_of};

/// Whoever tries a thousand tokens a second fills no log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The refused tokens of all clients together.
#[derive(Default)]
pub(crate) struct RefusedTokens {
    pace: Mutex<Pace>,
}

impl RefusedTokens {
    /// Logs one, unless there was a line shortly before; the next line counts it.
    pub(crate) fn note(
        &self,
        request: &HttpRequest,
        proxies: &TrustedProxies,
        reason: &dyn Display,
    ) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(refused) = pace.take(Instant::now()) else {
            return;
        };
        drop(pace);
        let client = proxies.client(request).map(network_of);
        tracing::warn!(
            client.network = client.as_deref().unwrap_or("unknown"),
            url.path = request.path(),
            refused,
            %reason,
            "a token was refused"
        );
    }
}

/// When the next line may come, and how many are not told yet.
#[derive(Default)]
struct Pace {
    next: Option<Instant>,
    untold: u64,
}

impl Pace {
    /// How many to tell of now, if it is time to.
    fn take(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        self.next = Some(now + LINE_EVERY);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_those_that_had_none() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let mut check = |after_ms, expected| {
            let now = begin + Duration::from_millis(after_ms);
            assert_eq!(pace.take(now), expected, "after {after_ms} ms");
        };
        check(0, Some(1));
        check(1, None);
        check(9_999, None);
        check(10_000, Some(3));
        check(10_001, None);
        check(60_000, Some(2));
    }
}
