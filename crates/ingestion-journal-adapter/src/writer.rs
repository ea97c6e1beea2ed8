//! Appends entries, and notes which are acknowledged.

use domain::Timestamp;
use ingestion_application::ports::{JournalEntry, JournalError};
use rand::{RngExt, rngs::StdRng};
use roaring::RoaringTreemap;

use crate::{
    format::{
        NUMBER_MAX,
        header::{Header, RECORDS_AT},
        message, ranges,
        record::{self, Head, Kind, RECORD_SIZE_MIN},
    },
    index::{Segment, segment_name},
    log::Log,
    settings::left_to_others,
};

/// As many as we keep account of, in at most 100 MB: weeks of the feed.
const OPEN_MAX: u64 = 50_000_000;

/// The one who changes files; one call at a time.
pub(crate) struct Writer {
    salts: StdRng,
    /// The segment that is written; none before the first and after a failure.
    pub(crate) active: Option<u64>,
    /// The number of the next segment.
    pub(crate) next_number: u64,
    /// Something was begun behind the whole part of the active segment, and
    /// nobody knows how far it got.
    is_in_doubt: bool,
    /// The same, of a new segment.
    creating: Option<u64>,
    /// Acknowledged, and not written yet.
    unwritten: RoaringTreemap,
}

/// Where the next record of the active segment goes.
struct Tail {
    name: String,
    salt: u64,
    offset: u64,
    /// The ordinal of the next entry in the journal, and of the first in the segment.
    next_ordinal: u64,
    first_ordinal: u64,
    next_sequence: u64,
}

/// An entry in the buffer.
struct Located {
    sequence: u64,
    offset: u64,
    received_at: Timestamp,
}

impl Writer {
    pub(crate) fn new(salts: StdRng) -> Self {
        Self {
            salts,
            active: None,
            next_number: 1,
            is_in_doubt: false,
            creating: None,
            unwritten: RoaringTreemap::new(),
        }
    }

    /// Writes entries, syncs them, and then confirms that they are.
    pub(crate) async fn append(
        &mut self,
        log: &Log,
        entries: &[JournalEntry],
    ) -> Result<(), JournalError> {
        let next_sequence = log.index().next_sequence;
        // What an earlier attempt has made durable is there.
        let known = entries.partition_point(|entry| entry.sequence < next_sequence);
        let mut rest = &entries[known..];
        if rest.is_empty() {
            return Ok(());
        }
        check_numbers(log, rest)?;
        self.mend(log).await?;
        while !rest.is_empty() {
            let count = self.make_room(log, rest).await?;
            let (batch, later) = rest.split_at(count);
            self.write_entries(log, batch).await?;
            rest = later;
        }
        if let Err(error) = self.write_acknowledged(log).await {
            // The entries are durable; the next call finds the trouble again.
            tracing::debug!(%error, "a write to the journal could not be confirmed");
        }
        Ok(())
    }

    /// Lets go of entries and of the files that nobody needs then.
    pub(crate) async fn acknowledge(
        &mut self,
        log: &Log,
        sequences: &[u64],
    ) -> Result<(), JournalError> {
        log.index().acknowledge(sequences);
        self.unwritten.extend(sequences.iter().copied());
        // First of all room is made, for that may be what is missing.
        let removed = self.remove_segments(log).await;
        let mended = self.mend(log).await;
        removed.and(mended)?;
        let shrinks = {
            let index = log.index();
            let length = index.segments.back().map_or(0, |segment| segment.length);
            index.open.is_empty() && length > log.limits.shrink_at
        };
        if shrinks {
            self.create(log).await?;
            self.remove_segments(log).await?;
        }
        if self.unwritten.is_empty() {
            return Ok(());
        }
        if self.active.is_none() {
            self.create(log).await?;
        }
        self.write_acknowledged(log).await
    }

    /// Removes the segments that hold nothing open, the oldest first.
    pub(crate) async fn remove_segments(&mut self, log: &Log) -> Result<(), JournalError> {
        loop {
            let removable = log.index().removable();
            let Some(number) = removable else { break };
            let name = segment_name(number);
            let removed = log.storage.remove(&name).await;
            removed.map_err(|error| log.explain("removed", &name, &error))?;
            // One after the other: were a later one gone alone after a loss of
            // power, its entries would be missed.
            let synced = log.storage.sync_folder().await;
            synced.map_err(|error| log.explain("removed for good", &name, &error))?;
            log.index().segments.pop_front();
        }
        let first = log.index().segments.front().map_or(0, |segment| {
            // Entries before it have gone with their segments.
            segment.header.next_sequence
        });
        self.unwritten.remove_range(..first);
        Ok(())
    }

    /// Cuts off what an earlier call has left in doubt.
    async fn mend(&mut self, log: &Log) -> Result<(), JournalError> {
        if let Some(number) = self.creating {
            let name = segment_name(number);
            let removed = log.storage.remove(&name).await;
            removed.map_err(|error| log.explain("removed", &name, &error))?;
            self.creating = None;
        }
        if !self.is_in_doubt {
            return Ok(());
        }
        let number = self.active.expect("only the active segment is in doubt");
        let name = segment_name(number);
        let (length, is_empty) = {
            let index = log.index();
            let segment = index.segment(number).expect("the active segment is known");
            (segment.length, segment.last_sequence.is_none())
        };
        if let Err(error) = log.storage.truncate(&name, length).await {
            // An empty one stays, or there would be one more at every attempt.
            if is_empty {
                return Err(log.explain("cut off", &name, &error));
            }
            tracing::warn!(
                file = name, %error,
                "the journal goes on in a new file, as this one cannot be cut off"
            );
            self.active = None;
        }
        self.is_in_doubt = false;
        Ok(())
    }

    /// Sees to it that the active segment can take entries, and says how many.
    async fn make_room(
        &mut self,
        log: &Log,
        entries: &[JournalEntry],
    ) -> Result<usize, JournalError> {
        let size =
            |entry: &JournalEntry| (RECORD_SIZE_MIN + message::size_max(&entry.message)) as u64;
        let first = size(&entries[0]);
        let segment_size_max = log.limits.segment_size_max;
        let length = self.active.and_then(|number| {
            let index = log.index();
            index.segment(number).map(|segment| segment.length)
        });
        let length = match length {
            Some(length) if length == RECORDS_AT || length + first <= segment_size_max => length,
            _ => {
                self.check_room(log, RECORDS_AT + first).await?;
                self.create(log).await?;
                RECORDS_AT
            }
        };
        let mut total = first;
        let mut count = 1;
        for entry in &entries[1..] {
            let size = size(entry);
            if length + total + size > segment_size_max {
                break;
            }
            total += size;
            count += 1;
        }
        self.check_room(log, total).await?;
        Ok(count)
    }

    /// Whether there is room for a while, after there was none.
    pub(crate) async fn has_room_again(&self, log: &Log) -> bool {
        let size = log.limits.segment_size_max;
        self.check_room(log, size).await.is_ok()
    }

    async fn check_room(&self, log: &Log, size: u64) -> Result<(), JournalError> {
        let (bytes, open) = {
            let index = log.index();
            (index.bytes(), index.open.len())
        };
        let place = log.storage.place();
        let limits = &log.limits;
        if bytes + size > limits.entries_size_max {
            let reason = format!(
                "{place} holds {bytes} bytes, and with {size} more there would be too little left \
                 of JOURNAL_SIZE_MAX, {} bytes; it drains when Kafka takes records again, or \
                 raise JOURNAL_SIZE_MAX",
                limits.size_max
            );
            return Err(JournalError::Full { reason });
        }
        if open >= OPEN_MAX {
            let reason = format!(
                "{place} holds {open} entries, more are not kept account of; it drains when Kafka \
                 takes records again"
            );
            return Err(JournalError::Full { reason });
        }
        // Whoever cannot say how much is free says so again when it is written.
        let Ok(disk) = log.storage.space().await else {
            return Ok(());
        };
        log.health.take_space(disk, bytes, limits.size_max);
        let (free, left) = (disk.free, left_to_others(disk));
        if free < size.saturating_add(left) {
            let reason = format!(
                "the disk of {place} has {free} bytes free, and {left} are left to others; make \
                 room there"
            );
            return Err(JournalError::Full { reason });
        }
        Ok(())
    }

    /// Begins a new segment.
    async fn create(&mut self, log: &Log) -> Result<(), JournalError> {
        let number = self.next_number;
        let name = segment_name(number);
        let header = {
            let index = log.index();
            Header {
                salt: self.salts.random(),
                first_ordinal: index.next_ordinal,
                next_sequence: index.next_sequence,
            }
        };
        self.creating = Some(number);
        let storage = &log.storage;
        let written = storage.write(&name, 0, header.encode()).await;
        written.map_err(|error| log.explain("created", &name, &error))?;
        // At once, for a slow disk takes as long for both as for one.
        let synced = tokio::try_join!(storage.sync(&name), storage.sync_folder());
        synced.map_err(|error| log.explain("created", &name, &error))?;
        self.creating = None;
        self.next_number += 1;
        self.active = Some(number);
        let segment = Segment::new(number, header);
        log.index().segments.push_back(segment);
        Ok(())
    }

    async fn write_entries(
        &mut self,
        log: &Log,
        entries: &[JournalEntry],
    ) -> Result<(), JournalError> {
        let end = self.end(log);
        let mut buffer = Vec::new();
        let mut located = Vec::with_capacity(entries.len());
        for (ordinal, entry) in (end.next_ordinal..).zip(entries) {
            located.push(Located {
                sequence: entry.sequence,
                offset: end.offset + buffer.len() as u64,
                received_at: entry.message.received_at(),
            });
            let kind = message::kind(&entry.message);
            let head = end.head(kind, ordinal, entry.sequence);
            record::encode(&mut buffer, end.salt, end.offset, head, |buffer| {
                message::encode(buffer, &entry.message);
            });
        }
        let length = end.offset + buffer.len() as u64;
        let (name, storage) = (&end.name, &log.storage);
        self.is_in_doubt = true;
        let written = storage.write(name, end.offset, buffer).await;
        written.map_err(|error| log.explain("written", name, &error))?;
        let synced = storage.sync(name).await;
        synced.map_err(|error| log.explain("synced", name, &error))?;
        self.is_in_doubt = false;

        let mut guard = log.index();
        let index = &mut *guard;
        let segment = index.segments.back_mut();
        let segment = segment.expect("the active segment is the last");
        segment.length = length;
        for entry in &located {
            let Located {
                sequence,
                offset,
                received_at,
            } = *entry;
            segment.note(sequence, offset, received_at, log.limits.mark_spacing);
            index.open.insert(sequence);
            index.next_sequence = sequence + 1;
        }
        index.next_ordinal += located.len() as u64;
        Ok(())
    }

    /// Writes what is acknowledged and not written yet, in any case a record:
    /// it confirms that everything before it is durable.
    async fn write_acknowledged(&mut self, log: &Log) -> Result<(), JournalError> {
        let end = self.end(log);
        let acknowledged = to_ranges(&self.unwritten);
        let mut buffer = Vec::new();
        let mut chunks = acknowledged.chunks(ranges::RANGES_MAX);
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let head = end.head(Kind::Acknowledged, end.next_ordinal, end.next_sequence);
            record::encode(&mut buffer, end.salt, end.offset, head, |buffer| {
                let mut previous_end = 0;
                for range in chunk {
                    ranges::encode(buffer, previous_end, range);
                    previous_end = *range.end();
                }
            });
            if chunks.len() == 0 {
                break;
            }
        }
        let length = end.offset + buffer.len() as u64;
        if log.index().bytes() + buffer.len() as u64 > log.limits.size_max {
            // Even the reserve is used up. Nothing is wrong as long as this
            // process lives, and entries that come back after it are found in the topic.
            return Ok(());
        }
        self.is_in_doubt = true;
        let written = log.storage.write(&end.name, end.offset, buffer).await;
        written.map_err(|error| log.explain("written", &end.name, &error))?;
        self.is_in_doubt = false;
        self.unwritten.clear();
        let mut index = log.index();
        let segment = index.segments.back_mut();
        segment.expect("the active segment is the last").length = length;
        Ok(())
    }

    fn end(&self, log: &Log) -> Tail {
        let number = self.active.expect("a segment has been made");
        let index = log.index();
        let segment = index.segment(number).expect("the active segment is known");
        Tail {
            name: segment_name(number),
            salt: segment.header.salt,
            offset: segment.length,
            next_ordinal: index.next_ordinal,
            first_ordinal: segment.header.first_ordinal,
            next_sequence: index.next_sequence,
        }
    }
}

impl Tail {
    fn head(&self, kind: Kind, ordinal: u64, sequence: u64) -> Head {
        let ordinal = u32::try_from(ordinal - self.first_ordinal);
        Head {
            kind,
            ordinal: ordinal.expect("a segment has room for few entries"),
            sequence,
        }
    }
}

/// Whether entries have numbers that can be read again.
fn check_numbers(log: &Log, entries: &[JournalEntry]) -> Result<(), JournalError> {
    let ordinal = log.index().next_ordinal + entries.len() as u64;
    let sequence = entries.last().map_or(0, |last| last.sequence);
    if ordinal.max(sequence) <= NUMBER_MAX {
        return Ok(());
    }
    let reason = format!(
        "{} is damaged, the numbers in it are used up; set JOURNAL_DIR to another folder",
        log.storage.place()
    );
    Err(JournalError::Failed { reason })
}

fn to_ranges(sequences: &RoaringTreemap) -> Vec<std::ops::RangeInclusive<u64>> {
    let mut ranges: Vec<std::ops::RangeInclusive<u64>> = Vec::new();
    for sequence in sequences {
        match ranges.last_mut() {
            Some(last) if last.end() + 1 == sequence => *last = *last.start()..=sequence,
            _ => ranges.push(sequence..=sequence),
        }
    }
    ranges
}
