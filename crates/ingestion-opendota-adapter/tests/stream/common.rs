//! What the tests of the client share: settings, a clock, and ways to wait
//! for an event with a deadline.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use ingestion_application::ports::{
    DisconnectReason, Disconnection, FeedEvent, FeedReader as _, ReceivedBatch,
};
use ingestion_opendota_adapter::stream::{MatchStream, StreamFormat, StreamSettings};
use test_kit::clock::StoppedClock;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

/// Longer than anything here takes, simulated time included.
const PATIENCE: Duration = Duration::from_mins(2);

/// Sun, 06 Nov 1994 08:49:37 GMT, always.
pub(crate) const CLOCK: StoppedClock = StoppedClock::at_unix_ms(784_111_777_000);

/// The settings that the service starts with.
pub(crate) fn default_settings(url: impl Into<String>) -> StreamSettings {
    StreamSettings {
        urls: vec![url.into().into()],
        format: StreamFormat::Object,
        subscribe: None,
        headers: Vec::new(),
        ca_file: None,
        heartbeat: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_mins(1),
        backoff_min: Duration::from_millis(500),
        backoff_max: Duration::from_secs(30),
        message_size_max: 16 << 20,
        proxy_variables: Vec::new(),
    }
}

/// The next event, which has to come.
pub(crate) async fn next(stream: &mut MatchStream) -> FeedEvent {
    timeout(PATIENCE, stream.next())
        .await
        .expect("an event comes in time")
}

/// The next event, which has to be a connection.
pub(crate) async fn connected(stream: &mut MatchStream) {
    let event = next(stream).await;
    assert_eq!(event, FeedEvent::Connected);
}

/// The next event, which has to be the end of a connection or attempt.
pub(crate) async fn disconnected(
    stream: &mut MatchStream,
    reason: DisconnectReason,
) -> Disconnection {
    match next(stream).await {
        FeedEvent::Disconnected(end) if end.reason == reason => end,
        other => panic!("{other:?} instead of {reason}"),
    }
}

/// The ids of the next batches, `count` in all; each frame has to be valid.
pub(crate) async fn received(stream: &mut MatchStream, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    while ids.len() < count {
        match next(stream).await {
            FeedEvent::Received(batch) => {
                assert!(!batch.frames.is_empty());
                ids.extend(ids_of(batch));
            }
            other => panic!("{other:?} after {} of {count} frames", ids.len()),
        }
    }
    ids
}

/// The ids of a batch; each frame has to be valid.
pub(crate) fn ids_of(batch: ReceivedBatch) -> Vec<i64> {
    let frames = batch.frames.into_iter();
    frames
        .map(|frame| frame.expect("a valid frame").id().get())
        .collect()
}

/// A frame that names a match.
pub(crate) fn frame(id: i64) -> String {
    format!(r#"{{"match_id":{id}}}"#)
}

/// The other side: sends frames one by one, then answers pings for ever.
pub(crate) async fn send_then_listen<S>(
    mut socket: WebSocketStream<S>,
    ids: impl IntoIterator<Item = i64>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for id in ids {
        // A client that has gone is what some tests are about.
        if socket.send(Message::text(frame(id))).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.next().await {}
}
