//! Looks through what an earlier process has left behind.

use std::{io, ops::Range};

use ingestion_application::{
    SourceName,
    ports::{JournalError, Recovered},
};
use roaring::RoaringTreemap;

use crate::{
    format::{
        header::{HEADER_SIZE, Header, NoHeader, RECORDS_AT, VERSION},
        message, ranges,
        record::{self, Head, Kind, RECORD_SIZE_MIN},
    },
    index::{Index, Segment, segment_name, segment_number},
    log::Log,
    segment_scan::{Location, SegmentScan, Step},
    writer::Writer,
};

/// Read from the disk at once.
const CHUNK_SIZE: usize = 256 * 1024;
/// Places of damage that are told of one by one, in each segment.
const PLACES_TOLD_MAX: usize = 16;

/// A segment in which more entries stood, or were lost, is not written on: no
/// honest one has so many, and the ordinals of its next entries may be too large.
const WRITABLE_ENTRIES_MAX: u64 = 1 << 31;

/// What has been found so far.
#[derive(Default)]
struct Recovery {
    index: Index,
    /// The open entries of each feed.
    open: Vec<(SourceName, RoaringTreemap)>,
}

/// A file, and what its header says.
struct Candidate {
    number: u64,
    length: u64,
    header: Option<Header>,
}

/// Bytes of a segment that cannot be read, and the entries that stood there.
struct Gap {
    bytes: Range<u64>,
    ordinals: Range<u64>,
}

/// What the records of a segment have told.
struct Scanned {
    gaps: Vec<Gap>,
    /// Where the last record ends.
    end: u64,
    /// The ordinal of the next entry.
    next_ordinal: u64,
    /// Entries below this ordinal were durable once.
    promised: u64,
    /// Some of it may be read another time.
    is_unreadable: bool,
}

/// Reads everything, repairs what is damaged, and leaves the journal ready to be written.
pub(crate) async fn recover(log: &Log, writer: &mut Writer) -> Result<Recovered, JournalError> {
    let candidates = list(log).await?;
    let mut recovery = Recovery::default();
    let mut active = None;
    for (at, candidate) in candidates.iter().enumerate() {
        let next = candidates.get(at + 1);
        let is_whole = if let Some(header) = candidate.header {
            let next_ordinal = next.and_then(|next| Some(next.header?.first_ordinal));
            let (number, length) = (candidate.number, candidate.length);
            recovery
                .add(log, number, length, header, next_ordinal)
                .await?
        } else {
            let mut later = candidates[at..].iter();
            let next_ordinal = later.find_map(|later| Some(later.header?.first_ordinal));
            recovery.add_unreadable(log, candidate, next_ordinal);
            false
        };
        active = (is_whole && next.is_none()).then_some(candidate.number);
    }
    writer.active = active;
    writer.next_number = candidates.last().map_or(1, |last| last.number + 1);
    if let Some(last) = candidates.last() {
        // It may have been made and written, and neither synced.
        let name = segment_name(last.number);
        let synced = log.storage.sync(&name).await;
        synced.map_err(|error| log.explain("synced", &name, &error))?;
        let synced = log.storage.sync_folder().await;
        synced.map_err(|error| log.explain("synced", "the folder", &error))?;
    }
    let recovered = recovery.finish(log);
    if let Err(error) = writer.remove_segments(log).await {
        tracing::warn!(%error, "a file of the journal that is not needed any more stays");
    }
    Ok(recovered)
}

/// The segments in their order, without one that was never finished.
async fn list(log: &Log) -> Result<Vec<Candidate>, JournalError> {
    let location = log.storage.place();
    let names = log.storage.list().await;
    let names = names.map_err(|error| log.explain("listed", "the folder", &error))?;
    let mut numbers: Vec<_> = names
        .iter()
        .filter_map(|name| segment_number(name))
        .collect();
    numbers.sort_unstable();
    let mut candidates = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().copied().enumerate() {
        let name = segment_name(number);
        let read_error = |error| log.explain("read", &name, &error);
        let length = log.storage.length(&name).await.map_err(read_error)?;
        let beginning = log.storage.read(&name, 0, HEADER_SIZE).await;
        let header = match Header::decode(&beginning.map_err(read_error)?) {
            Ok((header, is_whole)) => {
                if !is_whole && length >= RECORDS_AT {
                    log.health.take_damage(0);
                    tracing::error!(
                        file = name,
                        offset = 0,
                        lost = 0,
                        "the journal is damaged, one copy of a file's header is enough"
                    );
                }
                Some(header)
            }
            Err(NoHeader::UnknownVersion(version)) => {
                let reason = format!(
                    "{name} in {location} has format version {version}, this program knows version \
                     {VERSION}; run the program that wrote it, or set JOURNAL_DIR to another folder"
                );
                return Err(JournalError::Failed { reason });
            }
            Err(NoHeader::Damaged) => None,
        };
        let is_last = at + 1 == numbers.len();
        if is_last && header.is_none() && length <= RECORDS_AT {
            // Its creation was cut short, and nothing can be in it.
            let removed = log.storage.remove(&name).await;
            removed.map_err(|error| log.explain("removed", &name, &error))?;
            break;
        }
        candidates.push(Candidate {
            number,
            length,
            header,
        });
    }
    Ok(candidates)
}

impl Recovery {
    /// Takes in a segment without header: nothing in it can be read.
    ///
    /// `next_ordinal` is where later segments go on, if there are any.
    fn add_unreadable(&mut self, log: &Log, candidate: &Candidate, next_ordinal: Option<u64>) {
        let name = segment_name(candidate.number);
        let lost = next_ordinal.map_or(1, |next| next.saturating_sub(self.index.next_ordinal));
        self.lose(log, &name, 0, lost);
        self.index.next_ordinal += lost;
        let header = Header {
            salt: 0,
            first_ordinal: self.index.next_ordinal,
            next_sequence: self.index.next_sequence,
        };
        let mut segment = Segment::new(candidate.number, header);
        segment.length = candidate.length;
        self.index.segments.push_back(segment);
    }

    /// Takes in a segment, and says whether it can be written on.
    ///
    /// `next_ordinal` is where the next segment goes on, if there is one.
    async fn add(
        &mut self,
        log: &Log,
        number: u64,
        length: u64,
        header: Header,
        next_ordinal: Option<u64>,
    ) -> Result<bool, JournalError> {
        let name = segment_name(number);
        let is_first = self.index.segments.is_empty();
        if !is_first && header.first_ordinal > self.index.next_ordinal {
            let lost = header.first_ordinal - self.index.next_ordinal;
            self.lose(log, &name, 0, lost);
        }
        self.index.next_sequence = self.index.next_sequence.max(header.next_sequence);
        let segment = Segment::new(number, header);
        self.index.segments.push_back(segment);

        let range = RECORDS_AT..length;
        let mut scan = SegmentScan::new(&*log.storage, &name, header.salt, range, CHUNK_SIZE);
        let scanned = self.scan(log, &mut scan, &header, next_ordinal).await;
        let mut scanned = scanned.map_err(|error| log.explain("read", &name, &error))?;
        if let Some(next_ordinal) = next_ordinal {
            scanned.promised = scanned.promised.max(next_ordinal);
        }
        Ok(self
            .settle_damage(log, &name, &header, length, scanned)
            .await)
    }

    async fn scan(
        &mut self,
        log: &Log,
        scan: &mut SegmentScan<'_>,
        header: &Header,
        next_ordinal: Option<u64>,
    ) -> io::Result<Scanned> {
        let mut scanned = Scanned {
            gaps: Vec::new(),
            end: RECORDS_AT,
            next_ordinal: header.first_ordinal,
            promised: header.first_ordinal,
            is_unreadable: false,
        };
        let mut damage = None;
        loop {
            let location = match scan.step().await? {
                Step::Record(location) => location,
                Step::Damage(range) => {
                    damage = Some(range);
                    continue;
                }
                Step::End => {
                    scanned.is_unreadable = scan.is_unreadable();
                    return Ok(scanned);
                }
            };
            let ordinal = header.first_ordinal + u64::from(location.head.ordinal);
            if location.head.kind.is_entry() && next_ordinal.is_some_and(|next| ordinal >= next) {
                // Left by a write that failed: what was promised of it stands
                // in the next segment, and here it may be there in part.
                return Ok(scanned);
            }
            let gap_end = match location.head.kind {
                Kind::Filler => location.head.sequence,
                _ => ordinal,
            };
            if damage.is_some() || gap_end > scanned.next_ordinal {
                scanned.gaps.push(Gap {
                    bytes: damage.take().unwrap_or(location.offset..location.offset),
                    ordinals: scanned.next_ordinal..gap_end.max(scanned.next_ordinal),
                });
            }
            scanned.next_ordinal = scanned.next_ordinal.max(ordinal);
            match location.head.kind {
                Kind::Match | Kind::Summary | Kind::DeadLetter => {
                    if !self.take_entry(log, &location, scan.content(&location)) {
                        let size = location.size as u64;
                        scanned.gaps.push(Gap {
                            bytes: location.offset..location.offset + size,
                            ordinals: ordinal..ordinal + 1,
                        });
                    }
                    scanned.next_ordinal = scanned.next_ordinal.max(ordinal + 1);
                }
                Kind::Acknowledged => {
                    self.take_acknowledged(scan.content(&location));
                    let next_sequence = self.index.next_sequence;
                    self.index.next_sequence = next_sequence.max(location.head.sequence);
                    scanned.promised = scanned.promised.max(ordinal);
                }
                Kind::Filler => {}
            }
            scanned.end = scan.offset();
        }
    }

    /// Takes in an entry; false when it cannot be understood.
    fn take_entry(&mut self, log: &Log, location: &Location, content: &[u8]) -> bool {
        let Head { kind, sequence, .. } = location.head;
        let Some(message) = message::decode(kind, content, &log.sources) else {
            return false;
        };
        if sequence < self.index.next_sequence {
            // Written a second time, after the first attempt had failed.
            return true;
        }
        let source = message.source();
        let known = self.open.iter_mut().find(|(name, _)| *name == source);
        match known {
            Some((_, open)) => {
                open.insert(sequence);
            }
            None => self
                .open
                .push((source, RoaringTreemap::from_iter([sequence]))),
        }
        self.index.next_sequence = sequence.saturating_add(1);
        let segment = self.index.segments.back_mut();
        let segment = segment.expect("the segment that is scanned is there");
        let received_at = message.received_at();
        segment.note(
            sequence,
            location.offset,
            received_at,
            log.limits.mark_spacing,
        );
        true
    }

    fn take_acknowledged(&mut self, content: &[u8]) {
        for range in ranges::decode(content).unwrap_or_default() {
            for (_, open) in &mut self.open {
                open.remove_range(range.clone());
            }
        }
    }

    /// Reports what is damaged, closes the gaps and cuts off the rest, so that
    /// the same is not found again. Says whether the segment can be written on.
    async fn settle_damage(
        &mut self,
        log: &Log,
        name: &str,
        header: &Header,
        length: u64,
        mut scanned: Scanned,
    ) -> bool {
        let mut end = scanned.end;
        if scanned.next_ordinal < scanned.promised {
            let size = RECORD_SIZE_MIN as u64;
            scanned.gaps.push(Gap {
                bytes: end..end + size,
                ordinals: scanned.next_ordinal..scanned.promised,
            });
            end += size;
        } else if end < length {
            tell_of_cut_write(name, &(end..length));
        }
        self.report(log, name, &scanned);
        // Not the largest of all: what failed at the end of an earlier segment
        // was counted again in this one.
        self.index.next_ordinal = scanned.next_ordinal.max(scanned.promised);
        let segment = self.index.segments.back_mut();
        segment
            .expect("the segment that was scanned is there")
            .length = end;
        if scanned.is_unreadable {
            return false;
        }
        let repaired = repair(log, name, header, length, end, &scanned.gaps).await;
        if let Err(error) = &repaired {
            tracing::warn!(
                file = name, %error,
                "damage to the journal cannot be repaired, and will be found again"
            );
        }
        let entries = self.index.next_ordinal - header.first_ordinal;
        repaired.is_ok() && entries <= WRITABLE_ENTRIES_MAX
    }

    /// Counts what is lost in a segment, and tells where.
    fn report(&mut self, log: &Log, name: &str, scanned: &Scanned) {
        let mut untold = 0;
        for (at, Gap { bytes, ordinals }) in scanned.gaps.iter().enumerate() {
            // What was not promised was being written when the process ended.
            let end = ordinals.end.min(scanned.promised);
            let lost = end.saturating_sub(ordinals.start);
            if lost == 0 {
                tell_of_cut_write(name, bytes);
            } else if at < PLACES_TOLD_MAX {
                self.lose(log, name, bytes.start, lost);
            } else {
                untold += lost;
            }
        }
        if untold > 0 {
            self.lose(log, name, scanned.gaps[PLACES_TOLD_MAX].bytes.start, untold);
        }
    }

    fn lose(&mut self, log: &Log, file: &str, offset: u64, lost: u64) {
        self.index.lost = self.index.lost.saturating_add(lost);
        log.health.take_damage(lost);
        tracing::error!(
            file,
            offset,
            lost,
            "the journal is damaged, entries are lost"
        );
    }

    /// Puts the index to work, and sums up.
    fn finish(self, log: &Log) -> Recovered {
        let Self { mut index, open } = self;
        let pending = open.iter().map(|(source, open)| (*source, open.len()));
        let pending = pending.filter(|(_, count)| *count > 0).collect();
        for (_, open) in open {
            index.open |= open;
        }
        index.acknowledge(&[]);
        let recovered = Recovered {
            pending,
            first: index.open.min(),
            next_sequence: index.next_sequence,
            lost: index.lost,
        };
        *log.index() = index;
        recovered
    }
}

/// Closes the gaps of a segment of `length` bytes, and cuts it off at `end`.
async fn repair(
    log: &Log,
    name: &str,
    header: &Header,
    length: u64,
    end: u64,
    gaps: &[Gap],
) -> io::Result<()> {
    for Gap { bytes, ordinals } in gaps {
        if let Some(filler) = filler(header, bytes, ordinals) {
            log.storage.write(name, bytes.start, filler).await?;
        }
    }
    if end < length {
        log.storage.truncate(name, end).await?;
    }
    if end != length || !gaps.is_empty() {
        log.storage.sync(name).await?;
    }
    Ok(())
}

/// Tells of bytes in which nothing was that anybody was promised.
fn tell_of_cut_write(file: &str, bytes: &Range<u64>) {
    tracing::warn!(
        file,
        offset = bytes.start,
        bytes = bytes.end - bytes.start,
        "a write to the journal was cut short or an acknowledgement is damaged; no entry is \
         lost, some that were published may come back"
    );
}

/// What takes the place of damage; none where it does not fit.
fn filler(header: &Header, bytes: &Range<u64>, ordinals: &Range<u64>) -> Option<Vec<u8>> {
    let size = usize::try_from(bytes.end - bytes.start).ok()?;
    let content_size = size.checked_sub(RECORD_SIZE_MIN)?;
    if content_size > record::CONTENT_SIZE_MAX {
        return None;
    }
    let head = Head {
        kind: Kind::Filler,
        ordinal: u32::try_from(ordinals.end - header.first_ordinal).ok()?,
        sequence: ordinals.start,
    };
    let mut buffer = Vec::with_capacity(size);
    record::encode(&mut buffer, header.salt, bytes.start, head, |buffer| {
        buffer.resize(buffer.len() + content_size, 0);
    });
    Some(buffer)
}
