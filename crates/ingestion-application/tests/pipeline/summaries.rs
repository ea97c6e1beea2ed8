//! What feeds know beside ids, and where they go on in another process.

use std::sync::Arc;

use ingestion_application::{
    Checkpoint, LedgerFigures, SourceName,
    ports::{FeedEvent, Message, MessagePublisher as _, ReceivedBatch},
};
use ingestion_test_support::{
    journal::FakeJournal,
    publisher::FakePublisher,
    source::{FAKE_SOURCE, FakeSource, batch, received, summaries},
};

use crate::support::{DEADLINE, Running};

const OTHER: SourceName = SourceName::new("other_source");

fn place(text: &str) -> Checkpoint {
    Checkpoint::try_new(text).expect("it is short")
}

fn at(batch: ReceivedBatch, text: &str) -> FeedEvent {
    FeedEvent::Received(ReceivedBatch {
        checkpoint: Some(place(text)),
        ..batch
    })
}

/// Each summary that has arrived, and whether its id has come with it.
fn told(publisher: &FakePublisher) -> Vec<(i64, &'static str, bool)> {
    let told = publisher.arrived().into_iter().filter_map(|message| {
        let Message::Summary(told) = message else {
            return None;
        };
        let id = told.summary.match_id.get();
        Some((id, told.source.as_str(), told.is_id_new))
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn a_known_id_is_a_duplicate_and_what_another_source_knows_of_it_is_news() {
    let publisher = Arc::new(FakePublisher::new(100));
    let feeds = [
        // Says everything twice.
        FakeSource::new([summaries(&[1, 2]), summaries(&[2, 1])].map(FeedEvent::Received)),
        FakeSource::new([received(&[2]), FeedEvent::Received(summaries(&[3]))]),
    ];
    let [first, (second, observer)] = feeds;
    let feeds = [first, (second.named(OTHER), observer)];
    let journal = Arc::new(FakeJournal::new());
    let running = Running::start_feeds(feeds, publisher.clone(), journal);
    running
        .figures(|figures| figures.received == 6 && figures.pending == 0)
        .await;
    let expected = LedgerFigures {
        received: 6,
        published: 3,
        duplicates: 3,
        ..LedgerFigures::default()
    };
    assert_eq!(running.ledger.figures(), expected);
    let mut told = told(&publisher);
    told.sort_unstable();
    let told: Vec<_> = told.iter().map(|(id, source, _)| (*id, *source)).collect();
    let (fake, other) = (FAKE_SOURCE.as_str(), OTHER.as_str());
    assert_eq!(told, [(1, fake), (2, fake), (3, other)], "each once");
    let ids = publisher.published(100).await.expect("it publishes");
    assert_eq!(ids.len(), 3, "each id once: {ids:?}");
    let snapshot = running.snapshot();
    let of = |name| snapshot.sources.iter().find(|row| row.source == name);
    assert_eq!(of(FAKE_SOURCE).map(|row| row.summaries), Some(2));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_two_sources_know_of_a_match_is_published_for_each() {
    let publisher = Arc::new(FakePublisher::new(100));
    let script = || FakeSource::new([FeedEvent::Received(summaries(&[7, 8]))]);
    let (other, observer) = script();
    let feeds = [script(), (other.named(OTHER), observer)];
    let journal = Arc::new(FakeJournal::new());
    let running = Running::start_feeds(feeds, publisher.clone(), journal);
    running
        .figures(|figures| figures.received == 4 && figures.pending == 0)
        .await;
    let told = told(&publisher);
    assert_eq!(told.len(), 4, "{told:?}");
    let with_id = told.iter().filter(|(.., is_id_new)| *is_id_new);
    assert_eq!(with_id.count(), 2, "each id once: {told:?}");
    let figures = running.ledger.figures();
    assert_eq!((figures.published, figures.duplicates), (2, 2));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_knew_is_published_once_and_not_what_it_had_published() {
    let journal = Arc::new(FakeJournal::new());
    let publisher = Arc::new(FakePublisher::new(100));
    publisher.hold();
    let script = [FeedEvent::Received(summaries(&[1, 2, 3])), received(&[4])];
    let running = Running::start_feed(FakeSource::new(script), publisher.clone(), journal.clone());
    running.figures(|figures| figures.pending == 4).await;
    let written = async {
        while journal.entries().len() < 4 {
            tokio::task::yield_now().await;
            tokio::time::sleep(crate::support::ASK_AGAIN_AFTER).await;
        }
    };
    tokio::time::timeout(DEADLINE, written)
        .await
        .expect("what waits is written");
    running.task.abort();
    // Two of them are in the topic, though nobody was told.
    let next = Arc::new(FakePublisher::new(100));
    let done = Running::start(
        [FeedEvent::Received(summaries(&[1, 2])), received(&[9])],
        next.clone(),
    );
    done.figures(|figures| figures.published == 3).await;
    done.stop().await;

    let running = Running::start_feed(
        FakeSource::new([FeedEvent::Received(summaries(&[3]))]),
        next.clone(),
        journal,
    );
    running.figures(|figures| figures.received == 5).await;
    running.settled().await;
    let told: Vec<_> = told(&next).iter().map(|(id, ..)| *id).collect();
    assert_eq!(told, [1, 2, 3], "each once");
    let figures = running.ledger.figures();
    assert_eq!((figures.published, figures.duplicates), (4, 1));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_place_is_kept_when_everything_before_it_is_settled_and_the_next_process_gets_it() {
    let publisher = Arc::new(FakePublisher::new(100));
    publisher.hold();
    let script = [
        FeedEvent::Connected,
        at(summaries(&[1, 2]), "after 2"),
        // All of it known, and pending.
        at(summaries(&[2]), "after 2 again"),
        at(batch(&[]), "after nothing"),
        FeedEvent::Received(ReceivedBatch {
            passed_over: 3,
            ..batch(&[])
        }),
    ];
    let (source, mut observer) = FakeSource::new(script);
    let journal = Arc::new(FakeJournal::new());
    let feed = (source.keeping_its_place(), observer.clone());
    let running = Running::start_feed(feed, publisher.clone(), journal.clone());
    observer.exhausted().await;
    assert_eq!(observer.resumed_at(), [None], "there is no place yet");
    tokio::time::sleep(DEADLINE / 4).await;
    assert_eq!(publisher.checkpoints(), [], "nothing is settled");
    publisher.release();
    let kept = async {
        while publisher.checkpoints() != [(FAKE_SOURCE, place("after nothing"))] {
            tokio::time::sleep(crate::support::ASK_AGAIN_AFTER).await;
        }
    };
    tokio::time::timeout(DEADLINE, kept)
        .await
        .expect("everything is settled");
    let sources = running.snapshot().sources;
    assert_eq!((sources[0].received, sources[0].passed_over), (3, 3));
    running.stop().await;

    let (source, mut observer) = FakeSource::new([]);
    let feed = (source.keeping_its_place(), observer.clone());
    let running = Running::start_feed(feed, publisher, journal);
    observer.exhausted().await;
    assert_eq!(observer.resumed_at(), [Some(place("after nothing"))]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_the_last_place() {
    let publisher = Arc::new(FakePublisher::new(100));
    let (source, mut observer) = FakeSource::new([at(summaries(&[1]), "after 1")]);
    let feed = (source.keeping_its_place(), observer.clone());
    let running = Running::start_feed(feed, publisher.clone(), Arc::new(FakeJournal::new()));
    observer.exhausted().await;
    running.stop().await;
    let expected = [(FAKE_SOURCE, place("after 1"))];
    assert_eq!(publisher.checkpoints(), expected);
}
