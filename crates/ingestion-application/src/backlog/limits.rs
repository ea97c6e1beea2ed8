//! How much, how long: every limit of the backlog.

use std::time::Duration;

/// How much of what is pending may be where.
///
/// A match weighs one. So do 512 bytes of a summary or a dead letter.
#[derive(Debug, Clone, Copy)]
pub struct BacklogLimits {
    /// So much may wait in memory in front of the publisher, which holds about
    /// as much itself: 10 MiB of summaries or dead letters, or 2 MiB of matches.
    pub head_weight_max: usize,
    /// At so much the tail is written to the journal and leaves memory …
    pub spill_weight: usize,
    /// … and at so much feeds wait for that: the disk sets the pace.
    pub tail_weight_max: usize,
    /// So many messages are handed to the publisher in one go.
    pub send_batch: usize,
    /// A write to the journal holds at most so many entries: all that wait as a
    /// rule, for each write is a sync, and what waits for several of them may
    /// have waited for too long …
    pub write_batch: usize,
    /// … and takes no further one beyond this weight: 10 MiB.
    pub write_batch_weight_max: usize,
    /// So many acknowledgements are kept while the journal cannot take them.
    pub acknowledgements_kept_max: usize,
    /// What has been received is on disk within this time, or feeds are not
    /// read until it is.
    pub protected_within: Duration,
}

impl BacklogLimits {
    /// What the service runs with.
    pub const DEFAULT: Self = Self {
        head_weight_max: 20_000,
        spill_weight: 8_000,
        tail_weight_max: 20_000,
        send_batch: 256,
        write_batch: 20_000,
        write_batch_weight_max: 20_000,
        acknowledgements_kept_max: 65_536,
        protected_within: Duration::from_millis(600),
    };
}

/// A match weighs one; one weight also stands for so many bytes of a summary
/// or a dead letter.
pub(super) const BYTES_PER_WEIGHT: usize = 512;

/// So many entries are read from the journal in one go.
pub(super) const READ_BATCH: usize = 4096;

/// What Kafka has not acknowledged by then is written to the journal: well
/// above what a healthy broker takes, well below
/// [`BacklogLimits::protected_within`].
pub(super) const WRITTEN_AFTER: Duration = Duration::from_millis(150);

/// How often it is looked whether something is to be written.
pub(super) const WRITE_INTERVAL: Duration = Duration::from_millis(50);

/// How often lateness is judged and the ledger checked.
pub(super) const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// So many newest summaries of the topic are remembered at a start: what an
/// earlier process may have published and not noted, and what feeds tell again.
pub(super) const SUMMARIES_RESTORED: usize = 50_000;

/// So many checkpoints of a feed wait for the messages before them; of further
/// ones the last counts.
pub(super) const CHECKPOINTS_MAX: usize = 64;

/// Pause after the journal has failed or was full.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Draining goes on as long as Kafka acknowledges something within this time:
/// a large transaction on a busy machine is well within it.
pub(super) const PROGRESS_WITHIN: Duration = Duration::from_secs(4);
