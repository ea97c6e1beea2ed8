//! Whether a transaction was committed, by a look into the topic.
//!
//! Asked for after a commit whose answer is lost for good, and after a new
//! producer has been opened: by then its fate is sealed, and written in every
//! partition. It is all or nothing, so one of its records tells of all.

use contracts::MatchIdRecord;
use kafka_kit::{
    error_code::code_of,
    reader::{Next, Reader},
    undecided::Hidden,
};
use rdkafka::{ClientConfig, Message as _, error::RDKafkaErrorCode};
use tokio::time::{Duration, Instant};

use crate::{
    delivery::trouble::Trouble,
    exactly_once::{reports::Sample, transaction_queue::TransactionQueue, writer_end::Stopped},
};

const STEP: Duration = Duration::from_millis(100);
/// Before a question that was not answered is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// When it is not known for so long, that is worth a word.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// What a look has told.
enum Look {
    /// Whether it was committed.
    Known(bool),
    /// Nothing, behind somebody else's open transaction.
    Hidden(Hidden),
    /// Nothing, as there was no time.
    Nothing,
}

/// Whether consumers see `sample`; asks until that is known.
///
/// # Errors
/// [`Stopped`] before it is known.
pub(crate) fn was_committed(
    config: &ClientConfig,
    topic: &str,
    sample: Sample,
    trouble: &Trouble,
    queue: &TransactionQueue,
) -> Result<bool, Stopped> {
    let begun = Instant::now();
    loop {
        match look(config, topic, sample, queue) {
            Ok(Look::Known(is_committed)) => {
                trouble.set_reading(None);
                trouble.set_transactions(None);
                return Ok(is_committed);
            }
            Ok(Look::Hidden(hidden)) if begun.elapsed() > KNOWN_WITHIN => {
                let servers = config.get("bootstrap.servers").unwrap_or_default();
                let why = hidden.explain(topic, servers);
                trouble.set_transactions(Some(format!(
                    "the answer to a commit was lost, and nothing is sent until it is known \
                     whether it was done: {why}"
                )));
            }
            Ok(Look::Hidden(_) | Look::Nothing) => queue.check_stop()?,
            Err(code) => {
                trouble.set_reading(Some(code));
                tracing::debug!(%code, "what was committed cannot be looked up yet");
            }
        }
        queue.sleep(ASK_AGAIN_AFTER)?;
    }
}

fn look(
    config: &ClientConfig,
    topic: &str,
    sample: Sample,
    queue: &TransactionQueue,
) -> Result<Look, RDKafkaErrorCode> {
    let reader = Reader::open(config, topic).map_err(|error| code_of(&error))?;
    if !is_there(config, topic, &reader, sample)? {
        return Ok(Look::Known(false));
    }
    let (first, end) = reader.range(sample.partition)?;
    if sample.offset < first {
        // So old that nobody can see it any more.
        return Ok(Look::Known(false));
    }
    if sample.offset >= end {
        let Sample {
            partition, offset, ..
        } = sample;
        let hidden = Hidden::with(None, partition, end, offset + 1);
        return Ok(Look::Hidden(hidden));
    }
    reader.seek([(sample.partition, sample.offset)])?;
    while queue.check_stop().is_ok() {
        match reader.next(STEP)? {
            Next::Record(record) if record.offset() == sample.offset => {
                let id = MatchIdRecord::decode_id(record.payload().unwrap_or_default());
                return Ok(Look::Known(id.is_ok_and(|id| id == sample.id)));
            }
            Next::Record(record) if record.offset() < sample.offset => {}
            Next::Record(_) | Next::End(_) => return Ok(Look::Known(false)),
            Next::Nothing => {}
        }
    }
    Ok(Look::Nothing)
}

/// Whether there is such an offset at all, decided or not: not so in a topic
/// that was created anew.
fn is_there(
    config: &ClientConfig,
    topic: &str,
    reader: &Reader,
    sample: Sample,
) -> Result<bool, RDKafkaErrorCode> {
    if !reader.partitions()?.contains(&sample.partition) {
        return Ok(false);
    }
    let mut config = config.clone();
    config.set("isolation.level", "read_uncommitted");
    let everything = Reader::open(&config, topic).map_err(|error| code_of(&error))?;
    let (_, end) = everything.range(sample.partition)?;
    Ok(sample.offset < end)
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::MatchId;
    use kafka_test_kit::{shared_broker, unique_topic};
    use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

    use super::*;
    use crate::KafkaSettings;

    pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

    /// Writes these matches to the one partition, and commits them or not.
    pub(crate) fn write(
        producer: &ThreadedProducer<DefaultProducerContext>,
        topic: &str,
        ids: &[i64],
        is_committed: bool,
    ) {
        producer.begin_transaction().expect("it is open");
        for id in ids {
            let payload = format!("{{\"match_id\":{id}}}");
            let record = BaseRecord::<(), _>::to(topic).payload(&payload);
            producer
                .send(record)
                .map_err(|_| ())
                .expect("there is room");
        }
        producer.flush(PATIENCE).expect("the broker takes them");
        let ended = if is_committed {
            producer.commit_transaction(PATIENCE)
        } else {
            producer.abort_transaction(PATIENCE)
        };
        ended.expect("the broker answers");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_record_tells_whether_its_transaction_was_committed() {
        let broker = shared_broker().await.expect("a broker can be started");
        let topic = unique_topic("committed");
        broker
            .create_topic(&topic, 1, &[])
            .await
            .expect("it is new");
        let settings = KafkaSettings {
            transactional_id: topic.clone(),
            ..KafkaSettings::at(broker.bootstrap_servers())
        };
        let looking = tokio::task::spawn_blocking(move || {
            let mut config = settings.producer_config();
            config.set("transactional.id", &topic);
            let producer: ThreadedProducer<_> = config.create().expect("these are fine");
            producer
                .init_transactions(PATIENCE)
                .expect("the broker answers");
            // Every transaction is followed by a marker, at offsets 2, 5, 8 and 10.
            write(&producer, &topic, &[1, 2], true);
            write(&producer, &topic, &[3, 4], false);
            write(&producer, &topic, &[5, 6], true);
            write(&producer, &topic, &[7], false);
            let config = Reader::config(&settings.client);
            let (trouble, queue) = (Trouble::default(), TransactionQueue::new());
            let check = |id, offset, expected| {
                let sample = Sample {
                    id: MatchId::try_new(id).expect("it is valid"),
                    is_summary: false,
                    partition: 0,
                    offset,
                };
                let found = was_committed(&config, &topic, sample, &trouble, &queue);
                assert_eq!(found, Ok(expected), "match {id} at {offset}");
            };
            check(1, 0, true);
            check(2, 1, true);
            check(3, 3, false);
            check(6, 7, true);
            check(7, 9, false);
            // As in a topic that was created anew.
            check(8, 7, false);
            check(8, 100, false);
            queue.stop();
            let sample = Sample {
                id: MatchId::try_new(1).expect("it is valid"),
                is_summary: false,
                partition: 5,
                offset: 0,
            };
            let found = was_committed(&config, "no-such-topic", sample, &trouble, &queue);
            assert_eq!(found, Err(Stopped));
        });
        looking.await.expect("looking does not panic");
    }
}
