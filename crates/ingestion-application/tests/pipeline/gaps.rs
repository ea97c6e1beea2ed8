//! What a feed misses, from its interruption to its end.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use domain::{MatchId, Timestamp};
use health_kit::HealthReporter as _;
use ingestion_application::{
    GAPS, GapState, Gaps, SourceName,
    ports::{
        Coverage, DisconnectReason, Disconnection, FeedEvent, GapRepairer, GapWalk, ReceivedBatch,
        WalkStep,
    },
};
use ingestion_test_support::{
    publisher::FakePublisher,
    source::{FAKE_RECEIVED_AT, FakeSource, FakeSourceObserver, batch, received},
};
use tokio::time::{sleep, timeout};

use crate::support::{ASK_AGAIN_AFTER, DEADLINE, Running, match_ids};

const STREAM: SourceName = SourceName::new("stream");
const PAGES: SourceName = SourceName::new("pages");
const SEQUENCE: SourceName = SourceName::new("sequence");

/// Walks by a script; each walk goes on with it.
struct Script {
    steps: Arc<Mutex<VecDeque<WalkStep>>>,
    walks: Mutex<Vec<(Timestamp, Timestamp, Option<MatchId>)>>,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = WalkStep>) -> Arc<Self> {
        Arc::new(Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            walks: Mutex::default(),
        })
    }

    fn walks(&self) -> Vec<(Timestamp, Timestamp, Option<MatchId>)> {
        self.walks.lock().expect("no panic").clone()
    }
}

impl GapRepairer for Script {
    fn source(&self) -> SourceName {
        PAGES
    }

    fn walk(&self, from: Timestamp, to: Timestamp, place: Option<MatchId>) -> Box<dyn GapWalk> {
        let mut walks = self.walks.lock().expect("no panic");
        walks.push((from, to, place));
        Box::new(Walk(Arc::clone(&self.steps)))
    }
}

struct Walk(Arc<Mutex<VecDeque<WalkStep>>>);

#[async_trait]
impl GapWalk for Walk {
    async fn next(&mut self) -> WalkStep {
        let step = self.0.lock().expect("no panic").pop_front();
        match step {
            Some(step) => step,
            // As if calls were not permitted for long.
            None => std::future::pending().await,
        }
    }
}

fn told(ids: &[i64], progress: f64) -> WalkStep {
    WalkStep::Told {
        batch: batch(ids),
        place: MatchId::try_new(ids[0]).ok(),
        progress,
    }
}

const ENDED: WalkStep = WalkStep::Ended { is_whole: true };

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
    repairer: Option<Arc<Script>>,
    publisher: &Arc<FakePublisher>,
) -> Running {
    let repairer = repairer.map(|it| it as Arc<dyn GapRepairer>);
    Running::start_with_gaps(feeds, publisher.clone(), Arc::default(), repairer)
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
async fn what_a_feed_missed_is_asked_for_and_published_once() {
    let publisher = Arc::new(FakePublisher::new(10));
    let script = Script::new([told(&[9, 4, 3], 0.5), told(&[2, 1], 1.0), ENDED]);
    let running = start([cut()], Some(Arc::clone(&script)), &publisher);
    states(&running.gaps, &[GapState::Closed]).await;
    running.settled().await;
    let mut ids = match_ids(&publisher.arrived());
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 9], "each of them once");
    let sources = running.snapshot().sources;
    let pages = sources.iter().find(|it| it.source == PAGES);
    let pages = pages.map(|it| (it.received, it.duplicates));
    assert_eq!(pages, Some((5, 2)), "under the name of whoever was asked");
    let gap = running.snapshot().gaps.gaps.remove(0);
    assert_eq!((gap.source, gap.progress), (STREAM, 1.0));
    assert_eq!((gap.from, gap.to), (at(0), Some(at(10))));
    let asked = script.walks();
    assert_eq!(asked, [(at(0), at(10), None)]);
    assert_eq!(gap.detail, "closed by pages");
    assert!(health(&running.gaps).contains("no gaps"));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_half_closed_is_gone_on_with_by_the_next_process() {
    let publisher = Arc::new(FakePublisher::new(10));
    let script = Script::new([told(&[4, 3], 0.5)]);
    let running = start([cut()], Some(script), &publisher);
    running.figures(|figures| figures.published == 4).await;
    states(&running.gaps, &[GapState::Repairing]).await;
    assert!(health(&running.gaps).contains("1 gap is being closed"));
    // Killed, once the place of the walk is kept: in ten seconds.
    sleep(Duration::from_secs(15)).await;
    running.task.abort();

    let script = Script::new([ENDED, told(&[2], 0.9), ENDED]);
    let next = feed([FeedEvent::Connected, heard(10, 20)]);
    let running = start([next], Some(Arc::clone(&script)), &publisher);
    states(&running.gaps, &[GapState::Closed, GapState::Closed]).await;
    let place = MatchId::try_new(4).ok();
    let mut asked = script.walks();
    asked.sort_by_key(|(from, ..)| *from);
    assert_eq!(asked, [(at(0), at(10), place), (at(15), at(20), None)]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_kept_though_the_process_is_killed_a_second_later() {
    let publisher = Arc::new(FakePublisher::new(10));
    let feed = FakeSource::new([FeedEvent::Connected, heard(1, 0), lost()]);
    let feed = (feed.0.named(STREAM), feed.1);
    let running = start([feed], None, &publisher);
    states(&running.gaps, &[GapState::Open]).await;
    sleep(Duration::from_secs(2)).await;
    running.task.abort();
    assert_eq!(publisher.checkpoints()[0].0, GAPS);

    // Nobody can look back: it is lost as soon as its end is known.
    let feed = FakeSource::new([FeedEvent::Connected, heard(2, 5)]);
    let feed = (feed.0.named(STREAM), feed.1);
    let running = start([feed], None, &publisher);
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
    let mut running = start([feed], None, &publisher);
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
        let mut running = start(feeds, None, &publisher);
        for feed in &mut running.feeds {
            feed.exhausted().await;
        }
        let gap = running.snapshot().gaps.gaps.remove(0);
        assert_eq!(gap.state, expected, "{gap:?}");
        assert!(gap.detail.ends_with("by sequence") || gap.detail.starts_with("sequence"));
        running.stop().await;
    }
}
