//! What a feed misses, from its interruption to its end.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use health_kit::HealthReporter as _;
use ingestion_application::{
    GAPS, GapState, Gaps, SourceName,
    ports::{Coverage, DisconnectReason, Disconnection, FeedEvent, ReceivedBatch},
};
use ingestion_test_support::{
    publisher::FakePublisher,
    source::{FAKE_RECEIVED_AT, FakeSource, FakeSourceObserver, batch, received},
};
use tokio::time::{sleep, timeout};

use crate::support::{ASK_AGAIN_AFTER, DEADLINE, Running, match_ids};

const STREAM: SourceName = SourceName::new("stream");
const SEQUENCE: SourceName = SourceName::new("sequence");

fn lost() -> FeedEvent {
    FeedEvent::Disconnected(Disconnection {
        reason: DisconnectReason::ConnectionLost,
        detail: "the connection is lost".to_owned(),
        retry_in: Duration::ZERO,
    })
}

/// So many minutes after the feed was first heard.
fn at(minute: i64) -> Timestamp {
    Timestamp::from_unix_ms(FAKE_RECEIVED_AT.as_unix_ms() + 60_000 * minute)
}

/// A match that is heard at this minute.
fn heard(id: i64, minute: i64) -> FeedEvent {
    FeedEvent::Received(ReceivedBatch {
        received_at: at(minute),
        ..batch(&[id])
    })
}

/// A feed that was heard at first, is cut, and is heard again after ten minutes.
fn cut() -> (FakeSource, FakeSourceObserver) {
    feed([
        FeedEvent::Connected,
        heard(1, 0),
        lost(),
        FeedEvent::Connected,
        heard(9, 10),
        heard(9, 15),
    ])
}

fn feed(script: impl IntoIterator<Item = FeedEvent>) -> (FakeSource, FakeSourceObserver) {
    let (feed, observer) = FakeSource::new(script);
    (feed.named(STREAM), observer)
}

/// A feed that tells in its order.
fn sequence(script: impl IntoIterator<Item = FeedEvent>) -> (FakeSource, FakeSourceObserver) {
    let (feed, observer) = FakeSource::new(script);
    (feed.named(SEQUENCE).telling_in_order(), observer)
}

fn covered(up_to: i64) -> FeedEvent {
    FeedEvent::Covered(Coverage {
        since: at(-60),
        up_to: at(up_to),
        is_resumed: false,
    })
}

fn start(
    feeds: impl IntoIterator<Item = (FakeSource, FakeSourceObserver)>,
    publisher: &Arc<FakePublisher>,
) -> Running {
    Running::start_feeds(feeds, publisher.clone(), Arc::default())
}

/// Waits until there are gaps in these states, the newest first.
async fn states(gaps: &Gaps, expected: &[GapState]) {
    let found = || -> Vec<_> {
        let gaps = gaps.snapshot().gaps.into_iter();
        gaps.map(|gap| gap.state).collect()
    };
    let reached = async {
        while found() != expected {
            sleep(ASK_AGAIN_AFTER).await;
        }
    };
    let reached = timeout(DEADLINE, reached).await;
    reached.unwrap_or_else(|_| panic!("{:?}", gaps.snapshot()));
}

fn health(gaps: &Gaps) -> String {
    gaps.checks().remove(0).reason
}

#[tokio::test(start_paused = true)]
async fn what_a_feed_missed_is_published_once_when_another_has_told_it() {
    let publisher = Arc::new(FakePublisher::new(10));
    let running = start([cut()], &publisher);
    running.settled().await;
    states(&running.gaps, &[GapState::Lost]).await;
    running.stop().await;

    let publisher = Arc::new(FakePublisher::new(10));
    let told = sequence([covered(-60), received(&[1, 2, 3, 9]), covered(9)]);
    let running = start([cut(), told], &publisher);
    states(&running.gaps, &[GapState::Repairing]).await;
    let gap = running.snapshot().gaps.gaps.remove(0);
    assert_eq!((gap.from, gap.to), (at(0), Some(at(10))));
    assert!(health(&running.gaps).contains("1 gap is being closed"));
    running.settled().await;
    // Killed, once that is kept.
    sleep(Duration::from_secs(2)).await;
    running.task.abort();

    let resumed = FeedEvent::Covered(Coverage {
        since: at(9),
        up_to: at(21),
        is_resumed: true,
    });
    let next = feed([FeedEvent::Connected, heard(10, 20)]);
    let told = sequence([received(&[4, 9]), resumed.clone(), received(&[10]), resumed]);
    let mut running = start([next, told], &publisher);
    for feed in &mut running.feeds {
        feed.exhausted().await;
    }
    // What was missed between the two processes is newer.
    states(&running.gaps, &[GapState::Closed, GapState::Closed]).await;
    let gaps = running.snapshot().gaps.gaps;
    let times: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(times, [(at(15), Some(at(20))), (at(0), Some(at(10)))]);
    assert_eq!(gaps[0].cause.as_str(), "restart");
    assert_eq!(gaps[1].detail, "closed by sequence");
    assert!(health(&running.gaps).contains("no gaps"));
    running.settled().await;
    let mut ids = match_ids(&publisher.arrived());
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 9, 10], "each of them once");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_kept_though_the_process_is_killed_a_second_later() {
    let publisher = Arc::new(FakePublisher::new(10));
    let feed = FakeSource::new([FeedEvent::Connected, heard(1, 0), lost()]);
    let feed = (feed.0.named(STREAM), feed.1);
    let running = start([feed], &publisher);
    states(&running.gaps, &[GapState::Open]).await;
    sleep(Duration::from_secs(2)).await;
    running.task.abort();
    assert_eq!(publisher.checkpoints()[0].0, GAPS);

    // Nobody can look back: it is lost as soon as its end is known.
    let feed = FakeSource::new([FeedEvent::Connected, heard(2, 5)]);
    let feed = (feed.0.named(STREAM), feed.1);
    let running = start([feed], &publisher);
    states(&running.gaps, &[GapState::Lost]).await;
    let snapshot = running.snapshot().gaps;
    assert_eq!(snapshot.lost_total, 1);
    assert_eq!(snapshot.gaps[0].cause.as_str(), "connection_lost");
    assert!(health(&running.gaps).contains("1 gap is lost"));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_process_of_all_has_no_gap() {
    let publisher = Arc::new(FakePublisher::new(10));
    let feed = FakeSource::new([FeedEvent::Connected, heard(1, 0)]);
    let feed = (feed.0.named(STREAM), feed.1);
    let mut running = start([feed], &publisher);
    running.feeds[0].exhausted().await;
    running.settled().await;
    sleep(Duration::from_mins(2)).await;
    states(&running.gaps, &[]).await;
    running.stop().await;
    let kept = publisher.checkpoints();
    assert_eq!(kept.len(), 1, "when it was heard last: {kept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_tells_in_its_order_closes_gaps_without_further_calls() {
    for (up_to, expected) in [(9, GapState::Repairing), (10, GapState::Closed)] {
        let publisher = Arc::new(FakePublisher::new(10));
        // Again and again, for one feed may be heard before the other.
        let steps = [covered(-60), received(&[5]), covered(up_to)];
        let feeds = [
            cut(),
            sequence([steps.to_vec(), vec![covered(up_to); 9]].concat()),
        ];
        let mut running = start(feeds, &publisher);
        for feed in &mut running.feeds {
            feed.exhausted().await;
        }
        let gap = running.snapshot().gaps.gaps.remove(0);
        assert_eq!(gap.state, expected, "{gap:?}");
        assert!(gap.detail.ends_with("by sequence") || gap.detail.starts_with("sequence"));
        running.stop().await;
    }
}
