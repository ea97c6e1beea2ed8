//! The end of reading: a byte stream whose way in can be shut.
//!
//! It stands right above the socket. What the layers above it (TLS, WebSocket)
//! have read by the time it shuts is theirs to hand on; nothing follows it.
//! For the same sake a write never fails here: the layers above would drop what
//! they have read. A broken connection shows at the next read, or as a missing
//! pong.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connector::ByteStream;

/// The handle of a gate: it stands open at first.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<AtomicBool>);

/// A byte stream behind a gate; the way out is always open.
pub(super) struct Gated {
    stream: Box<dyn ByteStream>,
    gate: Gate,
}

impl Gate {
    pub(super) fn before(&self, stream: Box<dyn ByteStream>) -> Gated {
        let gate = self.clone();
        Gated { stream, gate }
    }

    /// From now on every read fails, and leaves the stream untouched.
    pub(super) fn shut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn open(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_shut(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.gate.is_shut() {
            // Not pending: whoever empties the layers above shall see the end of them.
            return Poll::Ready(Err(io::Error::other("nothing more is read")));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(Err(_told_by_the_next_read)) => Poll::Ready(Ok(bytes.len())),
            written_or_pending => written_or_pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
