//! Where the journal is, and how large it may become.

use std::path::PathBuf;

use crate::storage::Space;

/// A new segment begins beyond this: small enough that what is acknowledged
/// leaves the disk soon, large enough that 1 GiB is 64 files.
const SEGMENT_SIZE_MAX: u64 = 16 * 1024 * 1024;
/// However small the journal may be, it has about so many segments, so that
/// it need not be empty before it can shrink.
const SEGMENTS_MIN: u64 = 8;
/// Kept free below the size limit, so that a full journal can still note what
/// is acknowledged: a sixteenth, though no more than a segment.
const RESERVE_SHARE: u64 = 16;
/// … and so much below that for what has been received already when nothing more
/// may be: a few batches of a feed.
const RECEIVED_SHARE: u64 = 4;
const RECEIVED_MAX: u64 = 1024 * 1024;
/// Left free on the disk for whoever else needs it, as a full disk breaks more
/// than the journal: a sixteenth of it, though no more than this.
const FREE_SHARE: u64 = 16;
const FREE_MAX: u64 = 64 * 1024 * 1024;
/// A segment in which nothing is open any more makes place for a new one when
/// it is larger: rarely enough to cost nothing, small enough to be read at once.
const SHRINK_AT: u64 = 256 * 1024;
/// The places that are remembered of a journal of any size.
const MARKS_MAX: u64 = 65_536;
/// And their distance in a small one; what is read for nothing when a reader jumps.
const MARK_SPACING_MIN: u64 = 16 * 1024;

/// How the journal is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSettings {
    /// The folder, for this journal alone; it is created.
    pub dir: PathBuf,
    /// How many bytes the folder may hold.
    pub size_max: u64,
}

/// What follows from the size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) size_max: u64,
    /// Of everything but acknowledgements.
    pub(crate) entries_size_max: u64,
    /// Beyond this nothing more should be received.
    pub(crate) full_at: u64,
    pub(crate) segment_size_max: u64,
    /// Where a segment without open entries is given up for a new one.
    pub(crate) shrink_at: u64,
    pub(crate) mark_spacing: u64,
}

/// How many bytes of a disk are left to others.
pub(crate) fn left_to_others(disk: Space) -> u64 {
    (disk.size / FREE_SHARE).min(FREE_MAX)
}

impl Limits {
    pub(crate) fn new(size_max: u64) -> Self {
        let reserve = (size_max / RESERVE_SHARE).min(SEGMENT_SIZE_MAX);
        let received = (size_max / RECEIVED_SHARE).min(RECEIVED_MAX);
        let segment_size_max = SEGMENT_SIZE_MAX.min(size_max / SEGMENTS_MIN);
        Self {
            size_max,
            entries_size_max: size_max - reserve,
            full_at: size_max - reserve - received,
            segment_size_max,
            shrink_at: SHRINK_AT.min(segment_size_max / 4),
            mark_spacing: MARK_SPACING_MIN.max(size_max / MARKS_MAX),
        }
    }
}
