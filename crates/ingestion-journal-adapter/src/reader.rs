//! Reads open entries back.

use std::io;

use ingestion_application::ports::{JournalEntry, JournalError};

use crate::{
    format::message,
    index::{Cursor, Found, segment_name},
    log::Log,
    segment_scan::{SegmentScan, Step},
};

/// Read from the disk at once; entries that follow are likely to be wanted.
const CHUNK_SIZE: usize = 64 * 1024;
/// What one call returns at most, unless a single entry is larger.
const READ_BYTES_MAX: usize = 1024 * 1024;

/// The first open entries at or after `from`, from one segment.
pub(crate) async fn read(
    log: &Log,
    from: u64,
    count: usize,
) -> Result<Vec<JournalEntry>, JournalError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    loop {
        let found = log.index().find(from);
        let Some(found) = found else {
            return Ok(Vec::new());
        };
        let name = segment_name(found.number);
        match read_segment(log, &found, &name, from, count).await {
            // What was to be there is damaged, and has been given up.
            Ok(entries) if entries.is_empty() => {}
            Ok(entries) => return Ok(entries),
            Err(_) if log.index().segment(found.number).is_none() => {
                // Acknowledged and removed meanwhile.
            }
            Err(error) => return Err(log.explain("read", &name, &error)),
        }
    }
}

async fn read_segment(
    log: &Log,
    found: &Found,
    name: &str,
    from: u64,
    count: usize,
) -> io::Result<Vec<JournalEntry>> {
    let range = found.offset..found.length;
    let mut scan = SegmentScan::new(&*log.storage, name, found.salt, range, CHUNK_SIZE);
    let mut entries = Vec::new();
    let mut size = 0;
    // Open entries below have been seen, or given up.
    let mut next = found.from;
    let mut damaged_at = found.offset;
    while entries.len() < count {
        let location = match scan.step().await? {
            Step::Record(location) => location,
            Step::Damage(range) => {
                damaged_at = range.start;
                continue;
            }
            Step::End => {
                give_up(log, name, scan.offset(), next, found.last_sequence);
                break;
            }
        };
        let sequence = location.head.sequence;
        if !location.head.kind.is_entry() || sequence < next {
            continue;
        }
        if sequence > next {
            give_up(log, name, damaged_at, next, sequence - 1);
        }
        if sequence >= from && log.index().open.contains(sequence) {
            if size > 0 && size + location.size > READ_BYTES_MAX {
                break;
            }
            size += location.size;
            let content = scan.content(&location);
            if let Some(message) = message::decode(location.head.kind, content, &log.sources) {
                entries.push(JournalEntry { sequence, message });
            } else {
                give_up(log, name, location.offset, sequence, sequence);
            }
        }
        next = sequence + 1;
        damaged_at = scan.offset();
        if entries.len() == count {
            remember(log, found.number, next, scan.offset());
        }
    }
    Ok(entries)
}

/// Counts the open entries from `from` to `to` as lost: they were to be
/// here, and are not.
fn give_up(log: &Log, name: &str, offset: u64, from: u64, to: u64) {
    let lost = log.index().lose(from, to);
    if lost > 0 {
        log.health.take_damage(lost);
        tracing::error!(
            file = name,
            offset,
            lost,
            "the journal is damaged, entries are lost"
        );
    }
}

fn remember(log: &Log, number: u64, sequence: u64, offset: u64) {
    log.index().cursor = Some(Cursor {
        sequence,
        number,
        offset,
    });
}
