//! An open answer: what is heard on it, and when it is over.

use std::time::Duration;

use bytes::Bytes;
use client_kit::StreamedAnswer;
use futures_util::FutureExt as _;
use ingestion_application::{FoundMatch, ports::DisconnectReason};
use tokio::time::{Instant, sleep_until};

use super::{
    events::{Events, TooLarge},
    line::parse_log_line,
};
use crate::{
    ending::{ConnectionEnd, quote},
    heard::{Gathered, Heard},
};

/// Lines taken in one go, whatever their kind.
const BATCH_LINES_MAX: usize = 256;

/// The connection, once the answer has begun.
pub(super) struct Listening {
    answer: StreamedAnswer,
    /// Read, and not looked at yet.
    piece: Bytes,
    events: Events,
    idle_timeout: Duration,
    idle_at: Instant,
    renew_after: Duration,
    renew_at: Instant,
    /// Known already, but what came before it goes first.
    ending: Option<ConnectionEnd>,
}

impl Listening {
    pub(super) fn new(
        answer: StreamedAnswer,
        idle_timeout: Duration,
        renew_after: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            answer,
            piece: Bytes::new(),
            events: Events::default(),
            idle_timeout,
            idle_at: now + idle_timeout,
            renew_after,
            renew_at: now + renew_after,
            ending: None,
        }
    }

    /// Waits for lines or for the end.
    ///
    /// Cancel safe: what is read is kept by the very poll that reads it.
    pub(super) async fn listen(&mut self) -> Heard {
        loop {
            let gathered = self.take();
            if !gathered.is_empty() {
                return Heard::Data(gathered);
            }
            if let Some(ending) = self.ending.take() {
                return Heard::End(ending);
            }
            let deadline = self.idle_at.min(self.renew_at);
            tokio::select! {
                // What has arrived counts, even if its deadline has passed.
                biased;
                piece = self.answer.next_piece() => self.piece = match piece {
                    Ok(Some(piece)) => piece,
                    Ok(None) => {
                        let detail = "the upstream ended its answer";
                        return end(DisconnectReason::ClosedByUpstream, detail);
                    }
                    Err(error) => {
                        let detail = format!("the connection broke: {}", quote(&error.to_string()));
                        return end(DisconnectReason::ConnectionLost, detail);
                    }
                },
                () = sleep_until(deadline) => return self.past_deadline(),
            }
        }
    }

    /// Nobody has listened for so long.
    pub(super) fn forgive(&mut self, pause: Duration) {
        self.idle_at += pause;
    }

    /// Lines that had been read before, or were there already; asks for nothing more.
    pub(super) fn take_read(&mut self) -> Option<Gathered> {
        let mut gathered = self.take();
        if gathered.is_empty()
            && self.ending.is_none()
            && let Some(Ok(Some(piece))) = self.answer.next_piece().now_or_never()
        {
            // One piece at most may stand behind the one that was taken last.
            self.piece = piece;
            gathered = self.take();
            self.ending.get_or_insert_with(|| {
                ConnectionEnd::new(DisconnectReason::ClosedByUpstream, "nothing more is read")
            });
        }
        (!gathered.is_empty()).then_some(gathered)
    }

    fn past_deadline(&self) -> Heard {
        if self.renew_at <= self.idle_at {
            let detail = format!("{:?} have passed", self.renew_after);
            return end(DisconnectReason::Renewed, detail);
        }
        let detail = format!("no line for {:?}", self.idle_timeout);
        end(DisconnectReason::IdleTimeout, detail)
    }

    /// Judges what has been read, up to the limit of a batch.
    fn take(&mut self) -> Gathered {
        let mut gathered = Gathered::default();
        let mut lines = 0;
        while lines < BATCH_LINES_MAX {
            let event = match self.events.next(&mut self.piece) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(TooLarge(what, bytes_max)) => {
                    let detail = format!("{what} is larger than {bytes_max} bytes");
                    self.end_with(ConnectionEnd::new(
                        DisconnectReason::MessageTooLarge,
                        detail,
                    ));
                    break;
                }
            };
            self.idle_at = Instant::now() + self.idle_timeout;
            for line in event.split(|byte| *byte == b'\n') {
                gathered.add(parse_log_line(line).map(|found| found.map(FoundMatch::Id)));
                lines += 1;
            }
        }
        gathered
    }

    fn end_with(&mut self, ending: ConnectionEnd) {
        self.piece.clear();
        self.ending.get_or_insert(ending);
    }
}

fn end(reason: DisconnectReason, detail: impl Into<String>) -> Heard {
    Heard::End(ConnectionEnd::new(reason, detail))
}
