//! The thread that polls.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    Message as _, Offset,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

use super::{GroupRecord, buffer::Buffer, context::Context};

/// How long a poll waits; what is asked of the thread meanwhile waits as well.
const POLL_TIME_MAX: Duration = Duration::from_millis(100);

/// A full buffer is waited for so long before partitions are paused: to pause
/// drops what librdkafka has read ahead, which is then read again.
const PAUSE_AFTER: Duration = Duration::from_millis(500);

/// Polls until the buffer is closed; the group is left when the consumer is dropped.
pub(super) fn poll_until_closed(consumer: &Arc<BaseConsumer<Context>>, buffer: &Buffer) {
    while !buffer.is_closing() {
        let is_paused = buffer.note(|status| status.is_paused);
        if is_paused && buffer.is_half_empty() {
            let resumed = consumer.assignment().and_then(|all| consumer.resume(&all));
            set_paused(buffer, false, resumed);
        } else if !is_paused && buffer.is_full() && !buffer.wait_for_room(PAUSE_AFTER) {
            let paused = consumer.assignment().and_then(|all| consumer.pause(&all));
            set_paused(buffer, true, paused);
        }
        match consumer.poll(POLL_TIME_MAX) {
            Some(Ok(message)) => {
                let from = buffer.partition(message.topic(), message.partition());
                buffer.push(GroupRecord::copied(from, &message));
            }
            // librdkafka tries again; the context has heard of it.
            Some(Err(error)) => tracing::debug!(%error, "the member goes on"),
            None => note_passed(consumer, buffer),
        }
    }
}

/// Notes how far librdkafka has handed everything over: beside records it passes
/// markers of transactions, and tells of them in no other way. Only this thread
/// can ask, as a record that is polled and not yet in the buffer would be passed.
fn note_passed(consumer: &BaseConsumer<Context>, buffer: &Buffer) {
    let Ok(positions) = consumer.position() else {
        return;
    };
    for one in positions.elements() {
        if let Offset::Offset(position) = one.offset() {
            let partition = buffer.partition(one.topic(), one.partition());
            buffer.pass(&partition, position);
        }
    }
}

fn set_paused(buffer: &Buffer, is_paused: bool, outcome: Result<(), KafkaError>) {
    match outcome {
        Ok(()) => buffer.note(|status| status.is_paused = is_paused),
        // It is tried again with the next round.
        Err(error) => tracing::warn!(%error, is_paused, "partitions are not paused or resumed"),
    }
}
