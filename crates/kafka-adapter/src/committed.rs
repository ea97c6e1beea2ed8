//! Whether a transaction was committed, by a look into the topic.
//!
//! Asked for after a commit whose answer is lost for good, and after a new
//! producer has been opened: by then its fate is sealed, and written in every
//! partition. It is all or nothing, so one of its records tells of all.

use event_contracts::MatchIdRecord;
use rdkafka::{ClientConfig, Message as _, error::RDKafkaErrorCode};
use tokio::time::Duration;

use crate::{
    delivery::Deliveries,
    reader::{Next, Reader},
    reports::Sample,
    transaction_queue::{Stopped, TransactionQueue},
};

const STEP: Duration = Duration::from_millis(100);
/// Before a question that was not answered is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Whether consumers see `sample`; asks until that is known.
///
/// # Errors
/// [`Stopped`] before it is known.
pub(crate) fn was_committed(
    config: &ClientConfig,
    topic: &str,
    sample: Sample,
    deliveries: &Deliveries,
    queue: &TransactionQueue,
) -> Result<bool, Stopped> {
    loop {
        match look(config, topic, sample, queue) {
            Ok(Some(is_committed)) => {
                deliveries.set_reading_trouble(None);
                return Ok(is_committed);
            }
            Ok(None) => queue.check_stop()?,
            Err(code) => {
                deliveries.set_reading_trouble(Some(code));
                tracing::debug!(%code, "what was committed cannot be looked up yet");
            }
        }
        queue.sleep(ASK_AGAIN_AFTER)?;
    }
}

/// None when it cannot be told yet.
fn look(
    config: &ClientConfig,
    topic: &str,
    sample: Sample,
    queue: &TransactionQueue,
) -> Result<Option<bool>, RDKafkaErrorCode> {
    let failed = |error| crate::delivery::code_of(&error);
    let reader = Reader::open(config, topic).map_err(failed)?;
    if !is_there(config, topic, &reader, sample)? {
        return Ok(Some(false));
    }
    let (first, end) = reader.range(sample.partition)?;
    if sample.offset < first {
        // So old that nobody can see it any more.
        return Ok(Some(false));
    }
    if sample.offset >= end {
        // Behind somebody else's open transaction.
        return Ok(None);
    }
    reader.seek([(sample.partition, sample.offset)])?;
    while queue.check_stop().is_ok() {
        match reader.next(STEP)? {
            Next::Record(record) if record.offset() == sample.offset => {
                let id = MatchIdRecord::decode_id(record.payload().unwrap_or_default());
                return Ok(Some(id.is_ok_and(|id| id == sample.id)));
            }
            Next::Record(record) if record.offset() < sample.offset => {}
            Next::Record(_) | Next::End(_) => return Ok(Some(false)),
            Next::Nothing => {}
        }
    }
    Ok(None)
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
    let failed = |error| crate::delivery::code_of(&error);
    let everything = Reader::open(&config, topic).map_err(failed)?;
    let (_, end) = everything.range(sample.partition)?;
    Ok(sample.offset < end)
}
