//! What the tests of the log share: settings, and ways to wait for an event with a deadline.

use std::{sync::Arc, time::Duration};

use ingestion_application::ports::{DisconnectReason, Disconnection, FeedEvent, FeedReader as _};
use ingestion_opendota_adapter::logs::{LogsSettings, MatchLogs};
use test_kit::clock::StoppedClock;
use tokio::time::timeout;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sun, 06 Nov 1994 08:49:37 GMT, always.
pub(crate) const CLOCK: StoppedClock = StoppedClock::at_unix_ms(784_111_777_000);

/// Impatient with failures, and patient with silence.
pub(crate) fn settings(url: &str) -> LogsSettings {
    LogsSettings {
        backoff_min: Duration::from_millis(10),
        backoff_max: Duration::from_millis(50),
        ..LogsSettings::new(url)
    }
}

pub(crate) fn feed(settings: LogsSettings) -> MatchLogs {
    MatchLogs::try_new(settings, Arc::new(CLOCK), 1).expect("a client")
}

/// The next event, which has to come.
pub(crate) async fn next(feed: &mut MatchLogs) -> FeedEvent {
    timeout(PATIENCE, feed.next())
        .await
        .expect("an event comes in time")
}

pub(crate) async fn connected(feed: &mut MatchLogs) {
    assert_eq!(next(feed).await, FeedEvent::Connected);
}

/// The end of the connection or attempt, whatever is read before it.
pub(crate) async fn ended(feed: &mut MatchLogs, reason: DisconnectReason) -> Disconnection {
    loop {
        match next(feed).await {
            FeedEvent::Received(_) => {}
            FeedEvent::Disconnected(end) if end.reason == reason => return end,
            other => panic!("{other:?} instead of {reason}"),
        }
    }
}
