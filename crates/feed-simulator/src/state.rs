//! The feed behind its lock: which frame comes next, and which are proved.
//!
//! No socket and no waiting: a connection asks for a batch, and reports pongs and its own end.

use std::collections::{BTreeSet, VecDeque};

use bytes::BytesMut;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use crate::{
    arrivals::Arrivals,
    config::{AtEnd, Config, MessageFormat, MessageKind},
    faults::{ConnectionPlan, Fault, FaultSchedule, UpgradeFault},
    generator::{Content, Generator},
    line_batch::LineBatch,
    replay::ReplayError,
    truth::{ConnectionRecord, Proof, ProvedFrame, Truth},
    wire,
};

/// A batch is full at this size: some thousand bare frames, one write.
const BATCH_BYTES: usize = 64 * 1024;

/// Frames that may await their proof; with as many the feed waits for a pong.
const UNPROVED_FRAMES_MAX: usize = 256 * 1024;

/// Connections of which a record is kept.
const CONNECTIONS_RECORDED_MAX: usize = 10_000;

/// Ids that may await whoever follows the feed; with as many the feed waits too.
const FOLLOWED_IDS_MAX: usize = 100_000;

/// Frames handed in that may wait to be sent.
pub(crate) const GIVEN_FRAMES_MAX: usize = 100_000;

/// So many messages with lines are followed by one that is a blank line alone.
const BLANK_FRACTION: f64 = 0.1;

/// Makes the schedule of faults independent of the frames.
const FAULT_SEED: u64 = 0x00fa_0175;

/// What a batch brought.
pub(crate) struct Batch {
    /// Data messages appended.
    pub(crate) frames: u64,
    /// The number that a pong proves the batch with.
    pub(crate) sequence: u64,
    /// When to ask again; `None` when something else has to happen first.
    pub(crate) next_due: Option<Instant>,
    /// Whether this connection has sent all there is, and is to prove it at once.
    pub(crate) all_sent: bool,
    /// Whether the run is over and the connection is to close.
    pub(crate) close: bool,
}

/// A fault asked for while running; each connection looks at its number to see whether it is new.
#[derive(Clone)]
pub(crate) struct Cut {
    pub(crate) number: u64,
    pub(crate) fault: Fault,
}

pub(crate) struct FeedState {
    generator: Generator,
    arrivals: Arrivals,
    /// Of arrivals, faults and fragments: the frames themselves do not depend on the time.
    rng: StdRng,
    faults: FaultSchedule,
    fragmented_fraction: f64,
    format: MessageFormat,
    /// Frames of a batch that are to be lines of a message.
    lines: LineBatch,
    resend_unproved: bool,
    at_end: AtEnd,
    record_ids: bool,
    pub(crate) paused: bool,
    pub(crate) standing_upgrade_fault: Option<UpgradeFault>,
    pub(crate) cut: Option<Cut>,
    pub(crate) given: VecDeque<Content>,
    /// Sent on a connection that broke.
    resend: VecDeque<Content>,
    /// Sent on the connection that owns the feed, oldest first.
    unproved: VecDeque<Content>,
    /// Frames sent so far, each time they were sent: the number of the next one.
    sequence: u64,
    /// Open connections; the feed belongs to the newest.
    open: BTreeSet<u64>,
    truth: Truth,
    pub(crate) ids_sent: Vec<i64>,
    pub(crate) ids_proved: Vec<i64>,
    /// Matches sent since they were last asked for; `None` while nobody follows the feed.
    pub(crate) followed: Option<Vec<i64>>,
    /// `None` where they are not asked for.
    pub(crate) proofs: Option<Vec<Proof>>,
    body: Vec<u8>,
}

impl FeedState {
    /// # Errors
    /// A recorded file cannot be replayed.
    pub(crate) fn try_new(config: &Config) -> Result<Self, ReplayError> {
        Ok(Self {
            generator: Generator::try_new(config)?,
            arrivals: Arrivals::new(config.rate),
            rng: StdRng::seed_from_u64(config.seed ^ FAULT_SEED),
            faults: config.faults.clone(),
            fragmented_fraction: config.fragmented_fraction,
            format: config.format,
            lines: LineBatch::default(),
            resend_unproved: config.resend_unproved,
            at_end: config.at_end,
            record_ids: config.record_ids,
            paused: false,
            standing_upgrade_fault: None,
            cut: None,
            given: VecDeque::new(),
            resend: VecDeque::new(),
            unproved: VecDeque::new(),
            sequence: 0,
            open: BTreeSet::new(),
            truth: Truth::default(),
            ids_sent: Vec::new(),
            ids_proved: Vec::new(),
            followed: None,
            proofs: config.record_proofs.then(Vec::new),
            body: Vec::new(),
        })
    }

    /// Whether all matches are sent and every frame is proved.
    pub(crate) fn is_finished(&self) -> bool {
        self.all_sent() && self.unproved.is_empty()
    }

    pub(crate) fn truth(&self, elapsed_ms: u64) -> Truth {
        Truth {
            elapsed_ms,
            finished: self.is_finished(),
            ids_proved: self.truth.proved.genuine,
            frames_unproved: (self.unproved.len() + self.resend.len()) as u64,
            ..self.truth.clone()
        }
    }

    pub(crate) fn set_rate(&mut self, rate: f64) {
        self.arrivals = Arrivals::new(rate);
    }

    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.arrivals.restart();
    }

    /// Counts a connection; its number and what it will go through.
    pub(crate) fn accept(&mut self, opened_ms: u64) -> (u64, ConnectionPlan) {
        let number = self.truth.connections_opened;
        self.truth.connections_opened += 1;
        if self.truth.connections.len() < CONNECTIONS_RECORDED_MAX {
            self.truth.connections.push(ConnectionRecord {
                opened_ms,
                ..ConnectionRecord::default()
            });
        }
        let plan = match &self.standing_upgrade_fault {
            Some(fault) => ConnectionPlan::at_upgrade(fault.clone()),
            None => self.faults.next_plan(&mut self.rng),
        };
        (number, plan)
    }

    /// Changes the record of a connection, if there is one.
    pub(crate) fn record(&mut self, connection: u64, change: impl FnOnce(&mut ConnectionRecord)) {
        let index = usize::try_from(connection).ok();
        if let Some(record) = index.and_then(|index| self.truth.connections.get_mut(index)) {
            change(record);
        }
    }

    /// Gives the feed to a new connection, if there is none newer.
    pub(crate) fn join(&mut self, connection: u64) {
        let owner_before = self.open.last().copied();
        self.open.insert(connection);
        if self.open.last().copied() != owner_before {
            self.change_owner();
        }
    }

    /// Takes the feed from a connection, which then belongs to the newest of the others.
    pub(crate) fn leave(&mut self, connection: u64) {
        let owned = self.owns(connection);
        self.open.remove(&connection);
        if owned {
            self.change_owner();
        }
    }

    /// Appends what is due to a connection's buffer.
    pub(crate) fn fill(
        &mut self,
        connection: u64,
        frames_max: u64,
        now: Instant,
        out: &mut BytesMut,
    ) -> Batch {
        let mut batch = Batch {
            frames: 0,
            sequence: self.sequence,
            next_due: None,
            all_sent: false,
            close: false,
        };
        if !self.owns(connection) || self.paused {
            return batch;
        }
        while batch.frames < frames_max
            && out.len() < BATCH_BYTES
            && self.unproved.len() < UNPROVED_FRAMES_MAX
            && self.is_followed()
        {
            let Some(content) = self.next_content(now) else {
                break;
            };
            self.write(&content, out);
            self.truth.sent.count(&content);
            self.unproved.push_back(content);
            self.sequence += 1;
            batch.frames += 1;
        }
        self.write_lines(out);
        batch.sequence = self.sequence;
        batch.all_sent = self.all_sent();
        batch.next_due = if batch.all_sent {
            None
        } else {
            self.arrivals.next_due()
        };
        batch.close = self.at_end == AtEnd::Close && self.is_finished();
        batch
    }

    /// Proves the frames before a sequence number; whether there were any.
    ///
    /// Pongs of a connection that lost the feed carry numbers below all that is unproved, and an
    /// invented number above all that was sent proves nothing.
    pub(crate) fn prove(&mut self, connection: u64, sequence: u64, now_ms: u64) -> bool {
        let proved_before = self.sequence - self.unproved.len() as u64;
        if sequence > self.sequence || sequence <= proved_before {
            return false;
        }
        for _ in proved_before..sequence {
            let content = self.unproved.pop_front().expect("one for each number");
            self.truth.proved.count(&content);
            if let (true, Content::Genuine(row)) = (self.record_ids, &content) {
                self.ids_proved.push(row.match_id);
            }
            if let (Some(proofs), Some(frame)) = (&mut self.proofs, ProvedFrame::of(&content)) {
                proofs.push(Proof {
                    frame,
                    connection: u32::try_from(connection).unwrap_or(u32::MAX),
                    proved_ms: u32::try_from(now_ms).unwrap_or(u32::MAX),
                });
            }
        }
        true
    }

    fn owns(&self, connection: u64) -> bool {
        self.open.last() == Some(&connection)
    }

    fn all_sent(&self) -> bool {
        self.generator.is_exhausted() && self.given.is_empty() && self.resend.is_empty()
    }

    /// Whether nobody follows the feed, or whoever does can keep up.
    fn is_followed(&self) -> bool {
        let followed = self.followed.as_ref();
        followed.is_none_or(|ids| ids.len() < FOLLOWED_IDS_MAX)
    }

    /// What the last owner left unproved goes first to the next one.
    fn change_owner(&mut self) {
        self.arrivals.restart();
        if self.resend_unproved {
            self.unproved.append(&mut self.resend);
            std::mem::swap(&mut self.unproved, &mut self.resend);
        } else {
            for content in self.unproved.drain(..) {
                self.truth.abandoned.count(&content);
            }
        }
    }

    fn next_content(&mut self, now: Instant) -> Option<Content> {
        if let Some(content) = self.resend.pop_front() {
            self.truth.frames_resent += 1;
            return Some(content);
        }
        let content = match self.given.pop_front() {
            Some(content) => content,
            None if self.arrivals.take_due(now, &mut self.rng) => self.generator.next()?,
            None => return None,
        };
        if let Content::Genuine(row) = &content {
            self.truth.ids_sent += 1;
            self.truth.ids_digest.add(row.match_id);
            if self.record_ids {
                self.ids_sent.push(row.match_id);
            }
            if let Some(followed) = &mut self.followed {
                followed.push(row.match_id);
            }
        }
        Some(content)
    }

    fn write(&mut self, content: &Content, out: &mut BytesMut) {
        self.body.clear();
        let kind = self.generator.write_body(content, &mut self.body);
        if self.format == MessageFormat::Lines {
            self.lines.add(kind, &self.body);
            if self.lines.is_full() {
                self.write_lines(out);
            }
            return;
        }
        if self.fragmented_fraction > 0.0 && self.rng.random_bool(self.fragmented_fraction) {
            wire::write_fragmented(out, kind, &self.body);
        } else {
            wire::write_message(out, kind, &self.body);
        }
    }

    /// Writes the lines there are as one message, sometimes with nothing but a blank line behind.
    fn write_lines(&mut self, out: &mut BytesMut) {
        let Some((kind, body)) = self.lines.take() else {
            return;
        };
        if self.fragmented_fraction > 0.0 && self.rng.random_bool(self.fragmented_fraction) {
            wire::write_fragmented(out, kind, &body);
        } else {
            wire::write_message(out, kind, &body);
        }
        if self.rng.random_bool(BLANK_FRACTION) {
            wire::write_message(out, MessageKind::Text, b"\n");
        }
    }
}
