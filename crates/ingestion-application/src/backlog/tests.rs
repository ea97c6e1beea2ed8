//! The backlog between mocks, and its state beside the most obvious model.

use domain::{MatchId, Timestamp};
use health_kit::SystemClock;

use super::*;
use crate::ports::{JournalEntry, JournalFigures, MockJournal, MockMessagePublisher, Recovered};

const FEED: SourceName = SourceName::new("feed");

fn batch(ids: &[i64]) -> ReceivedBatch {
    let id = |raw: &i64| MatchId::try_new(*raw).expect("the tests use valid ids");
    ReceivedBatch {
        received_at: Timestamp::from_unix_ms(0),
        frames: ids.iter().map(|raw| Ok(id(raw).into())).collect(),
        checkpoint: None,
        passed_over: 0,
    }
}

/// A journal that has all the room there is.
const EMPTY: JournalFigures = JournalFigures {
    bytes: 0,
    room: u64::MAX,
    oldest: None,
    lost: 0,
};

fn backlog(
    mut journal: MockJournal,
    publisher: MockMessagePublisher,
) -> (Arc<Backlog>, BacklogWork) {
    journal.expect_figures().return_const(EMPTY);
    backlog_over(Arc::new(journal), publisher)
}

fn backlog_over(
    journal: Arc<dyn Journal>,
    publisher: MockMessagePublisher,
) -> (Arc<Backlog>, BacklogWork) {
    let clock = Arc::new(SystemClock);
    Backlog::new(
        BacklogSettings {
            dedup_window_size: 10,
            has_summaries: false,
            may_stand_by: false,
            limits: BacklogLimits::DEFAULT,
        },
        journal,
        Arc::new(publisher),
        Arc::new(Ledger::new(clock.clone())),
        clock,
    )
}

#[tokio::test]
async fn a_publisher_that_stops_ends_the_work_and_the_journal_gets_all() {
    let mut publisher = MockMessagePublisher::new();
    publisher.expect_published().returning(|_| Ok(Vec::new()));
    publisher.expect_publish().once().returning(|_, _| {
        Err(PublishError::Fenced {
            reason: "by a later start".to_owned(),
        })
    });
    let mut journal = MockJournal::new();
    journal
        .expect_recover()
        .returning(|| Ok(Recovered::default()));
    journal
        .expect_append()
        .withf(|entries| entries.iter().map(|entry| entry.sequence).eq([1, 2]))
        .once()
        .returning(|_| Ok(()));

    let (backlog, work) = backlog(journal, publisher);
    backlog.receive(FEED, batch(&[7, 8]));
    let ended = work.run().await;
    assert_eq!(
        ended.expect_err("it cannot go on").to_string(),
        "matches cannot be published any more: another instance has taken over: by a later start"
    );
    assert_eq!(backlog.close(Duration::from_secs(1)).await, 0);
    let figures = backlog.ledger.figures();
    assert_eq!((figures.received, figures.pending), (2, 2));
    assert_eq!(figures.check(), Ok(()));
}

#[tokio::test]
async fn what_was_left_behind_is_pending_and_published_if_it_is_in_the_topic() {
    let mut publisher = MockMessagePublisher::new();
    let in_the_topic = || {
        let frames = batch(&[1, 2]).frames.into_iter();
        frames.flatten().map(|found| found.id()).collect()
    };
    publisher
        .expect_published()
        .returning(move |_| Ok(in_the_topic()));
    publisher.expect_publish().returning(|message, receipt| {
        assert!(matches!(message, crate::ports::Message::Match(found) if found.id.get() == 3));
        receipt.published();
        Ok(())
    });
    let mut journal = MockJournal::new();
    journal.expect_recover().returning(|| {
        Ok(Recovered {
            pending: vec![(FEED, 2)],
            first: Some(5),
            next_sequence: 8,
            lost: 0,
        })
    });
    journal.expect_read().once().returning(|from, _| {
        assert_eq!(from, 5);
        let entry = |sequence, raw: i64| JournalEntry {
            sequence,
            message: crate::ports::Message::Match(crate::ReceivedMatch {
                id: MatchId::try_new(raw).expect("the tests use valid ids"),
                source: FEED,
                received_at: Timestamp::from_unix_ms(0),
            }),
        };
        Ok(vec![entry(5, 2), entry(7, 3)])
    });
    journal
        .expect_acknowledge()
        .withf(|sequences| sequences == [5, 7])
        .once()
        .returning(|_| Ok(()));

    let (backlog, _work) = backlog(journal, publisher);
    backlog.recover().await;
    assert_eq!(backlog.ledger.figures().pending, 2);
    // Received before the topic was read, and deduplicated after it.
    backlog.receive(FEED, batch(&[1]));
    tokio::select! {
        ended = backlog.send_for_ever() => panic!("{ended:?}"),
        () = backlog.drained() => {}
    }
    backlog.acknowledge().await;
    let figures = backlog.ledger.figures();
    assert_eq!(
        (figures.received, figures.published, figures.duplicates),
        (3, 2, 1)
    );
    assert_eq!(figures.check(), Ok(()));
}

#[tokio::test]
async fn a_match_that_was_refused_is_no_duplicate_when_it_comes_again() {
    let mut publisher = MockMessagePublisher::new();
    publisher.expect_published().returning(|_| Ok(Vec::new()));
    let mut is_refused = true;
    publisher
        .expect_publish()
        .times(2)
        .returning(move |_, receipt| {
            if std::mem::take(&mut is_refused) {
                receipt.dead_lettered(crate::DeadLetterReason::RefusedByKafka);
            } else {
                receipt.published();
            }
            Ok(())
        });
    let mut journal = MockJournal::new();
    journal
        .expect_recover()
        .returning(|| Ok(Recovered::default()));
    let (backlog, work) = backlog(journal, publisher);
    let running = tokio::spawn(work.run());
    let expected = [(1, 0, 0, 1), (2, 1, 0, 1), (3, 1, 1, 1)];
    for (received, published, duplicates, dead_lettered) in expected {
        backlog.receive(FEED, batch(&[7]));
        backlog.drained().await;
        let expected = crate::LedgerFigures {
            received,
            published,
            duplicates,
            dead_lettered,
            pending: 0,
        };
        assert_eq!(backlog.ledger.figures(), expected);
    }
    running.abort();
}

/// Does not answer when it is told for the first time what is settled.
#[derive(Default)]
struct SlowJournal {
    told: Mutex<Vec<Vec<u64>>>,
}

#[async_trait::async_trait]
impl Journal for SlowJournal {
    async fn recover(&self) -> Result<Recovered, JournalError> {
        Ok(Recovered::default())
    }

    async fn append(&self, _: &[JournalEntry]) -> Result<(), JournalError> {
        Ok(())
    }

    async fn acknowledge(&self, sequences: &[u64]) -> Result<(), JournalError> {
        let is_first = {
            let mut told = self.told.lock().expect("no test panics while it tells");
            told.push(sequences.to_vec());
            told.len() == 1
        };
        if is_first {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn read(&self, _: u64, _: usize) -> Result<Vec<JournalEntry>, JournalError> {
        Ok(Vec::new())
    }

    fn figures(&self) -> JournalFigures {
        EMPTY
    }
}

#[tokio::test]
async fn what_the_journal_was_being_told_when_the_work_ended_is_told_again() {
    let journal = Arc::new(SlowJournal::default());
    let (backlog, _work) = backlog_over(journal.clone(), MockMessagePublisher::new());
    backlog.lock().keep_acknowledged(vec![5, 7]);
    tokio::select! {
        biased;
        () = backlog.acknowledge() => panic!("the journal does not answer"),
        () = std::future::ready(()) => {}
    }
    backlog.acknowledge().await;
    // Now there is nothing left to tell.
    backlog.acknowledge().await;
    let told = journal.told.lock().expect("no test panics while it tells");
    assert_eq!(*told, [[5, 7], [5, 7]]);
}

#[tokio::test]
async fn what_a_publisher_drops_is_sent_again() {
    let mut publisher = MockMessagePublisher::new();
    publisher.expect_published().returning(|_| Ok(Vec::new()));
    let mut drops = 3;
    publisher
        .expect_publish()
        .times(5)
        .returning(move |_, receipt| {
            if drops > 0 {
                drops -= 1;
                drop(receipt);
            } else {
                receipt.published();
            }
            Ok(())
        });
    let mut journal = MockJournal::new();
    journal
        .expect_recover()
        .returning(|| Ok(Recovered::default()));
    let (backlog, work) = backlog(journal, publisher);
    let running = tokio::spawn(work.run());
    backlog.receive(FEED, batch(&[7, 8]));
    timeout(Duration::from_secs(3), backlog.drained())
        .await
        .expect("what comes back is sent at once");
    let figures = backlog.ledger.figures();
    assert_eq!((figures.published, figures.pending), (2, 0));
    assert_eq!(figures.check(), Ok(()));
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_vanishes_on_its_way_shows_as_an_imbalance() {
    let mut publisher = MockMessagePublisher::new();
    publisher.expect_published().returning(|_| Ok(Vec::new()));
    let mut journal = MockJournal::new();
    journal.expect_recover().returning(|| {
        Ok(Recovered {
            pending: vec![(FEED, 2)],
            first: Some(1),
            next_sequence: 3,
            lost: 0,
        })
    });
    // The journal has held two, and gives none.
    journal.expect_read().returning(|_, _| Ok(Vec::new()));
    let (backlog, work) = backlog(journal, publisher);
    let running = tokio::spawn(work.run());
    sleep(2 * WATCH_INTERVAL).await;
    let figures = backlog.ledger.figures();
    assert_eq!((figures.received, figures.pending), (2, 0));
    assert!(figures.check().is_err(), "counted where the messages are");
    running.abort();
}

/// Takes everything and never writes it, with as much room as it is told.
struct StuckJournal {
    room: u64,
}

#[async_trait::async_trait]
impl Journal for StuckJournal {
    async fn recover(&self) -> Result<Recovered, JournalError> {
        Ok(Recovered::default())
    }

    async fn append(&self, _: &[JournalEntry]) -> Result<(), JournalError> {
        std::future::pending().await
    }

    async fn acknowledge(&self, _: &[u64]) -> Result<(), JournalError> {
        Ok(())
    }

    async fn read(&self, _: u64, _: usize) -> Result<Vec<JournalEntry>, JournalError> {
        Ok(Vec::new())
    }

    fn figures(&self) -> JournalFigures {
        JournalFigures {
            room: self.room,
            ..EMPTY
        }
    }
}

/// A publisher that acknowledges nothing.
fn mute_publisher() -> MockMessagePublisher {
    let mut publisher = MockMessagePublisher::new();
    publisher.expect_published().returning(|_| Ok(Vec::new()));
    publisher.expect_publish().returning(|_, receipt| {
        std::mem::forget(receipt);
        Ok(())
    });
    publisher
}

#[tokio::test(start_paused = true)]
async fn feeds_are_not_read_when_the_disk_has_not_taken_what_came_600_ms_ago() {
    let journal = Arc::new(StuckJournal { room: u64::MAX });
    let (backlog, work) = backlog_over(journal, mute_publisher());
    let running = tokio::spawn(work.run());
    backlog.room().await;
    backlog.receive(FEED, batch(&[7]));
    sleep(Duration::from_millis(590)).await;
    assert!(backlog.has_room(), "just in time");
    sleep(Duration::from_millis(70)).await;
    assert!(!backlog.has_room(), "looked at every 50 ms");
    assert_eq!(backlog.checks()[0].status, HealthStatus::Unhealthy);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_room_waits_until_there_is_some_whatever_changes_meanwhile() {
    let (backlog, work) = backlog_over(Arc::new(StuckJournal { room: 0 }), mute_publisher());
    let running = tokio::spawn(work.run());
    // Those who wait are woken at every look at the journal.
    let many_looks = 20 * WATCH_INTERVAL;
    sleep(WATCH_INTERVAL).await;
    let waited = timeout(many_looks, backlog.room()).await;
    assert!(waited.is_err(), "a feed has no room");
    let waited = timeout(many_looks, backlog.accept(FEED, || batch(&[7]))).await;
    assert!(waited.is_err(), "what is handed in has none");
    assert_eq!(backlog.ledger.figures().received, 0);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_in_while_the_drain_begins_is_not_taken() {
    let journal = Arc::new(StuckJournal { room: u64::MAX });
    let (backlog, work) = backlog_over(journal, mute_publisher());
    let running = tokio::spawn(work.run());
    let accepted = backlog.accept(FEED, || {
        backlog.accept_no_more();
        batch(&[7])
    });
    let refused = Err(NotAccepted::Draining);
    assert_eq!(
        accepted.await,
        refused,
        "asked again when the batch is made"
    );
    assert_eq!(backlog.ledger.figures().received, 0);
    running.abort();
}
