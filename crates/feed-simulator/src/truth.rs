//! What was sent, and what is proved to have been read.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{digest::IdDigest, generator::Content, invalid::InvalidReason};

/// The state of a feed at one moment; all figures are of the same moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Truth {
    /// Time since the feed began.
    pub elapsed_ms: u64,
    /// Whether all of the run's matches are sent and nothing is left to prove.
    pub finished: bool,
    /// Distinct genuine matches sent.
    pub ids_sent: u64,
    /// The digest of these matches.
    pub ids_digest: IdDigest,
    /// Distinct genuine matches proved to have been read.
    pub ids_proved: u64,
    /// Every frame sent, each time it was sent.
    pub sent: FrameCounts,
    /// Every frame proved, once: one sent again counts when its last copy is proved.
    pub proved: FrameCounts,
    /// Frames sent on a connection that broke before they were proved, and not sent again.
    /// The client may or may not have read them.
    pub abandoned: FrameCounts,
    /// Frames sent, not proved yet, and not given up.
    pub frames_unproved: u64,
    /// Frames sent again after a connection broke. The client may have read them twice.
    pub frames_resent: u64,
    /// TCP connections accepted, or streams served, whatever became of them.
    pub connections_opened: u64,
    /// The first ten thousand of them, in order.
    pub connections: Vec<ConnectionRecord>,
}

/// Data messages by what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrameCounts {
    /// Matches that were not sent before, other than to make up for a broken connection.
    pub genuine: u64,
    /// Matches repeated on purpose.
    pub duplicates: u64,
    /// Frames that are no match, by reason.
    pub invalid: BTreeMap<InvalidReason, u64>,
    /// Frames handed in by the user, recorded rows without an id, and envelopes of another type.
    pub other: u64,
}

/// A frame of which the client has proved that it had read it by then, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What it held.
    pub frame: ProvedFrame,
    /// The connection the pong came over: an index into [`Truth::connections`].
    pub connection: u32,
    /// When the pong was read, since the feed began.
    pub proved_ms: u32,
}

/// What a proved frame held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvedFrame {
    /// A match.
    Genuine(i64),
    /// A match repeated on purpose.
    Duplicate(i64),
    /// No match, for this reason.
    Invalid(InvalidReason),
}

/// What became of one connection.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConnectionRecord {
    /// When it was accepted, since the feed began.
    pub opened_ms: u64,
    /// When it was over for the simulator, since the feed began. A half-open one is over at once.
    pub ended_ms: Option<u64>,
    /// Whether it became a websocket.
    pub upgraded: bool,
    /// Path and query of the request, once it was read.
    pub path: Option<String>,
    /// Headers of the request by lower-case name. Not shown over HTTP: they may hold secrets.
    #[serde(skip)]
    pub headers: BTreeMap<String, String>,
    /// The faults it went through, as they are written in a schedule.
    pub faults: Vec<String>,
    /// The code of the close frame the client sent, 1005 if it had none.
    pub client_close_code: Option<u16>,
}

impl FrameCounts {
    /// Frames of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.genuine + self.duplicates + self.other + self.invalid_total()
    }

    /// Invalid frames of all reasons.
    #[must_use]
    pub fn invalid_total(&self) -> u64 {
        self.invalid.values().sum()
    }

    pub(crate) fn count(&mut self, content: &Content) {
        match content {
            Content::Genuine(_) => self.genuine += 1,
            Content::Duplicate(_) => self.duplicates += 1,
            Content::Invalid { reason, .. } => *self.invalid.entry(*reason).or_default() += 1,
            Content::Given { .. } => self.other += 1,
        }
    }
}

impl ProvedFrame {
    /// `None` for frames handed in from outside, whose meaning is not known here.
    pub(crate) fn of(content: &Content) -> Option<Self> {
        match content {
            Content::Genuine(row) => Some(Self::Genuine(row.match_id)),
            Content::Duplicate(row) => Some(Self::Duplicate(row.match_id)),
            Content::Invalid { reason, .. } => Some(Self::Invalid(*reason)),
            Content::Given { .. } => None,
        }
    }
}
