//! The newest records of a topic, as consumers see them: match ids, or what is
//! known of matches.
//!
//! Each partition is read from a little before where its share of them should
//! begin to its end. Markers of transactions and aborted records take offsets
//! and are no records, and shares differ: so it is read further back, piece by
//! piece, until no partition can hold a newer record that has not been read.

use std::{cmp::Reverse, collections::BinaryHeap};

use contracts::{Header, MatchIdRecord, MatchSummaryRecord};
use domain::MatchId;
use ingestion_application::SummaryKey;
use kafka_kit::{
    error_code::code_of,
    reader::{Next, Reader},
    undecided::EndOffsets,
};
use rdkafka::{
    ClientConfig, Message as _,
    error::RDKafkaErrorCode,
    message::{BorrowedMessage, Headers as _},
};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

/// No call blocks for longer, so that a stop is noticed.
const STEP: Duration = Duration::from_millis(100);
/// A partition's share varies by so many times the root of its mean at most:
/// beyond six standard deviations is one in a billion.
const DEVIATIONS: f64 = 6.0;
/// … and by so many more, for shares that are small.
const SHARE_MARGIN: usize = 1_000;
/// For many small records that are read as fast as they come. They are
/// compressed to a fifth and take some 300 bytes each when they wait in
/// librdkafka, so little of a partition is much; and a pause of a second, which
/// is the default, is long for what is read in milliseconds.
const READ_AHEAD: [(&str, &str); 3] = [
    ("fetch.message.max.bytes", "32768"),
    ("queued.min.messages", "2000"),
    ("fetch.queue.backoff.ms", "2"),
];

/// What was found, the oldest first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tail<T> {
    pub(crate) found: Vec<T>,
    /// Records that are none of those looked for.
    pub(crate) undecodable: usize,
    /// Of each partition the offset up to which it was read.
    pub(crate) ends: EndOffsets,
}

/// What is looked for in a record.
pub(crate) type Decode<T> = fn(&BorrowedMessage<'_>) -> Option<T>;

/// The match id of a record.
pub(crate) fn match_id(record: &BorrowedMessage<'_>) -> Option<MatchId> {
    MatchIdRecord::decode_id(record.payload().unwrap_or_default()).ok()
}

/// By what the summary of a record is recognised: by its source, and by the
/// bytes of its value, which is compared and not read. To read all that a start
/// remembers would take it many times as long.
pub(crate) fn summary_key(record: &BorrowedMessage<'_>) -> Option<SummaryKey> {
    let headers = record.headers()?;
    let headers = headers.iter().filter_map(|header| {
        Some(Header {
            name: header.key,
            value: header.value?,
        })
    });
    let source = MatchSummaryRecord::source_of(headers).ok()?;
    Some(SummaryKey::of(source, record.payload()?))
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTail {
    /// It was asked to stop.
    Stopped,
    /// Kafka did not let it.
    Refused(RDKafkaErrorCode),
}

impl From<RDKafkaErrorCode> for NoTail {
    fn from(code: RDKafkaErrorCode) -> Self {
        Self::Refused(code)
    }
}

/// What has been read of a partition: everything from `begin` to its end.
struct Part<T> {
    partition: i32,
    first: i64,
    begin: i64,
    /// Timestamp and what was found, in the order of their offsets.
    records: Vec<(i64, T)>,
}

/// Reads the newest `count` records of `topic`; blocks while it does.
///
/// # Errors
/// [`NoTail`] when it is stopped or refused; to try again is the caller's.
pub(crate) fn read_tail<T: Copy>(
    config: &ClientConfig,
    topic: &str,
    count: usize,
    decode: Decode<T>,
    stop: &CancellationToken,
) -> Result<Tail<T>, NoTail> {
    let mut tail = Tail {
        found: Vec::new(),
        undecodable: 0,
        ends: EndOffsets::new(),
    };
    if count == 0 {
        return Ok(tail);
    }
    let mut config = config.clone();
    for (name, value) in READ_AHEAD {
        config.set(name, value);
    }
    let reader = Reader::open(&config, topic).map_err(|error| code_of(&error))?;
    let mut parts: Vec<Part<T>> = Vec::new();
    for partition in reader.partitions()? {
        let (first, end) = reader.range(partition)?;
        tail.ends.insert(partition, end);
        parts.push(Part {
            partition,
            first,
            begin: end,
            records: Vec::new(),
        });
        check(stop)?;
    }
    let mut piece = share(count, parts.len());
    let mut open: Vec<_> = (0..parts.len()).collect();
    while !open.is_empty() {
        read_back(
            &reader,
            &mut parts,
            &open,
            piece,
            (decode, &mut tail.undecodable),
            stop,
        )?;
        piece = piece.saturating_mul(2);
        open = unfinished(&parts, count);
    }
    tail.found = newest(parts, count);
    Ok(tail)
}

/// How many records of each partition should do.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate of a count that fits into memory"
)]
fn share(count: usize, partitions: usize) -> i64 {
    let mean = count as f64 / partitions.max(1) as f64;
    let share = mean + DEVIATIONS * mean.sqrt();
    i64::try_from(share as usize + SHARE_MARGIN).unwrap_or(i64::MAX)
}

/// Reads `piece` further offsets before what has been read of the `open` parts.
fn read_back<T>(
    reader: &Reader,
    parts: &mut [Part<T>],
    open: &[usize],
    piece: i64,
    (decode, undecodable): (Decode<T>, &mut usize),
    stop: &CancellationToken,
) -> Result<(), NoTail> {
    let mut pending = Vec::new();
    for &index in open {
        let part = &parts[index];
        let begin = part.first.max(part.begin.saturating_sub(piece));
        if begin < part.begin {
            // At once, for a vector that grows takes twice what it holds.
            let records_max = usize::try_from(part.begin - begin).unwrap_or(usize::MAX);
            let capacity = records_max + part.records.len();
            pending.push((index, begin, Vec::with_capacity(capacity)));
        }
    }
    reader.seek(
        pending
            .iter()
            .map(|(index, begin, _)| (parts[*index].partition, *begin)),
    )?;
    while !pending.is_empty() {
        check(stop)?;
        let (partition, is_done) = match reader.next(STEP)? {
            Next::Nothing => continue,
            Next::End(partition) => (partition, true),
            Next::Record(record) => {
                let partition = record.partition();
                let found = pending
                    .iter_mut()
                    .find(|(index, ..)| parts[*index].partition == partition);
                // Of a part that was left a moment ago.
                let Some((index, _, records)) = found else {
                    continue;
                };
                let end = parts[*index].begin;
                if record.offset() < end {
                    let time = record.timestamp().to_millis().unwrap_or_default();
                    match decode(&record) {
                        Some(decoded) => records.push((time, decoded)),
                        None => *undecodable += 1,
                    }
                }
                (partition, record.offset() + 1 >= end)
            }
        };
        if is_done
            && let Some(position) = pending
                .iter()
                .position(|(index, ..)| parts[*index].partition == partition)
        {
            let (index, begin, mut records) = pending.swap_remove(position);
            reader.leave(partition)?;
            records.append(&mut parts[index].records);
            parts[index].records = records;
            parts[index].begin = begin;
        }
    }
    Ok(())
}

/// The parts that may hold a record that belongs to the newest `count` and
/// has not been read.
fn unfinished<T>(parts: &[Part<T>], count: usize) -> Vec<usize> {
    let surplus = total(parts).checked_sub(count);
    let oldest_kept = surplus.map(|surplus| {
        let records = parts.iter().flat_map(|part| &part.records);
        let mut times: Vec<_> = records.map(|(time, _)| *time).collect();
        *times.select_nth_unstable(surplus).1
    });
    let is_open = |part: &Part<T>| {
        let may_hold_newer = |kept: i64| part.records.first().is_none_or(|(read, _)| *read >= kept);
        part.begin > part.first && oldest_kept.is_none_or(may_hold_newer)
    };
    (0..parts.len())
        .filter(|index| is_open(&parts[*index]))
        .collect()
}

/// The newest `count` of all, by time, and at the same time by partition and offset.
///
/// They are merged, for a copy of them all to be sorted would take their memory twice.
fn newest<T: Copy>(mut parts: Vec<Part<T>>, count: usize) -> Vec<T> {
    let surplus = total(&parts).saturating_sub(count);
    for part in &mut parts {
        // Stable: equal times stay in the order of offsets.
        part.records.sort_by_key(|(time, _)| *time);
    }
    let mut found = Vec::with_capacity(total(&parts) - surplus);
    let next = |index: usize, position: usize| {
        let (time, _) = parts[index].records.get(position)?;
        Some(Reverse((*time, index, position)))
    };
    let mut heads: BinaryHeap<_> = (0..parts.len())
        .filter_map(|index| next(index, 0))
        .collect();
    let mut passed = 0;
    while let Some(Reverse((_, index, position))) = heads.pop() {
        if passed >= surplus {
            found.push(parts[index].records[position].1);
        }
        passed += 1;
        heads.extend(next(index, position + 1));
    }
    found
}

fn total<T>(parts: &[Part<T>]) -> usize {
    parts.iter().map(|part| part.records.len()).sum()
}

fn check(stop: &CancellationToken) -> Result<(), NoTail> {
    if stop.is_cancelled() {
        return Err(NoTail::Stopped);
    }
    Ok(())
}
