//! Any number of feeds in front of one backlog.

use std::{sync::Arc, time::Duration};

use health_kit::{HealthReporter as _, HealthStatus};
use ingestion_application::{
    SourceName,
    ports::{DisconnectReason, Disconnection, FeedEvent},
};
use ingestion_test_support::{
    journal::FakeJournal,
    publisher::FakePublisher,
    source::{FAKE_SOURCE, FakeSource, FakeSourceObserver, batch, received},
};
use tokio::time::sleep;

use crate::support::{LIMITS, Running, match_ids};

const PAGES: SourceName = SourceName::new("pages");
const STREAM: SourceName = SourceName::new("stream");

fn feed(
    source: SourceName,
    script: impl IntoIterator<Item = FeedEvent>,
) -> (FakeSource, FakeSourceObserver) {
    let (feed, observer) = FakeSource::new(script);
    (feed.named(source), observer)
}

/// A journal in which an earlier process has left these matches.
async fn journal_with(ids: &[i64]) -> Arc<FakeJournal> {
    let journal = Arc::new(FakeJournal::new());
    let publisher = Arc::new(FakePublisher::new(1));
    publisher.hold();
    let earlier = feed(FAKE_SOURCE, [received(ids)]);
    let mut running = Running::start_feed(earlier, publisher, Arc::clone(&journal));
    running.feeds[0].exhausted().await;
    running.stop().await;
    assert_eq!(journal.entries().len(), ids.len());
    journal
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_has_left_is_published_once_whatever_the_number_of_feeds() {
    let journal = journal_with(&[1, 2, 3]).await;
    let publisher = Arc::new(FakePublisher::new(10));
    let feeds = [
        feed(PAGES, [received(&[10, 11]), received(&[3])]),
        feed(STREAM, [received(&[11, 12]), received(&[13])]),
    ];
    let mut running = Running::start_feeds(feeds, publisher.clone(), Arc::clone(&journal));
    for feed in &mut running.feeds {
        feed.exhausted().await;
    }
    running.settled().await;
    let mut ids = match_ids(&publisher.arrived());
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 10, 11, 12, 13], "each of them once");
    let sources = running.snapshot().sources;
    let figures: Vec<_> = sources
        .iter()
        .map(|it| (it.source, it.received, it.connection.is_some()))
        .collect();
    let expected = [(PAGES, 3, true), (STREAM, 3, true), (FAKE_SOURCE, 3, false)];
    assert_eq!(figures, expected);
    let duplicates: u64 = sources.iter().map(|it| it.duplicates).sum();
    assert_eq!(duplicates, 2, "11 came twice, and 3 was there");
    running.stop().await;
    assert!(journal.entries().is_empty(), "what is published is let go");
}

#[tokio::test(start_paused = true)]
async fn without_any_feed_what_was_left_is_published_and_the_end_is_waited_for() {
    let journal = journal_with(&[1, 2]).await;
    let publisher = Arc::new(FakePublisher::new(10));
    let running = Running::start_feeds([], publisher.clone(), journal);
    running.figures(|figures| figures.published == 2).await;
    assert_eq!(match_ids(&publisher.arrived()), [1, 2]);
    assert!(!running.task.is_finished(), "more may be handed in");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_feed_and_a_lost_one_hold_up_nobody_and_each_has_its_own_health() {
    let lost = SourceName::new("lost");
    let end = Disconnection {
        reason: DisconnectReason::ConnectFailed,
        detail: "nobody answers".to_owned(),
        retry_in: Duration::from_secs(1),
    };
    let feeds = [
        feed(PAGES, [FeedEvent::Connected, received(&[1])]),
        feed(lost, [FeedEvent::Disconnected(end)]),
        feed(STREAM, [FeedEvent::Connected, received(&[2])]),
    ];
    let publisher = Arc::new(FakePublisher::new(10));
    let mut running = Running::start_feeds(feeds, publisher.clone(), Arc::default());
    for feed in &mut running.feeds {
        feed.exhausted().await;
    }
    let checks = running.statuses.iter().flat_map(|status| status.checks());
    let checks: Vec<_> = checks
        .map(|check| (check.name.into_owned(), check.status))
        .collect();
    let expected = [
        ("feed.pages".to_owned(), HealthStatus::Healthy),
        ("feed.lost".to_owned(), HealthStatus::Unhealthy),
        ("feed.stream".to_owned(), HealthStatus::Healthy),
    ];
    assert_eq!(checks, expected);
    running.settled().await;
    assert_eq!(match_ids(&publisher.arrived()), [1, 2]);
    let fresh = |running: &Running| -> Vec<_> {
        let sources = running.snapshot().sources.into_iter();
        sources
            .map(|it| it.since_last_match.map(|it| it.as_secs()))
            .collect()
    };
    assert_eq!(fresh(&running), [Some(0), None, Some(0)]);
    sleep(Duration::from_secs(7)).await;
    running.backlog.receive(STREAM, batch(&[3]));
    assert_eq!(fresh(&running), [Some(7), None, Some(0)], "each by itself");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn feeds_share_the_room_in_turn_and_exceed_it_by_one_batch_together() {
    const BATCH: usize = 4;
    let publisher = Arc::new(FakePublisher::new(2));
    publisher.hold();
    let journal = Arc::new(FakeJournal::new());
    // Neither Kafka nor the journal takes anything: only memory is left.
    journal.set_room(Some(0));
    let names = ["logs", "pages", "stream"].map(SourceName::new);
    let feeds = (1_i64..).zip(names).map(|(nth, name)| {
        let ids: Vec<_> = (nth * 1_000..nth * 1_000 + 100).collect();
        let script: Vec<_> = ids.chunks(BATCH).map(received).collect();
        feed(name, script)
    });
    let mut running = Running::start_feeds(feeds, publisher.clone(), Arc::clone(&journal));
    // Paused time passes only when nobody has anything left to do.
    sleep(Duration::from_mins(1)).await;
    let batches: Vec<_> = running
        .feeds
        .iter()
        .map(FakeSourceObserver::events)
        .collect();
    let held = batches.iter().sum::<usize>() * BATCH;
    let tail_max = LIMITS.tail_weight_max - 1 + BATCH;
    // What has been taken to be sent, and what waits behind it.
    let limit = 2 * (LIMITS.head_weight_max + tail_max);
    assert!(
        held <= limit,
        "{held} matches are in memory only, not {limit}"
    );
    let (least, most) = (batches.iter().min(), batches.iter().max());
    assert!(
        most.zip(least)
            .is_some_and(|(most, least)| most - least <= 1),
        "{batches:?}"
    );

    journal.set_room(None);
    publisher.release();
    for feed in &mut running.feeds {
        feed.exhausted().await;
    }
    running.settled().await;
    assert_eq!(publisher.arrived().len(), 300);
    running.stop().await;
}

#[tokio::test]
async fn what_every_feed_hands_over_at_its_end_is_published() {
    let feeds = [PAGES, STREAM].map(|source| {
        let (feed, observer) = FakeSource::new([]);
        let first = if source == PAGES { 1 } else { 3 };
        let read = [batch(&[first]), batch(&[first + 1])];
        (feed.named(source).having_read(read), observer)
    });
    let publisher = Arc::new(FakePublisher::new(10));
    let mut running = Running::start_feeds(feeds, publisher.clone(), Arc::default());
    for feed in &mut running.feeds {
        feed.exhausted().await;
    }
    running.stop().await;
    let mut ids = match_ids(&publisher.arrived());
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4]);
}

#[tokio::test]
#[should_panic(expected = "every feed has a source of its own")]
async fn two_feeds_of_one_source_are_a_mistake_of_whoever_puts_them_together() {
    let feeds = [feed(PAGES, []), feed(PAGES, [])];
    Running::start_feeds(feeds, Arc::new(FakePublisher::new(1)), Arc::default());
}
