//! Reads on in a topic, as its consumers do, while somebody else writes to it.

use kafka_kit::{
    error_code::code_of,
    reader::{Next, Reader},
    undecided::EndOffsets,
};
use rdkafka::{ClientConfig, Message as _, error::RDKafkaErrorCode};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::published_tail::{Decode, NoTail};

/// No call blocks for longer, so that a stop is noticed.
const STEP: Duration = Duration::from_millis(100);
/// What comes soon after something belongs to it: a transaction has several records.
const SOON: Duration = Duration::from_millis(5);
/// So much is told at a time.
const FOUND_MAX: usize = 10_000;
/// How often it is looked whether the topic has more partitions.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A reader of all partitions, and where it is in each.
pub(crate) struct Follower<T> {
    config: ClientConfig,
    topic: String,
    decode: Decode<T>,
    reader: Reader,
    /// Where it goes on: everything before has been told.
    positions: EndOffsets,
    looked_at: Instant,
}

impl<T> Follower<T> {
    /// Goes on at `positions`, and in other partitions where they begin.
    ///
    /// # Errors
    /// What librdkafka or the brokers refuse.
    pub(crate) fn open(
        config: &ClientConfig,
        topic: &str,
        positions: EndOffsets,
        decode: Decode<T>,
    ) -> Result<Self, RDKafkaErrorCode> {
        let reader = Reader::open(config, topic).map_err(|error| code_of(&error))?;
        reader.seek(positions.clone())?;
        Ok(Self {
            config: config.clone(),
            topic: topic.to_owned(),
            decode,
            reader,
            positions,
            looked_at: Instant::now(),
        })
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// What has come since; waits for it, at most `time_max`. Blocks.
    ///
    /// # Errors
    /// When it cannot be said what has come: from here on this tells nothing.
    pub(crate) fn read_on(&mut self, time_max: Duration) -> Result<Vec<T>, RDKafkaErrorCode> {
        let (begun, mut found) = (Instant::now(), Vec::new());
        self.look_for_partitions()?;
        while found.len() < FOUND_MAX {
            let left = time_max.saturating_sub(begun.elapsed());
            let patience = if found.is_empty() {
                left
            } else {
                SOON.min(left)
            };
            match self.reader.next(patience)? {
                Next::Record(record) => {
                    self.positions
                        .insert(record.partition(), record.offset() + 1);
                    found.extend((self.decode)(&record));
                }
                Next::End(_) if !left.is_zero() => {}
                Next::End(_) | Next::Nothing => break,
            }
        }
        Ok(found)
    }

    /// What has come since, to the end that the topic has now: when nobody writes
    /// to it any more and all of it is decided, that is all of it. Blocks.
    ///
    /// # Errors
    /// [`NoTail`] when it is stopped, or when that cannot be said.
    pub(crate) fn finish(self, stop: &CancellationToken) -> Result<Vec<T>, NoTail> {
        // Another reader: this one may have told of the ends already, which is
        // done once.
        let reader = Reader::open(&self.config, &self.topic).map_err(|error| code_of(&error))?;
        let (mut unread, mut begins) = (EndOffsets::new(), EndOffsets::new());
        for partition in reader.partitions()? {
            let (first, end) = reader.range(partition)?;
            let begin = self
                .positions
                .get(&partition)
                .map_or(first, |at| first.max(*at));
            if begin > end {
                // The topic was made anew.
                return Err(NoTail::Refused(RDKafkaErrorCode::OffsetOutOfRange));
            }
            if begin < end {
                unread.insert(partition, end);
                begins.insert(partition, begin);
            }
        }
        reader.seek(begins)?;
        let mut found = Vec::new();
        while !unread.is_empty() {
            if stop.is_cancelled() {
                return Err(NoTail::Stopped);
            }
            match reader.next(STEP)? {
                Next::Record(record) => {
                    let (partition, next) = (record.partition(), record.offset() + 1);
                    found.extend((self.decode)(&record));
                    if unread.get(&partition).is_some_and(|end| next >= *end) {
                        unread.remove(&partition);
                    }
                }
                Next::End(partition) => {
                    unread.remove(&partition);
                }
                Next::Nothing => {}
            }
        }
        Ok(found)
    }

    /// Reads partitions that have been added as well.
    fn look_for_partitions(&mut self) -> Result<(), RDKafkaErrorCode> {
        if self.looked_at.elapsed() < LOOK_AGAIN_AFTER {
            return Ok(());
        }
        self.looked_at = Instant::now();
        let before = self.positions.len();
        for partition in self.reader.partitions()? {
            if !self.positions.contains_key(&partition) {
                let (first, _) = self.reader.range(partition)?;
                self.positions.insert(partition, first);
            }
        }
        if self.positions.len() > before {
            self.reader.seek(self.positions.clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kafka_test_kit::{KafkaCluster, shared_broker, unique_topic};
    use rdkafka::producer::{DefaultProducerContext, Producer as _, ThreadedProducer};
    use tokio::task::block_in_place;

    use super::*;
    use crate::{
        exactly_once::committed::tests::{PATIENCE, write},
        settings::KafkaSettings,
        topic::published_tail::{match_id, read_tail},
    };

    async fn topic(broker: &KafkaCluster, partitions: usize) -> KafkaSettings {
        let topic = unique_topic("followed");
        let created = broker.create_topic(&topic, partitions, &[]).await;
        created.expect("it is new");
        KafkaSettings {
            publish_topic: topic,
            ..KafkaSettings::at(broker.bootstrap_servers())
        }
    }

    fn writer(settings: &KafkaSettings) -> ThreadedProducer<DefaultProducerContext> {
        let mut config = settings.producer_config();
        config.set("transactional.id", &settings.publish_topic);
        let producer: ThreadedProducer<_> = config.create().expect("these are fine");
        producer
            .init_transactions(PATIENCE)
            .expect("the broker answers");
        producer
    }

    /// Reads until so many ids are found, in any order.
    fn read(follower: &mut Follower<domain::MatchId>, count: usize) -> Vec<i64> {
        let (begun, mut found) = (Instant::now(), Vec::new());
        while found.len() < count {
            assert!(begun.elapsed() < PATIENCE, "{found:?}");
            let read = follower.read_on(STEP).expect("the broker answers");
            found.extend(read.into_iter().map(domain::MatchId::get));
        }
        found.sort_unstable();
        found
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_committed_after_the_tail_is_told_once_and_all_of_it_at_the_end() {
        let broker = shared_broker().await.expect("a broker can be started");
        let settings = topic(broker, 2).await;
        let topic = settings.publish_topic.clone();
        let config = Reader::config(&settings.client);
        let stop = CancellationToken::new();
        let mut follower = block_in_place(|| {
            let producer = writer(&settings);
            write(&producer, &topic, &[1, 2, 3], true);
            let tail = read_tail(&config, &topic, 10, match_id, &stop).expect("it is there");
            assert_eq!(tail.found.len(), 3);
            let follower = Follower::open(&config, &topic, tail.ends, match_id);
            let mut follower = follower.expect("the broker answers");
            write(&producer, &topic, &[4], false);
            write(&producer, &topic, &[5, 6, 7, 8], true);
            assert_eq!(
                read(&mut follower, 4),
                [5, 6, 7, 8],
                "and nothing of before"
            );
            follower
        });
        broker.add_partitions(&topic, 6).await.expect("it is there");
        let rest = block_in_place(|| {
            follower.looked_at -= LOOK_AGAIN_AFTER;
            let producer = writer(&settings);
            write(&producer, &topic, &(10..40).collect::<Vec<_>>(), true);
            let found = read(&mut follower, 30);
            assert_eq!(found, (10..40).collect::<Vec<_>>(), "new partitions too");
            write(&producer, &topic, &[50, 51, 52], true);
            write(&producer, &topic, &[53], false);
            follower.finish(&stop).expect("the broker answers")
        });
        let mut rest: Vec<_> = rest.into_iter().map(domain::MatchId::get).collect();
        rest.sort_unstable();
        assert_eq!(rest, [50, 51, 52]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_end_is_reached_where_nothing_has_come_and_known_to_be_lost_in_a_topic_made_anew() {
        let broker = shared_broker().await.expect("a broker can be started");
        let settings = topic(broker, 1).await;
        let topic = settings.publish_topic.clone();
        let config = Reader::config(&settings.client);
        let stop = CancellationToken::new();
        let follow = || {
            let tail = read_tail(&config, &topic, 10, match_id, &stop).expect("it is there");
            let follower = Follower::open(&config, &topic, tail.ends, match_id);
            follower.expect("the broker answers")
        };
        block_in_place(|| {
            write(&writer(&settings), &topic, &[1, 2, 3], true);
            let mut follower = follow();
            let news = follower.read_on(STEP).expect("the broker answers");
            assert_eq!(news, [], "the end has been told");
            assert_eq!(follower.finish(&stop), Ok(Vec::new()));
        });
        let follower = block_in_place(follow);
        broker.delete_topic(&topic).await.expect("it is there");
        let begun = Instant::now();
        while broker.create_topic(&topic, 1, &[]).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "it is not made anew");
        }
        let finished = block_in_place(|| {
            let begun = Instant::now();
            // The brokers say that it is not there until its leader is.
            loop {
                let follower =
                    Follower::open(&config, &topic, follower.positions.clone(), match_id);
                match follower.and_then(|it| match it.finish(&stop) {
                    Err(NoTail::Refused(code)) => Err(code),
                    other => Ok(other),
                }) {
                    Err(RDKafkaErrorCode::OffsetOutOfRange) => break true,
                    found if begun.elapsed() > PATIENCE => panic!("{found:?}"),
                    _ => {}
                }
            }
        });
        assert!(finished);
    }
}
