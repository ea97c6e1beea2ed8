//! The backlog between mocks, and its state beside the most obvious model.

use domain::{MatchId, Timestamp};
use health_kit::SystemClock;

use super::*;
use crate::ports::{JournalEntry, JournalFigures, MockJournal, MockMessagePublisher, Recovered};

const FEED: SourceName = SourceName::new("feed");

fn batch(ids: &[i64]) -> ReceivedBatch {
    let id = |raw: &i64| Ok(MatchId::try_new(*raw).expect("the tests use valid ids"));
    ReceivedBatch {
        received_at: Timestamp::from_unix_ms(0),
        frames: ids.iter().map(id).collect(),
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
    let clock = Arc::new(SystemClock);
    Backlog::new(
        BacklogSettings {
            dedup_window_size: 10,
            limits: BacklogLimits::DEFAULT,
        },
        Arc::new(journal),
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
    let in_the_topic = || batch(&[1, 2]).frames.into_iter().flatten().collect();
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
    let clock = Arc::new(SystemClock);
    let (backlog, _work) = Backlog::new(
        BacklogSettings {
            dedup_window_size: 10,
            limits: BacklogLimits::DEFAULT,
        },
        journal.clone(),
        Arc::new(MockMessagePublisher::new()),
        Arc::new(Ledger::new(clock.clone())),
        clock,
    );
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
