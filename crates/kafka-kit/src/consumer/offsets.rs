//! Where a member's partitions begin and end.

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    ANSWER_TIME_MAX, PartitionStatus, Start, TopicPartition, buffer::Buffer, context::Context,
};
use crate::error_code::code_of;

/// Asks for the ends of all partitions, and for what is committed of those of
/// which this member has committed nothing yet.
///
/// Paused partitions are not read, so nothing else would tell that they grow.
pub(super) fn look(
    consumer: &BaseConsumer<Context>,
    buffer: &Buffer,
    start: Start,
) -> Result<(), RDKafkaErrorCode> {
    let all = partitions(buffer, |_| true);
    if all.is_empty() {
        return Ok(());
    }
    for (partition, end) in ask(consumer, buffer, &all, Offset::End)? {
        change(buffer, &partition, |known| known.end = Some(end));
    }
    let uncommitted = partitions(buffer, |known| known.committed.is_none());
    if !uncommitted.is_empty() {
        for (partition, committed) in committed(consumer, buffer, &uncommitted)? {
            change(buffer, &partition, |known| {
                known.committed.get_or_insert(committed);
                known.taken_to.get_or_insert(committed);
            });
        }
    }
    let unread = partitions(buffer, |known| known.taken_to.is_none());
    if unread.is_empty() {
        return Ok(());
    }
    let start = match start {
        Start::Earliest => Offset::Beginning,
        Start::Latest => Offset::End,
    };
    for (partition, first) in ask(consumer, buffer, &unread, start)? {
        change(buffer, &partition, |known| {
            known.taken_to.get_or_insert(first);
        });
    }
    Ok(())
}

fn partitions(buffer: &Buffer, wanted: impl Fn(&PartitionStatus) -> bool) -> Vec<TopicPartition> {
    buffer.note(|status| {
        let all = status.partitions.iter().filter(|(_, known)| wanted(known));
        all.map(|(partition, _)| partition.clone()).collect()
    })
}

/// Changes what is known of a partition, if it is still this member's.
fn change(buffer: &Buffer, partition: &TopicPartition, change: impl FnOnce(&mut PartitionStatus)) {
    buffer.note(|status| status.partitions.get_mut(partition).map(change));
}

/// What the group has committed.
fn committed(
    consumer: &BaseConsumer<Context>,
    buffer: &Buffer,
    partitions: &[TopicPartition],
) -> Result<Vec<(TopicPartition, i64)>, RDKafkaErrorCode> {
    let answer = list_of(partitions, Offset::Invalid)
        .and_then(|list| consumer.committed_offsets(list, ANSWER_TIME_MAX));
    Ok(known_in(buffer, &answer.map_err(|error| code_of(&error))?))
}

/// The first offsets, or the ends, with committed records only.
fn ask(
    consumer: &BaseConsumer<Context>,
    buffer: &Buffer,
    partitions: &[TopicPartition],
    which: Offset,
) -> Result<Vec<(TopicPartition, i64)>, RDKafkaErrorCode> {
    // The protocol has the ends for times as well.
    let answer = list_of(partitions, which)
        .and_then(|list| consumer.offsets_for_times(list, ANSWER_TIME_MAX));
    Ok(known_in(buffer, &answer.map_err(|error| code_of(&error))?))
}

fn list_of(
    partitions: &[TopicPartition],
    offset: Offset,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for one in partitions {
        list.add_partition_offset(&one.topic, one.partition, offset)?;
    }
    Ok(list)
}

/// What an answer knows.
fn known_in(buffer: &Buffer, list: &TopicPartitionList) -> Vec<(TopicPartition, i64)> {
    let elements = list.elements();
    let known = elements.iter().filter(|one| one.error().is_ok());
    known
        .filter_map(|one| match one.offset() {
            Offset::Offset(offset) => {
                Some((buffer.partition(one.topic(), one.partition()), offset))
            }
            _ => None,
        })
        .collect()
}
