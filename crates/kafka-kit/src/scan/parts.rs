//! Which part of a topic is read, partition by partition.

use rdkafka::error::RDKafkaErrorCode;

use crate::{
    reader::Reader,
    undecided::{EndOffsets, Sight},
};

/// A record may be stamped earlier than its neighbours, or by a broker whose
/// clock is behind: whoever asks for a time is shown a little more.
const CLOCK_DIFFERENCE_MAX_MS: i64 = 5 * 60 * 1000;

/// What is read of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanPart {
    /// Which one.
    pub partition: i32,
    /// From this offset on.
    pub next: i64,
    /// Up to this one, not included.
    pub end: i64,
}

/// Which part of a topic is read.
#[derive(Debug, Clone)]
pub(super) enum Choice {
    /// What was written at a time or later, to the end; or everything.
    From(Option<i64>),
    /// What was written from one time to another.
    Span(i64, i64),
    /// These offsets, as far as they are still there.
    Parts(Vec<ScanPart>),
}

impl ScanPart {
    /// How many offsets that are.
    #[must_use]
    pub fn left(&self) -> u64 {
        u64::try_from(self.end - self.next).unwrap_or(0)
    }
}

/// Where to read from in every partition, and where to stop: whatever is there
/// is wanted, also what cannot be read yet. Nothing in those that have nothing.
pub(super) fn find(
    sight: &Sight,
    ends: &EndOffsets,
    choice: &Choice,
) -> Result<Vec<ScanPart>, RDKafkaErrorCode> {
    let everything = sight.everything();
    let mut parts = Vec::new();
    for (&partition, &last) in ends {
        let first = everything.range(partition)?.0;
        // Without a record of then or later there is none before the end either.
        let at = |unix_ms: i64| {
            let found = everything.offset_at(partition, unix_ms.max(0))?;
            Ok::<_, RDKafkaErrorCode>(found.unwrap_or(last))
        };
        let earlier = |unix_ms: i64| unix_ms.saturating_sub(CLOCK_DIFFERENCE_MAX_MS);
        let (next, end) = match choice {
            Choice::From(None) => (first, last),
            Choice::From(Some(from)) => (at(earlier(*from))?, last),
            Choice::Span(from, to) => {
                let later = to.saturating_add(CLOCK_DIFFERENCE_MAX_MS);
                (at(earlier(*from))?, at(later)?)
            }
            Choice::Parts(parts) => {
                let mut named = parts.iter().filter(|part| part.partition == partition);
                named
                    .next()
                    .map_or((last, last), |part| (part.next, part.end))
            }
        };
        let last = last.max(first);
        let (next, end) = (next.clamp(first, last), end.clamp(first, last));
        if next < end {
            parts.push(ScanPart {
                partition,
                next,
                end,
            });
        }
    }
    Ok(parts)
}

/// Up to where each partition is to be read.
pub(super) fn wanted(parts: &[ScanPart]) -> EndOffsets {
    parts
        .iter()
        .map(|part| (part.partition, part.end))
        .collect()
}

/// Reads on where each part goes on.
pub(super) fn seek(reader: &Reader, parts: &[ScanPart]) -> Result<(), RDKafkaErrorCode> {
    reader.seek(parts.iter().map(|part| (part.partition, part.next)))
}

/// Goes on to `next`, or to the end that was there at first; whether what is
/// just before `next` belongs to what was to be read.
pub(super) fn pass(parts: &mut [ScanPart], partition: i32, next: i64, passed: &mut u64) -> bool {
    let found = parts.iter_mut().find(|part| part.partition == partition);
    // Of a partition that was left a moment ago.
    let Some(part) = found else { return false };
    let is_within = next <= part.end;
    let next = next.min(part.end);
    *passed += u64::try_from(next - part.next).unwrap_or(0);
    part.next = next;
    is_within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_passed_once_and_none_beyond_the_end() {
        let mut parts = [ScanPart {
            partition: 3,
            next: 10,
            end: 20,
        }];
        let mut passed = 0;
        // Offsets of markers are passed with the next record.
        for (partition, next, is_within, expected) in [
            (3, 11, true, 1),
            (3, 15, true, 5),
            (4, 1, false, 5),
            (3, 20, true, 10),
            (3, 21, false, 10),
            (3, i64::MAX, false, 10),
        ] {
            assert_eq!(pass(&mut parts, partition, next, &mut passed), is_within);
            assert_eq!(passed, expected, "at {next}");
        }
        assert_eq!(parts[0].left(), 0);
    }
}
