//! A message on its way: what is sent, whose receipt it is, and its place in the room.

use bytes::Bytes;
use contracts::{MatchIdRecord, PAYLOAD_SIZE_MAX_BYTES};
use ingestion_application::{
    DeadLetterReason, Receipt,
    ports::{DeadLetter, Message},
};

use crate::delivery::{
    record::summary_record,
    room::{Left, Permit, Room},
};

/// Held here and in librdkafka's delivery report, until it is acknowledged.
pub(crate) struct InFlight {
    /// One record. What a summary says of its match goes by itself, and the id
    /// of the match as a message of its own.
    pub(crate) content: Message,
    /// Whether it is sent in a batch of its own, as it was refused in a batch
    /// with others. It stays so, whatever becomes of it.
    pub(crate) is_alone: bool,
    pub(crate) receipt: Receipt,
    pub(crate) permit: Permit,
}

/// Messages that go the same way.
pub(crate) type Messages = Vec<Box<InFlight>>;

/// The size of a message beyond that of a match, counted twice: librdkafka
/// holds a copy.
pub(crate) fn extra_bytes(content: &Message) -> usize {
    match content {
        Message::Match(_) => 0,
        // Here it is shared with whoever gave it.
        Message::Summary(told) => told.size_bytes(),
        Message::DeadLetter(letter) => 2 * (letter.payload.len() + letter.detail.len()),
    }
}

impl InFlight {
    /// What to send instead of what the brokers refuse for good, as `detail`
    /// says; none when that would change nothing.
    ///
    /// A match becomes a dead letter, and a dead letter becomes half as long.
    pub(crate) fn set_aside(&mut self, detail: String, is_too_large: bool) -> Option<()> {
        match &mut self.content {
            Message::Match(received) => {
                let record = MatchIdRecord {
                    id: received.id,
                    source: received.source.as_str(),
                    received_at: received.received_at,
                };
                let payload = Bytes::copy_from_slice(record.encode().value());
                self.content = Message::DeadLetter(Box::new(DeadLetter {
                    reason: DeadLetterReason::RefusedByKafka,
                    detail,
                    source: received.source,
                    received_at: received.received_at,
                    size_bytes: payload.len(),
                    payload,
                }));
                Some(())
            }
            Message::Summary(told) => {
                let record = summary_record(told).encode();
                let payload = Bytes::copy_from_slice(record.value());
                self.content = Message::DeadLetter(Box::new(DeadLetter {
                    reason: DeadLetterReason::RefusedByKafka,
                    detail,
                    source: told.source,
                    received_at: told.received_at,
                    size_bytes: payload.len(),
                    payload,
                }));
                Some(())
            }
            Message::DeadLetter(letter) if is_too_large && !letter.payload.is_empty() => {
                // Of a longer one its record holds only so much.
                let size_bytes = letter.payload.len().min(PAYLOAD_SIZE_MAX_BYTES);
                letter.payload.truncate(size_bytes / 2);
                Some(())
            }
            Message::DeadLetter(_) => None,
        }
    }

    /// Books an acknowledged message, and gives its room back.
    pub(crate) fn settle(self, room: &Room) {
        match self.content {
            Message::Match(_) | Message::Summary(_) => self.receipt.published(),
            Message::DeadLetter(letter) => self.receipt.dead_lettered(letter.reason),
        }
        // After the receipt: an empty room means that everything is settled.
        room.leave(self.permit);
    }

    /// Books acknowledged messages, and gives their room back.
    pub(crate) fn settle_all(messages: impl Iterator<Item = Self>, room: &Room) {
        let mut left = Left::default();
        Receipt::all_published(messages.filter_map(|message| {
            left.add(message.permit);
            if let Message::DeadLetter(letter) = message.content {
                message.receipt.dead_lettered(letter.reason);
                return None;
            }
            Some(message.receipt)
        }));
        // After the receipts, as above.
        room.leave_together(left);
    }
}
