//! An instance that stands by while another one publishes, and then takes over.

use std::{sync::Arc, time::Duration};

use health_kit::{HealthReporter as _, HealthStatus};
use ingestion_application::{
    ConnectionState, LedgerFigures, NotAccepted, Role, SourceName,
    ports::{FeedEvent, Message},
};
use ingestion_test_support::{
    journal::FakeJournal,
    publisher::FakePublisher,
    source::{FAKE_SOURCE, FakeSource, batch, received},
};
use tokio::time::{Instant, sleep};

use crate::support::{Running, match_ids};

const SEQUENCE: SourceName = SourceName::new("sequence");

/// Longer than anything takes that happens by itself.
const A_WHILE: Duration = Duration::from_secs(10);

fn standby(
    script: impl IntoIterator<Item = FeedEvent>,
    journal: &Arc<FakeJournal>,
) -> (Running, Arc<FakePublisher>) {
    let publisher = Arc::new(FakePublisher::new(10).standing_by());
    let feed = FakeSource::new(script);
    let journal = Arc::clone(journal);
    let running = Running::start_as(Role::Standby, [feed], publisher.clone(), journal);
    (running, publisher)
}

#[tokio::test(start_paused = true)]
async fn what_the_other_publishes_is_let_go_and_the_rest_is_published_once_at_the_take_over() {
    // More than memory takes: some of it is in the journal alone.
    let journal = Arc::new(FakeJournal::new());
    let ids: Vec<i64> = (1..=20).collect();
    let script = ids.chunks(2).map(received);
    let (mut running, publisher) = standby(script, &journal);
    running.feeds[0].exhausted().await;
    sleep(A_WHILE).await;
    assert_eq!(running.ledger.figures().pending, 20);
    assert_eq!(running.snapshot().role, Role::Standby);

    let elsewhere = [1, 2, 4, 7, 8, 9, 13, 15, 18, 20, 99];
    publisher.publish_elsewhere(&elsewhere);
    running.figures(|figures| figures.pending == 10).await;
    sleep(A_WHILE).await;
    assert_eq!(journal.entries().len(), 10, "what is published is let go");
    assert_eq!(publisher.arrived(), [], "nothing is published here");

    // Not told yet when it takes over.
    publisher.publish_elsewhere(&[3]);
    publisher.take_over();
    running.settled().await;
    let arrived = match_ids(&publisher.arrived());
    assert_eq!(arrived, [5, 6, 10, 11, 12, 14, 16, 17, 19]);
    assert_eq!(running.snapshot().role, Role::Active);
    let expected = LedgerFigures {
        received: 20,
        published: 9,
        duplicates: 11,
        ..LedgerFigures::default()
    };
    assert_eq!(running.ledger.figures(), expected);
    running.stop().await;
    assert!(journal.entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_former_active_instance_has_left_is_published_once_by_whoever_is_first() {
    let journal = Arc::new(FakeJournal::new());
    let held = Arc::new(FakePublisher::new(10));
    held.hold();
    let feed = FakeSource::new([received(&[1, 2, 3])]);
    let mut former = Running::start_feed(feed, held, Arc::clone(&journal));
    former.feeds[0].exhausted().await;
    former.stop().await;

    let (running, publisher) = standby([], &journal);
    running.figures(|figures| figures.pending == 3).await;
    publisher.publish_elsewhere(&[1, 3]);
    running.figures(|figures| figures.published == 2).await;
    publisher.take_over();
    running.figures(|figures| figures.published == 3).await;
    assert_eq!(match_ids(&publisher.arrived()), [2]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_can_be_asked_at_any_time_is_asked_by_the_active_instance_only() {
    let publisher = Arc::new(FakePublisher::new(10).standing_by());
    let script = [FeedEvent::Connected, received(&[7])];
    let (feed, observer) = FakeSource::new(script);
    let feed = feed.named(SEQUENCE).keeping_its_place();
    let journal = Arc::new(FakeJournal::new());
    let feeds = [(feed, observer)];
    let mut running = Running::start_as(Role::Standby, feeds, publisher.clone(), journal);
    sleep(A_WHILE).await;
    assert_eq!(
        running.feeds[0].resumed_at(),
        [],
        "it is not even told its place"
    );
    let state = || running.statuses[0].snapshot().state;
    assert_eq!(state(), ConnectionState::StandingBy);
    let check = running.statuses[0].checks().remove(0);
    assert_eq!(check.status, HealthStatus::Healthy, "{}", check.reason);

    publisher.take_over();
    running.feeds[0].exhausted().await;
    running.settled().await;
    assert_eq!(match_ids(&publisher.arrived()), [7]);
    assert_eq!(
        running.statuses[0].snapshot().state,
        ConnectionState::Connected
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_handed_in_at_a_standby_and_its_end_is_not_waited_for() {
    let journal = Arc::new(FakeJournal::new());
    let (mut running, publisher) = standby([received(&[1, 2])], &journal);
    running.feeds[0].exhausted().await;
    let accepted = running.backlog.accept(FAKE_SOURCE, || batch(&[9])).await;
    assert_eq!(accepted, Err(NotAccepted::StandingBy));
    let begun = Instant::now();
    running.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    let kept: Vec<Message> = journal.entries().into_iter().map(|it| it.message).collect();
    assert_eq!(
        match_ids(&kept),
        [1, 2],
        "another process goes on with them"
    );
    assert_eq!(publisher.arrived(), []);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_gives_way_waits_for_nothing_and_keeps_what_it_has() {
    let journal = Arc::new(FakeJournal::new());
    let publisher = Arc::new(FakePublisher::new(10));
    publisher.hold();
    let feed = FakeSource::new([received(&[1, 2])]);
    let mut running = Running::start_feed(feed, publisher, Arc::clone(&journal));
    running.feeds[0].exhausted().await;
    running.backlog.give_way();
    assert_eq!(running.snapshot().role, Role::Standby);
    let begun = Instant::now();
    running.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(journal.entries().len(), 2);
}
