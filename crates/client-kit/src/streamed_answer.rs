//! An answer that is read as it comes.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::http_client::{CallFailed, HttpAnswer, connection};

/// An answer whose head has come, and whose body comes piece by piece: one that
/// may have no end.
///
/// What is not asked for stays with the other side, but for a piece. How long
/// to wait for one, and how much of them to keep, is for whoever reads.
#[derive(Debug)]
pub struct StreamedAnswer {
    /// Status and headers; its body stays empty.
    pub head: HttpAnswer,
    body: Body,
}

#[derive(Debug)]
enum Body {
    OfConnection(Incoming),
    Told(mpsc::Receiver<Result<Bytes, CallFailed>>),
}

impl StreamedAnswer {
    pub(crate) fn of_connection(head: HttpAnswer, body: Incoming) -> Self {
        Self {
            head,
            body: Body::OfConnection(body),
        }
    }

    /// An answer as it might have come, for those who simulate an upstream: its
    /// body is what they send, and is over when they drop the sender.
    #[must_use]
    pub fn told(head: HttpAnswer, body: mpsc::Receiver<Result<Bytes, CallFailed>>) -> Self {
        Self {
            head,
            body: Body::Told(body),
        }
    }

    /// Waits for the next piece of the body, at most some hundred kilobytes; none
    /// when it is over.
    ///
    /// Cancel safe: a piece is returned by the very poll that takes it.
    ///
    /// # Errors
    /// [`CallFailed::Connection`] when the connection broke.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, CallFailed> {
        let body = match &mut self.body {
            Body::OfConnection(body) => body,
            Body::Told(pieces) => return pieces.recv().await.transpose(),
        };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| connection(&error))?;
            // What is no data are headers that came late.
            if let Ok(piece) = frame.into_data()
                && !piece.is_empty()
            {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// The whole answer, if its body is no larger than this.
    pub(crate) async fn whole(mut self, body_bytes_max: usize) -> Result<HttpAnswer, CallFailed> {
        let mut read = BytesMut::new();
        while let Some(piece) = self.next_piece().await? {
            if read.len() + piece.len() > body_bytes_max {
                return Err(CallFailed::TooLarge(body_bytes_max));
            }
            read.extend_from_slice(&piece);
        }
        self.head.body = read.freeze();
        Ok(self.head)
    }
}
