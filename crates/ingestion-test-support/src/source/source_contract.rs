//! What every feed must do, as one suite of checks.

use std::time::Duration;

use ingestion_application::ports::{Disconnection, FeedEvent, FeedReader, ReceivedBatch};
use tokio::time::{Instant, timeout};

/// How often the upstream under test ends a connection; it keeps the one after these.
pub const CONNECTIONS: usize = 3;
/// What it sends in order on each connection.
pub const IDS: std::ops::RangeInclusive<i64> = 1..=1000;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a call goes on before it is dropped and made again: too short for most.
const IMPATIENCE: Duration = Duration::from_micros(200);

/// Holds `source` to the promises of its port, dropping calls all along.
///
/// # Panics
/// When a promise is broken.
pub async fn check(source: &mut dyn FeedReader) {
    let name = source.source();
    for connection in 1..=CONNECTIONS {
        let event = next(source).await;
        assert_eq!(event, FeedEvent::Connected, "connection {connection}");
        let (ids, end) = read_to_the_end(source).await;
        assert!(
            ids.into_iter().eq(IDS),
            "each, once, in order, before the end"
        );
        assert!(!end.detail.is_empty(), "a person can read why");
        assert!(
            end.retry_in <= Duration::from_hours(1),
            "every wait is bounded"
        );
    }
    assert_eq!(source.source(), name, "a feed keeps its name");
    let event = next(source).await;
    assert_eq!(event, FeedEvent::Connected, "the connection that is kept");
    let FeedEvent::Received(batch) = next(source).await else {
        panic!("nothing else happens on it");
    };
    let mut ids = ids_of(batch);
    let closing = async {
        while let Some(batch) = source.close().await {
            ids.extend(ids_of(batch));
        }
    };
    timeout(PATIENCE, closing)
        .await
        .expect("what was read and a goodbye take a short time");
    let count = ids.len();
    assert!(
        ids.into_iter().eq(IDS.take(count)),
        "all that was read, in order and without a hole"
    );
}

async fn read_to_the_end(source: &mut dyn FeedReader) -> (Vec<i64>, Disconnection) {
    let mut ids = Vec::new();
    loop {
        match next(source).await {
            FeedEvent::Received(batch) => ids.extend(ids_of(batch)),
            FeedEvent::Disconnected(end) => return (ids, end),
            FeedEvent::Connected => panic!("connected twice"),
            FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {}
        }
    }
}

fn ids_of(batch: ReceivedBatch) -> Vec<i64> {
    let may_be_empty = batch.checkpoint.is_some();
    assert!(
        may_be_empty || !batch.frames.is_empty(),
        "a batch is never empty"
    );
    let frames = batch.frames.into_iter();
    frames
        .map(|frame| frame.expect("a valid frame").id().get())
        .collect()
}

/// The next event, asked for again and again.
async fn next(source: &mut dyn FeedReader) -> FeedEvent {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(event) = timeout(IMPATIENCE, source.next()).await {
            return event;
        }
    }
    panic!("nothing happened for {PATIENCE:?}");
}
