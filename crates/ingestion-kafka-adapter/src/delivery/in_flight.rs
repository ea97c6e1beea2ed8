//! A message on its way: what is sent, whose receipt it is, and its place in the room.

use std::mem;

use bytes::Bytes;
use contracts::{DETAIL_SIZE_MAX_BYTES, MatchIdRecord, PAYLOAD_SIZE_MAX_BYTES};
use domain::Timestamp;
use ingestion_application::{
    DeadLetterReason, Receipt, ReceivedMatch, SourceName,
    ports::{DeadLetter, Message},
};

use crate::delivery::room::Place;

/// Held here and in librdkafka's delivery report, until it is acknowledged.
pub(crate) struct InFlight {
    /// Its place in the order of acceptance, where that is kept.
    pub(crate) number: u64,
    pub(crate) content: Content,
    /// Whether it is sent in a batch of its own, as it was refused in a batch
    /// with others. It stays so, whatever becomes of it.
    pub(crate) is_alone: bool,
    pub(crate) receipt: Receipt,
    pub(crate) place: Place,
}

/// Messages that go the same way.
pub(crate) type Messages = Vec<Box<InFlight>>;

/// What is sent.
pub(crate) enum Content {
    Match(ReceivedMatch),
    DeadLetter(Box<HeldDeadLetter>),
}

/// A dead letter, no larger than its record.
pub(crate) struct HeldDeadLetter {
    pub(crate) reason: DeadLetterReason,
    pub(crate) detail: String,
    pub(crate) source: SourceName,
    pub(crate) received_at: Timestamp,
    pub(crate) payload: Bytes,
    /// The length of the whole frame.
    pub(crate) size_bytes: usize,
}

impl Content {
    /// Its size beyond that of a match, counted twice: librdkafka holds a copy.
    pub(crate) fn extra_bytes(&self) -> usize {
        match self {
            Self::Match(_) => 0,
            Self::DeadLetter(letter) => 2 * (letter.payload.len() + letter.detail.len()),
        }
    }

    /// What to send instead of what the brokers refuse for good, as `detail`
    /// says; none when that would change nothing.
    ///
    /// A match becomes a dead letter, and a dead letter becomes half as long.
    pub(crate) fn set_aside(&mut self, detail: String, is_too_large: bool) -> Option<()> {
        match self {
            Self::Match(received) => {
                let record = MatchIdRecord {
                    id: received.id,
                    source: received.source.as_str(),
                    received_at: received.received_at,
                };
                let payload = Bytes::copy_from_slice(record.encode().value());
                *self = Self::DeadLetter(Box::new(HeldDeadLetter {
                    reason: DeadLetterReason::RefusedByKafka,
                    detail,
                    source: received.source,
                    received_at: received.received_at,
                    size_bytes: payload.len(),
                    payload,
                }));
                Some(())
            }
            Self::DeadLetter(letter) if is_too_large && !letter.payload.is_empty() => {
                letter.payload.truncate(letter.payload.len() / 2);
                Some(())
            }
            Self::DeadLetter(_) => None,
        }
    }
}

impl From<Message> for Content {
    fn from(message: Message) -> Self {
        match message {
            Message::Match(received) => Self::Match(received),
            Message::DeadLetter(letter) => Self::DeadLetter(Box::new((*letter).into())),
        }
    }
}

impl From<DeadLetter> for HeldDeadLetter {
    /// Keeps what the record will hold; the rest of a large frame is let go.
    fn from(mut letter: DeadLetter) -> Self {
        let size_bytes = letter.size_bytes;
        if letter.payload.len() > PAYLOAD_SIZE_MAX_BYTES {
            let whole = mem::take(&mut letter.payload);
            letter.payload = Bytes::copy_from_slice(&whole[..PAYLOAD_SIZE_MAX_BYTES]);
        }
        let detail_size_bytes = letter.detail.floor_char_boundary(DETAIL_SIZE_MAX_BYTES);
        letter.detail.truncate(detail_size_bytes);
        letter.detail.shrink_to_fit();
        Self {
            reason: letter.reason,
            detail: letter.detail,
            source: letter.source,
            received_at: letter.received_at,
            payload: letter.payload,
            size_bytes,
        }
    }
}
