//! One feed, a publisher in memory and a journal in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::MatchId;
use ingestion_application::{
    Checkpoint, ConnectionState, DeadLetterReason, LedgerFigures, PipelineError, Receipt,
    SourceName, SummaryKey,
    ports::{
        DeadLetter, DisconnectReason, Disconnection, FeedEvent, FlushError, Message,
        MessagePublisher, PublishError,
    },
};
use ingestion_test_support::{
    journal::FakeJournal,
    publisher::FakePublisher,
    source::{FAKE_RECEIVED_AT, FAKE_SOURCE, FakeSource, batch, received, received_invalid},
};
use tokio::time::timeout;

use crate::support::{ASK_AGAIN_AFTER, DEADLINE, Running, match_ids};

#[tokio::test]
async fn every_match_is_published_once_and_in_order() {
    let publisher = Arc::new(FakePublisher::new(10));
    let script = [received(&[5, 3, 5]), received(&[4, 3]), received(&[9])];
    let mut running = Running::start(script, publisher.clone());
    running.feeds[0].exhausted().await;
    running.settled().await;
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
    let mut running = Running::start(script, publisher.clone());
    running.feeds[0].exhausted().await;
    running.settled().await;
    let expected = Message::DeadLetter(Box::new(DeadLetter {
        reason: DeadLetterReason::NotJson,
        detail: "at byte 0".to_owned(),
        source: FAKE_SOURCE,
        received_at: FAKE_RECEIVED_AT,
        payload: Bytes::from_static(b"PING"),
        size_bytes: 4,
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
    let mut running = Running::start([received(&[1, 2]), received(&[3])], publisher.clone());
    running.feeds[0].exhausted().await;
    assert_eq!(running.ledger.figures().pending, 3, "none is waited for");
    publisher.release();
    running.settled().await;
    assert_eq!(running.ledger.figures().published, 3);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_feed_is_read_on_while_the_publisher_is_full_and_the_journal_is_not() {
    let publisher = Arc::new(FakePublisher::new(2));
    publisher.hold();
    let ids: Vec<i64> = (1..=1000).collect();
    let script: Vec<_> = ids.chunks(5).map(received).collect();
    let mut running = Running::start(script, publisher.clone());
    running.feeds[0].exhausted().await;
    assert_eq!(running.ledger.figures().pending, 1000);
    publisher.release();
    running.settled().await;
    assert_eq!(match_ids(&publisher.arrived()), ids, "all, in order");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_feed_is_not_read_while_neither_kafka_nor_the_journal_takes_anything() {
    let publisher = Arc::new(FakePublisher::new(2));
    publisher.hold();
    let journal = Arc::new(FakeJournal::new());
    journal.set_room(Some(0));
    let ids: Vec<i64> = (1..=100).collect();
    let script: Vec<_> = ids.chunks(5).map(received).collect();
    let feed = FakeSource::new(script);
    let mut running = Running::start_feed(feed, publisher.clone(), Arc::clone(&journal));
    running.feeds[0].handed_over(2).await;
    // Paused time passes only when nobody has anything left to do.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let held = running.feeds[0].events();
    assert!(held < 6, "{held} batches are in memory only");
    assert_eq!(
        running.ledger.figures().pending,
        5 * held as u64,
        "what was read is on the books"
    );
    journal.set_room(None);
    running.feeds[0].exhausted().await;
    publisher.release();
    running.settled().await;
    assert_eq!(match_ids(&publisher.arrived()), ids, "all, in order");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_matches_pass_as_long_as_kafka_takes_them() {
    let publisher = Arc::new(FakePublisher::new(100));
    let journal = Arc::new(FakeJournal::new());
    let ids: Vec<i64> = (1..=100).collect();
    let script: Vec<_> = ids.chunks(5).map(received).collect();
    let feed = FakeSource::new(script);
    let mut running = Running::start_feed(feed, publisher.clone(), Arc::clone(&journal));
    journal.set_room(Some(0));
    running.feeds[0].exhausted().await;
    running.settled().await;
    assert_eq!(match_ids(&publisher.arrived()), ids);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn draining_without_kafka_leaves_everything_in_the_journal() {
    let publisher = Arc::new(FakePublisher::new(1));
    publisher.hold();
    let journal = Arc::new(FakeJournal::new());
    let feed = FakeSource::new([received(&[1, 2]), received(&[3])]);
    let mut running = Running::start_feed(feed, publisher.clone(), Arc::clone(&journal));
    running.feeds[0].exhausted().await;
    let ledger = Arc::clone(&running.ledger);
    running.stop().await;
    assert_eq!(ledger.figures().pending, 3);
    assert_eq!(match_ids(&publisher.arrived()), [] as [i64; 0]);

    // The next process finds it.
    let publisher = Arc::new(FakePublisher::new(10));
    let running = Running::start_feed(FakeSource::new([]), publisher.clone(), journal);
    let arrival = async {
        while running.ledger.figures().published < 3 {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    };
    timeout(DEADLINE, arrival)
        .await
        .expect("they are published");
    assert_eq!(match_ids(&publisher.arrived()), [1, 2, 3]);
    let figures = running.ledger.figures();
    assert_eq!((figures.received, figures.pending), (3, 0));
    running.stop().await;
}

#[tokio::test]
async fn what_a_feed_hands_over_at_its_end_is_published_and_booked() {
    let publisher = Arc::new(FakePublisher::new(10));
    let (source, observer) = FakeSource::new([received(&[1])]);
    let source = source.having_read([batch(&[2, 1]), batch(&[3])]);
    let journal = Arc::new(FakeJournal::new());
    let mut running = Running::start_feed((source, observer), publisher.clone(), journal);
    running.feeds[0].exhausted().await;
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
        FeedEvent::Connected,
        FeedEvent::Disconnected(end.clone()),
        FeedEvent::Disconnected(end.clone()),
    ];
    let (feed, observer) = FakeSource::new(script);
    let feed = feed.ending_for(&[
        DisconnectReason::PongTimeout,
        DisconnectReason::ConnectFailed,
    ]);
    let publisher = Arc::new(FakePublisher::new(1));
    let mut running = Running::start_feed((feed, observer), publisher, Arc::default());
    running.feeds[0].exhausted().await;
    let connection = running.statuses[0].snapshot();
    assert_eq!(connection.state, ConnectionState::Reconnecting);
    let mut ends = connection.disconnections;
    ends.sort_unstable_by_key(|(_, count)| *count);
    assert_eq!(
        ends,
        [
            (DisconnectReason::ConnectFailed, 0),
            (DisconnectReason::PongTimeout, 2)
        ],
        "each that it can have, and no other"
    );
    assert_eq!(connection.last_disconnection, Some(end));
    running.stop().await;
}

/// Refuses the first message: another instance has taken over.
struct Fenced;

#[async_trait]
impl MessagePublisher for Fenced {
    async fn publish(&self, _: Message, _: Receipt) -> Result<(), PublishError> {
        let reason = "by a later start".to_owned();
        Err(PublishError::Fenced { reason })
    }

    async fn published(&self, _: usize) -> Result<Vec<MatchId>, PublishError> {
        Ok(Vec::new())
    }

    async fn published_summaries(&self, _: usize) -> Result<Vec<SummaryKey>, PublishError> {
        Ok(Vec::new())
    }

    async fn keep_checkpoint(&self, _: SourceName, _: &Checkpoint) -> Result<(), PublishError> {
        Ok(())
    }

    async fn last_checkpoint(&self, _: SourceName) -> Result<Option<Checkpoint>, PublishError> {
        Ok(None)
    }

    async fn flush(&self, _: Duration) -> Result<(), FlushError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_feed_has_read_goes_to_the_journal_when_the_publisher_stops() {
    let (source, observer) = FakeSource::new([received(&[1])]);
    let source = source.having_read([batch(&[2]), batch(&[3])]);
    let journal = Arc::new(FakeJournal::new());
    let running = Running::start_feed((source, observer), Arc::new(Fenced), Arc::clone(&journal));
    let ended = running.task.await.expect("the pipeline does not panic");
    assert!(matches!(ended, Err(PipelineError::Stopped(_))), "{ended:?}");
    assert!(running.feeds[0].is_closed());
    let kept: Vec<_> = journal.entries().into_iter().map(|it| it.message).collect();
    assert_eq!(match_ids(&kept), [1, 2, 3]);
    let figures = running.ledger.figures();
    assert_eq!((figures.received, figures.pending), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_the_journal_when_kafka_takes_nothing() {
    let publisher = Arc::new(FakePublisher::new(1));
    publisher.hold();
    let journal = Arc::new(FakeJournal::new());
    let feed = FakeSource::new([received(&[1, 2])]);
    let mut running = Running::start_feed(feed, publisher.clone(), Arc::clone(&journal));
    running.feeds[0].exhausted().await;
    journal.hold();
    running.drain.cancel();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!running.task.is_finished(), "nothing is safe yet");
    journal.release();
    running.stop().await;
    assert_eq!(journal.entries().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_kafka_has_not_acknowledged_soon_is_written_and_nothing_before() {
    let publisher = Arc::new(FakePublisher::new(10));
    publisher.hold();
    let journal = Arc::new(FakeJournal::new());
    let feed = FakeSource::new([received(&[1])]);
    let mut running = Running::start_feed(feed, publisher.clone(), Arc::clone(&journal));
    running.feeds[0].exhausted().await;
    tokio::time::sleep(Duration::from_millis(140)).await;
    assert_eq!(
        journal.entries().len(),
        0,
        "a healthy Kafka spares the disk"
    );
    tokio::time::sleep(Duration::from_millis(70)).await;
    assert_eq!(journal.entries().len(), 1, "looked at every 50 ms");
    publisher.release();
    running.settled().await;
    let latency = running.snapshot().latency.p50.expect("one was published");
    assert!(latency >= Duration::from_millis(200), "{latency:?}");
    running.stop().await;
}
