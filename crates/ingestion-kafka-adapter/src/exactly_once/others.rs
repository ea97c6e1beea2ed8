//! Whether somebody else has written matches since this process has.
//!
//! A new producer fences every other one of its transactional id, also that
//! of an instance which was started later, while this one was suspended or cut
//! off. Such an instance has published matches of which this one knows nothing,
//! so this one would publish them again. Nothing but the topic tells: whatever
//! consumers see there behind the last match of this process is another's.

use std::sync::Arc;

use kafka_kit::{
    error_code::code_of,
    reader::{Next, Reader},
    undecided::{EndOffsets, Hidden},
};
use rdkafka::{ClientConfig, Message as _, error::RDKafkaErrorCode};
use tokio::time::{Duration, Instant};

use crate::{
    delivery::trouble::Trouble,
    exactly_once::{
        transaction_queue::TransactionQueue,
        writer_end::{Stopped, WriterEnd},
    },
    settings::KafkaSettings,
    topic::end_offsets::lies_before,
};

const STEP: Duration = Duration::from_millis(100);
/// Before a look that told nothing is followed by another.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// One look may take so long: what lies behind the last match is little, as a
/// look that finds nothing is not repeated for the same offsets.
const LOOK_TIME_MAX: Duration = Duration::from_mins(1);
/// … and so long when nothing depends on it.
const GLANCE_TIME_MAX: Duration = Duration::from_secs(2);
/// Brokers say after so long that there is nothing more.
const END_KNOWN_AFTER_MS: &str = "5";
/// When it is not known for so long, that is worth a word.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// Looks into the topic of matches.
pub(crate) struct Others {
    config: ClientConfig,
    topic: String,
    bootstrap_servers: String,
    trouble: Arc<Trouble>,
    queue: Arc<TransactionQueue>,
    /// Where matches end that are ours, or were there before us; none before
    /// the first look.
    ours: Option<EndOffsets>,
}

/// What a look has told.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Nobody else has written; and up to where that is known.
    Nothing(EndOffsets),
    /// A record that is not ours.
    Record { partition: i32, offset: i64 },
    /// Not everything could be read, or is decided; and what is hidden, if that is why.
    NotYet(Option<Hidden>),
}

impl Others {
    pub(crate) fn new(
        settings: &KafkaSettings,
        trouble: Arc<Trouble>,
        queue: Arc<TransactionQueue>,
    ) -> Self {
        let mut config = Reader::config(&settings.client);
        config.set("fetch.wait.max.ms", END_KNOWN_AFTER_MS);
        Self {
            config,
            topic: settings.publish_topic.clone(),
            bootstrap_servers: settings.client.bootstrap_servers.clone(),
            trouble,
            queue,
            ours: None,
        }
    }

    /// These of our matches were delivered last, whether they are committed or
    /// not. A lower offset than before is that of a topic made anew.
    pub(crate) fn delivered(&mut self, ends: EndOffsets) {
        if let Some(ours) = &mut self.ours {
            ours.extend(ends);
        }
    }

    /// Whether these of our matches are in a topic made anew.
    pub(crate) fn is_made_anew(&self, ends: &EndOffsets) -> bool {
        self.ours
            .as_ref()
            .is_some_and(|ours| lies_before(ends, ours))
    }

    /// Before a producer is opened: spares a successor that can be seen already.
    /// When nothing can be told, [`check`](Self::check) tells later.
    ///
    /// # Errors
    /// [`End::Fenced`] when somebody else has written.
    pub(crate) fn glance(&self) -> Result<(), WriterEnd> {
        if self.ours.is_none() {
            return Ok(());
        }
        match self.look(GLANCE_TIME_MAX) {
            Ok(Seen::Record { partition, offset }) => Err(self.fenced(partition, offset)),
            Ok(Seen::Nothing(_) | Seen::NotYet(_)) | Err(_) => Ok(()),
        }
    }

    /// After a producer was opened, which seals the fate of all that its
    /// predecessors have written, and before anything is sent through it.
    /// Looks until it is known; the first time what is there is taken as known.
    ///
    /// # Errors
    /// [`End::Fenced`] when somebody else has written, and [`End::Stopped`]
    /// before that is known.
    pub(crate) fn check(&mut self) -> Result<(), WriterEnd> {
        let begun = Instant::now();
        loop {
            let (code, hidden) = match self.look(LOOK_TIME_MAX) {
                Ok(Seen::Nothing(ends)) => {
                    self.trouble.set_reading(None);
                    self.ours.get_or_insert_default().extend(ends);
                    return Ok(());
                }
                Ok(Seen::Record { partition, offset }) => {
                    return Err(self.fenced(partition, offset));
                }
                Ok(Seen::NotYet(hidden)) => (None, hidden),
                Err(code) => (Some(code), None),
            };
            self.queue.check_stop()?;
            self.trouble.set_reading(code);
            if begun.elapsed() > KNOWN_WITHIN {
                self.explain(code, hidden);
            }
            self.sleep()?;
        }
    }

    fn look(&self, time_max: Duration) -> Result<Seen, RDKafkaErrorCode> {
        let over_at = Instant::now() + time_max;
        let mut config = self.config.clone();
        config.set("isolation.level", "read_uncommitted");
        // It reads nothing, and without a group it is gone at once.
        config.remove("group.id");
        let everything = self.reader(&config)?;
        let partitions = match everything.partitions() {
            // Nobody has written to a topic that is not there.
            Err(RDKafkaErrorCode::UnknownTopicOrPartition) => {
                return Ok(Seen::Nothing(EndOffsets::new()));
            }
            found => found?,
        };
        let mut ends = EndOffsets::new();
        let mut unread = EndOffsets::new();
        for partition in partitions {
            if self.queue.check_stop().is_err() {
                return Ok(Seen::NotYet(None));
            }
            let (first, end) = everything.range(partition)?;
            ends.insert(partition, end);
            if let Some(ours) = &self.ours {
                let begin = begin(ours.get(&partition).copied(), first, end);
                unread.extend((begin < end).then_some((partition, begin)));
            }
        }
        if unread.is_empty() {
            return Ok(Seen::Nothing(ends));
        }
        let (mut hidden, committed) = (None::<Hidden>, self.reader(&self.config)?);
        for &partition in unread.keys() {
            let (end, (_, from)) = (ends[&partition], committed.range(partition)?);
            // Behind an open transaction of another id nothing can be read.
            if from < end {
                hidden = Some(Hidden::with(hidden, partition, from, end));
            }
        }
        committed.seek(unread.clone())?;
        while !unread.is_empty() && Instant::now() < over_at {
            if self.queue.check_stop().is_err() {
                return Ok(Seen::NotYet(None));
            }
            match committed.next(STEP)? {
                Next::Record(record) => {
                    let (partition, offset) = (record.partition(), record.offset());
                    if unread.get(&partition).is_some_and(|begin| offset >= *begin) {
                        return Ok(Seen::Record { partition, offset });
                    }
                }
                Next::End(partition) => {
                    unread.remove(&partition);
                }
                Next::Nothing => {}
            }
        }
        let is_whole = hidden.is_none() && unread.is_empty();
        Ok(if is_whole {
            Seen::Nothing(ends)
        } else {
            Seen::NotYet(hidden)
        })
    }

    fn reader(&self, config: &ClientConfig) -> Result<Reader, RDKafkaErrorCode> {
        Reader::open(config, &self.topic).map_err(|error| code_of(&error))
    }

    fn sleep(&self) -> Result<(), Stopped> {
        self.queue.sleep(LOOK_AGAIN_AFTER)
    }

    /// Says in health what is waited for.
    fn explain(&self, code: Option<RDKafkaErrorCode>, hidden: Option<Hidden>) {
        let topic = &self.topic;
        let why = match (code, hidden) {
            (Some(code), _) => code.to_string(),
            (None, Some(hidden)) => hidden.explain(topic, &self.bootstrap_servers),
            (None, None) => "its end is not reached yet".to_owned(),
        };
        let reason = format!(
            "nothing is sent until it is known whether another instance has written to topic \
             {topic}: {why}"
        );
        self.trouble.set_transactions(Some(reason));
    }

    fn fenced(&self, partition: i32, offset: i64) -> WriterEnd {
        let topic = &self.topic;
        WriterEnd::Fenced(format!(
            "it has written to topic {topic} since this one last did (partition {partition}, \
             offset {offset})"
        ))
    }
}

/// Where other people's records would begin.
fn begin(ours: Option<i64>, first: i64, end: i64) -> i64 {
    match ours {
        // Ours have gone with the topic, which was made anew: none of these is ours.
        Some(ours) if ours > end => first,
        Some(ours) => ours.max(first),
        // The topic has grown, or was made after us.
        None => first,
    }
}

#[cfg(test)]
mod tests {
    use kafka_test_kit::{shared_broker, unique_topic};
    use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
    use tokio::task::block_in_place;

    use super::*;
    use crate::exactly_once::committed::tests::{PATIENCE, write};

    /// A producer under a transactional id.
    fn open(settings: &KafkaSettings, id: &str) -> ThreadedProducer<DefaultProducerContext> {
        let mut config = settings.producer_config();
        config.set("transactional.id", id);
        let producer: ThreadedProducer<_> = config.create().expect("these are fine");
        let opened = producer.init_transactions(PATIENCE);
        opened.expect("the broker answers");
        producer
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn matches_of_others_are_told_from_ours_and_from_what_is_not_committed() {
        let broker = shared_broker().await.expect("a broker can be started");
        let topic = unique_topic("others");
        let settings = KafkaSettings {
            publish_topic: topic.clone(),
            ..KafkaSettings::at(broker.bootstrap_servers())
        };
        let trouble = Arc::new(Trouble::default());
        let queue = Arc::new(TransactionQueue::new());
        let mut others = Others::new(&settings, trouble, queue);
        let found = block_in_place(|| others.check());
        assert_eq!(found, Ok(()), "a topic that is not there");
        let created = broker.create_topic(&topic, 1, &[]).await;
        created.expect("it is new");
        block_in_place(|| {
            assert_eq!(others.check(), Ok(()), "an empty topic");
            let producer = open(&settings, &topic);
            // Every transaction is followed by a marker, at offsets 2, 5 and 7.
            write(&producer, &topic, &[1, 2], true);
            others.delivered(EndOffsets::from([(0, 2)]));
            assert_eq!(others.check(), Ok(()), "ours");
            write(&producer, &topic, &[3, 4], false);
            assert_eq!(others.check(), Ok(()), "aborted");
            write(&producer, &topic, &[5], true);
            let fenced = others.fenced(0, 6);
            assert_eq!(others.glance(), Err(fenced.clone()), "another's");
            assert_eq!(others.check(), Err(fenced));
            others.delivered(EndOffsets::from([(0, 7)]));
            assert_eq!(others.check(), Ok(()), "ours, as we hear late");

            let open = open(&settings, &format!("{topic}-open"));
            open.begin_transaction().expect("it is open");
            let record = BaseRecord::<(), _>::to(&topic).payload("{}");
            open.send(record).map_err(|_| ()).expect("there is room");
            open.flush(PATIENCE).expect("the broker takes it");
            write(&producer, &topic, &[6], true);
            let seen = others.look(Duration::from_secs(1));
            // The brokers answer before they have written the marker at 10.
            let expected = [10, 11].map(|end| {
                Ok(Seen::NotYet(Some(Hidden {
                    partition: 0,
                    from: 8,
                    end,
                    further: 0,
                })))
            });
            assert!(expected.contains(&seen), "hidden by an open one: {seen:?}");
            assert_eq!(others.glance(), Ok(()));
            let aborted = open.abort_transaction(PATIENCE);
            aborted.expect("the broker answers");
            assert_eq!(others.check(), Err(others.fenced(0, 9)), "in sight again");
        });
    }

    #[test]
    fn a_topic_made_anew_holds_nothing_of_ours() {
        assert_eq!(begin(Some(7), 0, 9), 7);
        assert_eq!(begin(Some(7), 0, 7), 7);
        assert_eq!(begin(Some(7), 0, 6), 0, "made anew");
        assert_eq!(begin(Some(7), 8, 9), 8, "ours are too old to be there");
        assert_eq!(begin(None, 0, 9), 0, "a new partition");
    }
}
