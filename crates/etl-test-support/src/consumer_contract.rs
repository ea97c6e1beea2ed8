//! What every member of a consumer group must do, as one suite of checks.
//!
//! Each check wants a [`Group`] of its own that nobody has read for yet.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etl_application::Record;
use etl_application::ports::{ConsumerEvent, Positions, RecordConsumer, TopicPartition};
use tokio::time::timeout;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a wait lasts that is given up.
const IMPATIENCE: Duration = Duration::from_millis(1);
/// How many records arrive at a time.
const RECORDS: usize = 12;

/// A group under test: topics from whose beginning it reads, and a way in.
#[async_trait]
pub trait Group: Send + Sync {
    /// So many more records arrive, in several partitions.
    async fn arrive(&self, count: usize);

    /// A further member.
    async fn join(&self) -> Arc<dyn RecordConsumer>;
}

/// The records of a partition come in their order, each once, though whoever
/// waits for them gives up now and then; and after the end there is nothing.
pub async fn each_record_comes_once_and_in_order(group: &dyn Group) {
    let member = group.join().await;
    let mut read = Read::default();
    for round in 1..=3 {
        group.arrive(RECORDS).await;
        while read.count() < round * RECORDS {
            match timeout(IMPATIENCE, member.next()).await {
                Ok(event) => read.take_only_records(event),
                Err(_) => read.take_only_records(next(&*member).await),
            }
        }
    }
    member.close().await;
    assert!(next(&*member).await.is_none(), "it is closed");
    assert_eq!(read.count(), 3 * RECORDS);
}

/// Who joins goes on where the group is, and a partition that nobody has is
/// left out of a commit silently.
pub async fn the_next_member_goes_on_where_it_was_committed(group: &dyn Group) {
    let first = group.join().await;
    group.arrive(RECORDS).await;
    let mut read = Read::default();
    while read.count() < RECORDS {
        read.take_only_records(next(&*first).await);
    }
    for position in read.0.values_mut() {
        *position /= 2;
    }
    let mut positions = read.0.clone();
    let nobodys = TopicPartition {
        topic: Arc::from("nobody's topic"),
        partition: 99,
    };
    positions.insert(nobodys, 4);
    let committed = first.commit(&positions).await;
    committed.expect("what is not the member's is left out");
    first.close().await;

    let second = group.join().await;
    while read.count() < RECORDS {
        read.take_only_records(next(&*second).await);
    }
    second.close().await;
}

/// A partition that moves is committed by whoever had it before whoever gets it
/// reads the first record: so each record is read once.
pub async fn a_partition_is_let_go_before_it_is_read_on(group: &dyn Group) {
    let first = group.join().await;
    group.arrive(RECORDS).await;
    let mut read = Read::default();
    while read.count() < RECORDS {
        read.take_only_records(next(&*first).await);
    }

    let second = group.join().await;
    let (mut moved, mut by_second, mut arrived) = (false, false, RECORDS);
    while !by_second || read.count() < arrived {
        if moved && read.count() == arrived {
            // None of them was in a partition that has moved.
            group.arrive(RECORDS).await;
            arrived += RECORDS;
        }
        tokio::select! {
            event = next(&*first) => match event {
                Some(ConsumerEvent::Revoked { partitions, release }) => {
                    let positions = read.of(&partitions);
                    first.commit(&positions).await.expect("they are the member's still");
                    drop(release);
                    moved = true;
                }
                other => read.take_only_records(other),
            },
            event = next(&*second) => {
                by_second |= moved;
                read.take_only_records(event);
            }
        }
    }
    first.close().await;
    second.close().await;
}

/// How far each partition has been read, by whomever.
#[derive(Default)]
struct Read(Positions);

impl Read {
    fn count(&self) -> usize {
        let read: i64 = self.0.values().sum();
        usize::try_from(read).expect("offsets are not negative")
    }

    fn of(&self, partitions: &[TopicPartition]) -> Positions {
        let of = partitions
            .iter()
            .filter_map(|one| self.0.get_key_value(one));
        of.map(|(one, position)| (one.clone(), *position)).collect()
    }

    fn take_only_records(&mut self, event: Option<ConsumerEvent>) {
        match event {
            Some(ConsumerEvent::Records(records)) => {
                assert!(
                    !records.is_empty(),
                    "records have arrived, and none is there"
                );
                for record in &records {
                    self.take(record);
                }
            }
            other => panic!("nothing but records is due: {other:?}"),
        }
    }

    fn take(&mut self, record: &Record) {
        let position = self.0.entry(record.from.clone()).or_default();
        assert_eq!(record.offset, *position, "of {:?}", record.from);
        *position += 1;
    }
}

async fn next(member: &dyn RecordConsumer) -> Option<ConsumerEvent> {
    let event = timeout(PATIENCE, member.next()).await;
    event.expect("something happens")
}
