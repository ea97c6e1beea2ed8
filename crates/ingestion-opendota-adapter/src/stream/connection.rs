//! An open connection: what is heard on it, and how it is left.

use std::{
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{
    Message, Utf8Bytes,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    format::{Lines, StreamFormat, add_envelope, add_object, add_text_envelope, add_text_object},
    gate::Gate,
    handshake::Socket,
    pulse::Pulse,
};
use crate::{
    ending::ConnectionEnd,
    heard::{Gathered, Heard},
};

/// Messages taken in one go, control frames included, and so many frames at
/// most: enough to spread the cost of a batch, few enough to be handed on at once.
const BATCH_MESSAGES_MAX: usize = 256;

/// Payload after which a batch ends; the message that reaches it is part of it.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// How long an upstream may take to answer a goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    socket: Socket,
    gate: Gate,
    pulse: Pulse,
    format: StreamFormat,
    /// What is left of the last message, where messages hold lines.
    lines: Lines,
    /// Something was written that may not have left yet.
    flush_is_due: bool,
    /// Known already, but the frames that came before it go first.
    ending: Option<ConnectionEnd>,
}

impl Connection {
    /// A connection that has just been made; `subscribe` is said first, if there is something.
    pub(super) fn new(
        socket: Socket,
        gate: Gate,
        pulse: Pulse,
        format: StreamFormat,
        subscribe: Option<&str>,
    ) -> Self {
        let mut connection = Self {
            socket,
            gate,
            pulse,
            format,
            lines: Lines::default(),
            flush_is_due: false,
            ending: None,
        };
        if let Some(text) = subscribe {
            connection.write(Message::text(text));
        }
        connection
    }

    /// Waits for frames or for the end.
    ///
    /// Cancel safe: what is read is returned by the very poll that reads it.
    pub(super) async fn listen(&mut self) -> Heard {
        loop {
            let deadline = self.pulse.next_deadline();
            tokio::select! {
                // What has arrived counts, even if its deadline has passed.
                biased;
                heard = poll_fn(|context| self.poll_listen(context)) => return heard,
                () = sleep_until(deadline) => {}
            }
            match self.pulse.check(Instant::now()) {
                Ok(None) => {}
                Ok(Some(ping)) => self.write(Message::Ping(ping)),
                Err(ending) => return Heard::End(ending),
            }
        }
    }

    /// Nobody has listened for so long.
    pub(super) fn forgive(&mut self, pause: Duration) {
        self.pulse.forgive(pause, Instant::now());
    }

    /// Frames that had been read before the first call; reads nothing more.
    ///
    /// There are no more of them than fit the buffers of the layers, and they
    /// end with the gate's error at the latest.
    pub(super) async fn take_read(&mut self) -> Option<Gathered> {
        self.gate.shut();
        match poll_fn(|context| self.poll_listen(context)).await {
            Heard::Data(gathered) => Some(gathered),
            Heard::End(_) => None,
        }
    }

    /// Says goodbye and waits for the upstream to end the connection.
    ///
    /// What still comes is not received: it is read and dropped, since a socket
    /// closed with unread data is reset, and the reset would overtake the goodbye.
    pub(super) async fn say_goodbye(mut self, code: CloseCode) {
        let close = CloseFrame {
            code,
            reason: "".into(),
        };
        self.gate.open();
        let goodbye = async {
            if self.socket.send(Message::Close(Some(close))).await.is_ok() {
                let mut unread = [0; 4096];
                while matches!(self.socket.get_mut().read(&mut unread).await, Ok(1..)) {}
            }
        };
        // Whether it answered or not, there is nothing more to say.
        let _ = timeout(GOODBYE_MAX, goodbye).await;
    }

    fn poll_listen(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        let mut gathered = Gathered::default();
        self.lines.take(&mut gathered, BATCH_MESSAGES_MAX);
        if self.ending.is_none() && self.lines.is_empty() {
            self.read_ready(&mut gathered, context);
        }
        if self.flush_is_due {
            self.flush(context);
        }
        if !gathered.frames.is_empty() {
            self.pulse.data_received(Instant::now());
        }
        if !gathered.is_empty() {
            return Poll::Ready(Heard::Data(gathered));
        }
        match self.ending.take() {
            Some(ending) => Poll::Ready(Heard::End(ending)),
            None => Poll::Pending,
        }
    }

    /// Takes what is there without waiting, up to the limits of a batch.
    fn read_ready(&mut self, gathered: &mut Gathered, context: &mut Context<'_>) {
        let mut bytes = 0;
        for _ in 0..BATCH_MESSAGES_MAX {
            let message = match self.socket.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return self.end(ConnectionEnd::failed(&error)),
                Poll::Ready(None) => {
                    return self.end(ConnectionEnd::lost("the connection is closed"));
                }
                Poll::Pending => return,
            };
            match message {
                Message::Text(text) => {
                    bytes += text.len();
                    self.judge_text(text, gathered);
                }
                Message::Binary(payload) => {
                    bytes += payload.len();
                    self.judge(payload, gathered);
                }
                Message::Pong(payload) => self.pulse.pong_received(&payload),
                Message::Close(frame) => {
                    // The library has an answer ready, and nothing more will be read.
                    self.flush_is_due = true;
                    return self.end(ConnectionEnd::closed_by_upstream(frame));
                }
                // The library answers pings with the next read, and never reads frames.
                Message::Ping(_) | Message::Frame(_) => {}
            }
            if bytes >= BATCH_BYTES_MAX || gathered.frames.len() >= BATCH_MESSAGES_MAX {
                break;
            }
        }
        if gathered.is_empty() {
            // Only control frames and blank lines so far, and nobody else will wake us for the rest.
            context.waker().wake_by_ref();
        }
    }

    fn judge_text(&mut self, message: Utf8Bytes, gathered: &mut Gathered) {
        match self.format {
            StreamFormat::Object => add_text_object(gathered, &message),
            StreamFormat::Envelope => add_text_envelope(gathered, &message),
            StreamFormat::Lines => self.judge(message.into(), gathered),
        }
    }

    fn judge(&mut self, message: Bytes, gathered: &mut Gathered) {
        match self.format {
            StreamFormat::Object => add_object(gathered, &message),
            StreamFormat::Envelope => add_envelope(gathered, &message),
            StreamFormat::Lines => {
                self.lines = Lines::of(message);
                self.lines.take(gathered, BATCH_MESSAGES_MAX);
            }
        }
    }

    fn write(&mut self, message: Message) {
        match self.socket.start_send_unpin(message) {
            Ok(()) => self.flush_is_due = true,
            Err(error) => self.end(ConnectionEnd::failed(&error)),
        }
    }

    fn flush(&mut self, context: &mut Context<'_>) {
        match self.socket.poll_flush_unpin(context) {
            Poll::Ready(Ok(())) => self.flush_is_due = false,
            Poll::Ready(Err(error)) => self.end(ConnectionEnd::failed(&error)),
            Poll::Pending => {}
        }
    }

    /// The first reason is the true one; others follow from it.
    fn end(&mut self, ending: ConnectionEnd) {
        self.ending.get_or_insert(ending);
    }
}
