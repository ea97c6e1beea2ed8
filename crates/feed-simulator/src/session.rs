//! What a connection says next, without its socket.
//!
//! Buffers in, buffers out, and the moment at which to look again; the waiting is done elsewhere.

use std::{collections::VecDeque, io, time::Duration};

use bytes::BytesMut;
use tokio::{sync::watch, time::Instant};

use crate::{
    config::MessageKind,
    faults::{Fault, PlannedFault, SILENCE_DURATION_MAX},
    feed::Feed,
    truth::ConnectionRecord,
    wire::{self, ClientFrame},
};

/// How long the closing handshake may take.
pub(crate) const CLOSE_DURATION_MAX: Duration = Duration::from_secs(5);

/// Frames after which the client is asked to prove what it has read.
const FRAMES_BETWEEN_PINGS: u64 = 1_000;

/// Time after which it is asked, however few the frames.
const PING_DELAY: Duration = Duration::from_millis(100);

/// The most that is read at once.
const READ_BYTES: usize = 4 * 1024;

/// The most that a slow reader reads at once: about one pong.
const SLOW_READ_BYTES: usize = 16;

/// What the text message that is not UTF-8 holds.
const TEXT_NOT_UTF8: &[u8] = b"{\"match_id\":8769000001,\"name\":\"\xff\"}";

/// How an upgraded connection ends.
#[derive(Debug)]
pub(crate) enum SessionEnd {
    /// The client has gone, or the closing handshake is over.
    Gone,
    /// A fault ends it, without regard for what is not written yet.
    Broken(Fault),
}

/// A connection as the feed knows it.
pub(crate) struct Seat<'a> {
    pub(crate) feed: &'a Feed,
    pub(crate) number: u64,
}

impl Seat<'_> {
    /// Changes the record of this connection.
    pub(crate) fn record(&self, change: impl FnOnce(&mut ConnectionRecord)) {
        self.feed.change(|state| state.record(self.number, change));
    }

    /// Frees the feed for others. More than once does no harm.
    pub(crate) fn leave(&self) {
        let ended_ms = self.feed.elapsed_ms();
        self.feed.change(|state| {
            state.leave(self.number);
            state.record(self.number, |record| {
                record.ended_ms.get_or_insert(ended_ms);
            });
        });
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The server's side of a websocket after the upgrade.
pub(crate) struct Session<'a> {
    pub(crate) seat: Seat<'a>,
    pub(crate) control: watch::Receiver<()>,
    pub(crate) incoming: BytesMut,
    /// Always ends with a whole frame.
    pub(crate) outgoing: BytesMut,
    faults: VecDeque<PlannedFault>,
    /// The newest cut that this connection has gone through.
    cut_number: u64,
    frames_sent: u64,
    frames_since_ping: u64,
    /// The number that proves all frames so far.
    sequence: u64,
    ping_due: Option<Instant>,
    frame_due: Option<Instant>,
    /// The newest ping of the client; RFC 6455 section 5.5.3 asks for an answer to that one only.
    ping_unanswered: Option<BytesMut>,
    silent_until: Option<Instant>,
    slow_bytes_per_second: Option<u32>,
    read_again_at: Option<Instant>,
    /// Set once a close frame was sent.
    closing_until: Option<Instant>,
    client_has_closed: bool,
}

impl<'a> Session<'a> {
    pub(crate) fn new(seat: Seat<'a>, faults: VecDeque<PlannedFault>) -> Self {
        Self {
            control: seat.feed.watch_control(),
            // Cuts of earlier days are not for this connection.
            cut_number: seat.feed.state().cut.as_ref().map_or(0, |cut| cut.number),
            seat,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            faults,
            frames_sent: 0,
            frames_since_ping: 0,
            sequence: 0,
            ping_due: None,
            frame_due: None,
            ping_unanswered: None,
            silent_until: None,
            slow_bytes_per_second: None,
            read_again_at: None,
            closing_until: None,
            client_has_closed: false,
        }
    }

    /// Decides what is written next, or that the connection ends.
    pub(crate) fn turn(&mut self, now: Instant) -> Option<SessionEnd> {
        self.read_again_at = self.read_again_at.filter(|at| *at > now);
        self.silent_until = self.silent_until.filter(|until| *until > now);
        if let Some(fault) = self.take_cut() {
            if fault.is_abrupt() {
                return Some(self.broken(fault));
            }
            self.begin(fault, now);
        }
        if let Some(until) = self.closing_until {
            let is_over = self.client_has_closed && self.outgoing.is_empty();
            return (is_over || until <= now).then_some(SessionEnd::Gone);
        }
        if !self.outgoing.is_empty() {
            return None;
        }
        while let Some(fault) = self.take_due_fault() {
            if fault.is_abrupt() {
                return Some(self.broken(fault));
            }
            self.begin(fault, now);
        }
        if let Some(payload) = self.ping_unanswered.take() {
            wire::write_pong(&mut self.outgoing, &payload);
        }
        if self.silent_until.is_none() && self.closing_until.is_none() {
            self.fill(now);
        }
        None
    }

    /// How much may be read now; 0 while a slow reader rests.
    pub(crate) fn read_bytes_max(&self) -> usize {
        match self.slow_bytes_per_second {
            _ if self.read_again_at.is_some() => 0,
            Some(_) => SLOW_READ_BYTES,
            None => READ_BYTES,
        }
    }

    /// When to take the next turn, if nothing else happens before.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let is_sending =
            self.outgoing.is_empty() && self.silent_until.is_none() && self.closing_until.is_none();
        let sending = [self.frame_due, self.ping_due]
            .into_iter()
            .filter(|_| is_sending);
        let waiting = [self.silent_until, self.read_again_at, self.closing_until];
        sending.chain(waiting).flatten().min()
    }

    /// Takes the frames out of what was read.
    ///
    /// # Errors
    /// The client breaks the protocol.
    pub(crate) fn received(&mut self, bytes: usize, now: Instant) -> io::Result<()> {
        if let Some(bytes_per_second) = self.slow_bytes_per_second {
            let bytes = u32::try_from(bytes).expect("a slow reader reads little");
            self.read_again_at =
                Some(now + Duration::from_secs(1) * bytes / bytes_per_second.max(1));
        }
        while let Some(frame) = wire::take_client_frame(&mut self.incoming)? {
            match frame {
                ClientFrame::Ping(payload) => self.ping_unanswered = Some(payload),
                ClientFrame::Pong(payload) => {
                    if let Some(sequence) = wire::sequence_of(&payload) {
                        self.seat.feed.prove(self.seat.number, sequence);
                    }
                }
                ClientFrame::Close(code) => self.client_closed(code, now),
                ClientFrame::Data => {}
            }
        }
        Ok(())
    }

    /// 1005 stands for a close frame without a code, RFC 6455 section 7.4.1.
    fn client_closed(&mut self, code: Option<u16>, now: Instant) {
        self.seat
            .record(|record| record.client_close_code = Some(code.unwrap_or(1005)));
        self.client_has_closed = true;
        self.close(code.unwrap_or(1000), "", now);
    }

    fn take_cut(&mut self) -> Option<Fault> {
        let state = self.seat.feed.state();
        let cut = state
            .cut
            .as_ref()
            .filter(|cut| cut.number > self.cut_number)?;
        self.cut_number = cut.number;
        Some(cut.fault.clone())
    }

    fn take_due_fault(&mut self) -> Option<Fault> {
        let is_due = self.faults.front()?.after_frames <= self.frames_sent;
        if is_due {
            self.faults.pop_front().map(|planned| planned.fault)
        } else {
            None
        }
    }

    fn broken(&self, fault: Fault) -> SessionEnd {
        self.seat
            .record(|record| record.faults.push(fault.to_string()));
        SessionEnd::Broken(fault)
    }

    /// Begins a fault that leaves the connection standing for now.
    fn begin(&mut self, fault: Fault, now: Instant) {
        self.seat
            .record(|record| record.faults.push(fault.to_string()));
        self.ping();
        match fault {
            Fault::Close { code, reason } => self.close(code, &reason, now),
            Fault::Silence(duration) => {
                self.silent_until = Some(now + duration.min(SILENCE_DURATION_MAX));
            }
            Fault::SlowReader { bytes_per_second } => {
                self.slow_bytes_per_second = Some(bytes_per_second);
            }
            Fault::Oversized { size_bytes } => {
                wire::write_message(
                    &mut self.outgoing,
                    MessageKind::Text,
                    &oversized(size_bytes),
                );
            }
            Fault::TextNotUtf8 => {
                wire::write_message(&mut self.outgoing, MessageKind::Text, TEXT_NOT_UTF8);
            }
            Fault::Reset | Fault::EndOfStream | Fault::HalfOpen => {
                unreachable!("an abrupt fault ends the connection instead")
            }
        }
    }

    /// Sends a close frame, once.
    fn close(&mut self, code: u16, reason: &str, now: Instant) {
        if self.closing_until.is_none() {
            wire::write_close(&mut self.outgoing, code, reason);
            self.closing_until = Some(now + CLOSE_DURATION_MAX);
        }
    }

    /// Takes the next batch, up to the next fault.
    fn fill(&mut self, now: Instant) {
        let frames_max = self
            .faults
            .front()
            .map_or(u64::MAX, |planned| planned.after_frames - self.frames_sent);
        let batch =
            self.seat
                .feed
                .state()
                .fill(self.seat.number, frames_max, now, &mut self.outgoing);
        self.frames_sent += batch.frames;
        self.frames_since_ping += batch.frames;
        self.sequence = batch.sequence;
        self.frame_due = batch.next_due;
        if batch.close {
            self.close(1000, "", now);
        } else if self.frames_since_ping > 0 {
            let ping_due = *self.ping_due.get_or_insert(now + PING_DELAY);
            if self.frames_since_ping >= FRAMES_BETWEEN_PINGS || batch.all_sent || ping_due <= now {
                self.ping();
            }
        }
    }

    /// Asks the client to prove all frames so far, if there are new ones.
    fn ping(&mut self) {
        self.ping_due = None;
        if self.frames_since_ping > 0 {
            self.frames_since_ping = 0;
            wire::write_ping(&mut self.outgoing, self.sequence);
        }
    }
}

/// An object of so many bytes that holds no match.
fn oversized(size_bytes: usize) -> Vec<u8> {
    let (begin, end) = (b"{\"padding\":\"", b"\"}");
    let mut body = begin.to_vec();
    body.resize(size_bytes.saturating_sub(end.len()).max(begin.len()), b'x');
    body.extend_from_slice(end);
    body
}
