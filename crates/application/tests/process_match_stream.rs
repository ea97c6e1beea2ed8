//! The use case with a scripted feed and a publisher in memory.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use application::{
    ConnectionState, DedupWindow, Ledger, ProcessMatchStream, ProcessingError, SourceStatus,
    ports::{
        DeadLetter, DisconnectReason, Disconnection, Message, MessagePublisher, SourceEvent,
        SystemClock,
    },
};
use bytes::Bytes;
use domain::{DeadLetterReason, LedgerFigures};
use test_support::{
    publisher::FakePublisher,
    source::{
        FAKE_RECEIVED_AT, FAKE_SOURCE, FakeSource, FakeSourceObserver, batch, received,
        received_invalid,
    },
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The use case at work.
struct Running {
    feed: FakeSourceObserver,
    ledger: Arc<Ledger>,
    status: Arc<SourceStatus>,
    drain: CancellationToken,
    task: JoinHandle<Result<(), ProcessingError>>,
}

fn start(
    script: impl IntoIterator<Item = SourceEvent>,
    publisher: Arc<dyn MessagePublisher>,
) -> Running {
    start_feed(FakeSource::new(script), publisher)
}

fn start_feed(
    (source, feed): (FakeSource, FakeSourceObserver),
    publisher: Arc<dyn MessagePublisher>,
) -> Running {
    let clock = Arc::new(SystemClock);
    let window = Arc::new(Mutex::new(DedupWindow::new(1000)));
    let ledger = Arc::new(Ledger::new(clock.clone()));
    let status = Arc::new(SourceStatus::new(FAKE_SOURCE, IDLE_TIMEOUT, clock));
    let drain = CancellationToken::new();
    let use_case =
        ProcessMatchStream::new(publisher, window, Arc::clone(&ledger), Arc::clone(&status));
    let stop = drain.clone();
    let task = tokio::spawn(async move { use_case.run(Box::new(source), stop).await });
    Running {
        feed,
        ledger,
        status,
        drain,
        task,
    }
}

impl Running {
    /// Drains, and sees that the feed was told goodbye.
    async fn stop(self) {
        self.drain.cancel();
        let ended = self.task.await.expect("the use case does not panic");
        ended.expect("it ends as asked");
        assert!(self.feed.is_closed());
    }
}

fn match_ids(messages: &[Message]) -> Vec<i64> {
    let id = |message: &Message| match message {
        Message::Match(found) => found.id.get(),
        Message::DeadLetter(letter) => panic!("a dead letter: {letter:?}"),
    };
    messages.iter().map(id).collect()
}

#[tokio::test]
async fn every_match_is_published_once_and_in_order() {
    let publisher = Arc::new(FakePublisher::new(10));
    let script = [received(&[5, 3, 5]), received(&[4, 3]), received(&[9])];
    let mut running = start(script, publisher.clone());
    running.feed.exhausted().await;
    assert_eq!(match_ids(&publisher.arrived()), [5, 3, 4, 9]);
    let Message::Match(first) = publisher.arrived()[0] else {
        unreachable!("all of them are matches")
    };
    assert_eq!(
        (first.source, first.received_at),
        (FAKE_SOURCE, FAKE_RECEIVED_AT)
    );
    let expected = LedgerFigures {
        received: 6,
        published: 4,
        duplicates: 2,
        ..LedgerFigures::default()
    };
    assert_eq!(running.ledger.figures(), expected);
    running.stop().await;
}

#[tokio::test]
async fn an_invalid_frame_becomes_a_dead_letter_and_stops_nothing() {
    let publisher = Arc::new(FakePublisher::new(10));
    let invalid = received_invalid(DeadLetterReason::NotJson, "at byte 0", "PING");
    let script = [received(&[1]), invalid.clone(), invalid, received(&[2])];
    let mut running = start(script, publisher.clone());
    running.feed.exhausted().await;
    let expected = Message::DeadLetter(Box::new(DeadLetter {
        reason: DeadLetterReason::NotJson,
        detail: "at byte 0".to_owned(),
        source: FAKE_SOURCE,
        received_at: FAKE_RECEIVED_AT,
        payload: Bytes::from_static(b"PING"),
    }));
    let arrived = publisher.arrived();
    assert_eq!(
        arrived[1..3],
        [expected.clone(), expected],
        "equal frames are no duplicates"
    );
    let figures = running.ledger.figures();
    assert_eq!(
        (figures.received, figures.published, figures.dead_lettered),
        (4, 2, 2)
    );
    running.stop().await;
}

#[tokio::test]
async fn many_matches_are_on_their_way_at_once() {
    let publisher = Arc::new(FakePublisher::new(100));
    publisher.hold();
    let mut running = start([received(&[1, 2]), received(&[3])], publisher.clone());
    running.feed.exhausted().await;
    assert_eq!(running.ledger.figures().pending, 3, "none is waited for");
    publisher.release();
    assert_eq!(running.ledger.figures().published, 3);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_feed_is_not_read_while_the_publisher_is_full() {
    let publisher = Arc::new(FakePublisher::new(2));
    publisher.hold();
    let script = [received(&[1, 2, 3]), received(&[4])];
    let mut running = start(script, publisher.clone());
    running.feed.handed_over(1).await;
    // Paused time passes only when nobody has anything left to do.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(
        running.feed.events(),
        1,
        "the second batch stays with the upstream"
    );
    assert_eq!(
        running.ledger.figures().pending,
        3,
        "what was read is on the books"
    );
    publisher.release();
    running.feed.exhausted().await;
    assert_eq!(match_ids(&publisher.arrived()), [1, 2, 3, 4]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn draining_hands_over_what_was_read_first() {
    let publisher = Arc::new(FakePublisher::new(1));
    publisher.hold();
    let mut running = start([received(&[1, 2]), received(&[3])], publisher.clone());
    running.feed.handed_over(1).await;
    running.drain.cancel();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(
        !running.task.is_finished(),
        "the second match is not handed over yet"
    );
    publisher.release();
    let ledger = Arc::clone(&running.ledger);
    running.stop().await;
    assert_eq!(
        match_ids(&publisher.arrived()),
        [1, 2],
        "the third was never read"
    );
    let figures = ledger.figures();
    assert_eq!(
        (figures.received, figures.published, figures.pending),
        (2, 2, 0)
    );
}

#[tokio::test]
async fn what_a_feed_hands_over_at_its_end_is_published_and_booked() {
    let publisher = Arc::new(FakePublisher::new(10));
    let (source, observer) = FakeSource::new([received(&[1])]);
    let source = source.having_read([batch(&[2, 1]), batch(&[3])]);
    let mut running = start_feed((source, observer), publisher.clone());
    running.feed.exhausted().await;
    let ledger = Arc::clone(&running.ledger);
    running.stop().await;
    assert_eq!(match_ids(&publisher.arrived()), [1, 2, 3]);
    let figures = ledger.figures();
    assert_eq!(
        (figures.received, figures.published, figures.duplicates),
        (4, 3, 1)
    );
}

#[tokio::test]
async fn the_connection_is_followed() {
    let end = Disconnection {
        reason: DisconnectReason::PongTimeout,
        detail: "a ping was not answered".to_owned(),
        retry_in: Duration::from_secs(1),
    };
    let script = [
        SourceEvent::Connected,
        SourceEvent::Disconnected(end.clone()),
        SourceEvent::Disconnected(end.clone()),
    ];
    let mut running = start(script, Arc::new(FakePublisher::new(1)));
    running.feed.exhausted().await;
    let connection = running.status.snapshot();
    assert_eq!(connection.state, ConnectionState::Reconnecting);
    assert_eq!(
        connection.disconnections,
        [(DisconnectReason::PongTimeout, 2)]
    );
    assert_eq!(connection.last_disconnection, Some(end));
    running.stop().await;
}
