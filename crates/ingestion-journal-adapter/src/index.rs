//! What is known in memory of the files: which entries are open, and about where.
//!
//! An open entry costs a bit where sequences are dense and at most two bytes
//! where they are not; places are kept for one in many.

use std::collections::VecDeque;

use domain::Timestamp;
use ingestion_application::ports::JournalFigures;
use roaring::RoaringTreemap;

use crate::format::{
    NUMBER_MAX,
    header::{Header, RECORDS_AT},
};

/// How segments are named; the number stands between.
const NAME_PREFIX: &str = "segment-";
const NAME_SUFFIX: &str = ".journal";

/// The files and what is open in them.
#[derive(Default)]
pub(crate) struct Index {
    /// In ascending order of number, and of everything else.
    pub(crate) segments: VecDeque<Segment>,
    /// The sequences of entries that are not acknowledged.
    pub(crate) open: RoaringTreemap,
    /// Above every sequence that was given.
    pub(crate) next_sequence: u64,
    /// How many entries there have been.
    pub(crate) next_ordinal: u64,
    /// Entries found damaged.
    pub(crate) lost: u64,
    /// Where the last reader stopped.
    pub(crate) cursor: Option<Cursor>,
}

/// A file.
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) header: Header,
    /// Up to here it is whole and durable.
    pub(crate) length: u64,
    /// The last entry in it, if there is one.
    pub(crate) last_sequence: Option<u64>,
    /// No entry in it was received before; none without entries.
    oldest: Option<Timestamp>,
    marks: VecDeque<Mark>,
}

/// A place in a segment.
struct Mark {
    /// Of the entry that stands there.
    first_sequence: u64,
    offset: u64,
    /// No entry from here to the next mark was received before.
    oldest: Timestamp,
}

/// A place to read on from.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    /// Everything before is before the place, too.
    pub(crate) sequence: u64,
    pub(crate) number: u64,
    pub(crate) offset: u64,
}

/// Where to look for an entry, and what is known of its file.
pub(crate) struct Found {
    pub(crate) number: u64,
    pub(crate) salt: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) last_sequence: u64,
    /// No open entry below this stands at or behind the offset.
    pub(crate) from: u64,
}

pub(crate) fn segment_name(number: u64) -> String {
    format!("{NAME_PREFIX}{number:010}{NAME_SUFFIX}")
}

/// The number in the name of a segment; none for other files.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(NAME_PREFIX)?.strip_suffix(NAME_SUFFIX)?;
    let number = digits.parse().ok()?;
    (segment_name(number) == name && number <= NUMBER_MAX).then_some(number)
}

impl Segment {
    pub(crate) fn new(number: u64, header: Header) -> Self {
        Self {
            number,
            header,
            length: RECORDS_AT,
            last_sequence: None,
            oldest: None,
            marks: VecDeque::new(),
        }
    }

    /// Notes an entry, behind all that were noted before.
    pub(crate) fn note(&mut self, sequence: u64, offset: u64, received: Timestamp, spacing: u64) {
        self.last_sequence = Some(sequence);
        self.oldest = Some(self.oldest.map_or(received, |oldest| oldest.min(received)));
        match self.marks.back_mut() {
            Some(mark) if offset - mark.offset < spacing => mark.oldest = mark.oldest.min(received),
            _ => self.marks.push_back(Mark {
                first_sequence: sequence,
                offset,
                oldest: received,
            }),
        }
    }

    /// The last mark at or before `sequence`.
    fn mark_before(&self, sequence: u64) -> Option<&Mark> {
        let after = self
            .marks
            .partition_point(|mark| mark.first_sequence <= sequence);
        self.marks.get(after.checked_sub(1)?)
    }

    /// Forgets places before `first_open`, where nobody reads any more.
    fn forget_before(&mut self, first_open: Option<u64>) {
        let Some(first_open) = first_open else {
            self.marks.clear();
            return;
        };
        while (self.marks.get(1)).is_some_and(|next| next.first_sequence <= first_open) {
            self.marks.pop_front();
        }
    }
}

impl Index {
    /// Bytes in all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// Lets go of entries; those that are not open are no matter.
    pub(crate) fn acknowledge(&mut self, sequences: &[u64]) {
        for sequence in sequences {
            self.open.remove(*sequence);
        }
        self.forget_places();
    }

    /// Gives up the open entries in a range, and returns how many they were.
    pub(crate) fn lose(&mut self, from: u64, to: u64) -> u64 {
        if from > to {
            return 0;
        }
        let lost = self.open.remove_range(from..=to);
        self.lost = self.lost.saturating_add(lost);
        if lost > 0 {
            self.forget_places();
        }
        lost
    }

    /// The segment that can be removed next, if any: everything in it is
    /// acknowledged, and in all before it. The last one stays, for it knows
    /// which sequences were given.
    pub(crate) fn removable(&self) -> Option<u64> {
        let first = self.segments.front()?;
        let is_open = match (first.last_sequence, self.open.min()) {
            (Some(last), Some(first_open)) => first_open <= last,
            _ => false,
        };
        (self.segments.len() > 1 && !is_open).then_some(first.number)
    }

    /// Where the first open entry at or after `from` is.
    pub(crate) fn find(&self, from: u64) -> Option<Found> {
        let mut open = self.open.iter();
        open.advance_to(from);
        let target = open.next()?;
        let after = |segment: &Segment| segment.last_sequence.is_some_and(|last| last >= target);
        let segment = self.segments.iter().find(|segment| after(segment))?;
        let mark = segment.mark_before(target);
        let (mut offset, mut from) =
            mark.map_or((RECORDS_AT, 0), |mark| (mark.offset, mark.first_sequence));
        if let Some(cursor) = self.cursor
            && cursor.number == segment.number
            && cursor.sequence <= target
            && cursor.offset > offset
        {
            (offset, from) = (cursor.offset, cursor.sequence);
        }
        Some(Found {
            number: segment.number,
            salt: segment.header.salt,
            offset,
            length: segment.length,
            last_sequence: segment.last_sequence?,
            from,
        })
    }

    pub(crate) fn segment(&self, number: u64) -> Option<&Segment> {
        self.segments
            .iter()
            .find(|segment| segment.number == number)
    }

    /// … of a journal in which nothing more should be received beyond `full_at` bytes.
    pub(crate) fn figures(&self, full_at: u64) -> JournalFigures {
        let bytes = self.bytes();
        JournalFigures {
            bytes,
            room: full_at.saturating_sub(bytes),
            oldest: self.oldest(),
            lost: self.lost,
        }
    }

    fn oldest(&self) -> Option<Timestamp> {
        let first_open = self.open.min()?;
        let after =
            |segment: &&Segment| segment.last_sequence.is_some_and(|last| last >= first_open);
        let mut segments = self.segments.iter().filter(after);
        let marks = segments.next()?.marks.iter().map(|mark| mark.oldest);
        marks
            .chain(segments.filter_map(|segment| segment.oldest))
            .min()
    }

    fn forget_places(&mut self) {
        let first_open = self.open.min();
        for segment in &mut self.segments {
            let is_open = first_open.is_some_and(|first| segment.last_sequence >= Some(first));
            segment.forget_before(first_open);
            if is_open {
                return;
            }
        }
    }
}
