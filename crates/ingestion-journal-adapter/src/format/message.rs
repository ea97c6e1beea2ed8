//! What an entry holds: a message, without its sequence.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes as Payload;
use contracts::MatchSummaryRecord;
use domain::{MatchId, Timestamp};
use ingestion_application::{
    DeadLetterReason, ReceivedMatch, ReceivedSummary, SourceName,
    ports::{DeadLetter, Message},
};

use super::{
    Bytes,
    record::{CONTENT_SIZE_MAX, Kind},
};

/// Feeds are known when the program is written; only a version that has
/// dropped some finds others in its journal, and hardly so many.
const UNKNOWN_SOURCES_MAX: usize = 16;
/// What feeds beyond that are called.
const OTHER: SourceName = SourceName::new("other");
/// Of texts whose length is one byte.
const SHORT_TEXT_MAX: usize = u8::MAX as usize;

/// The names of feeds that may stand in a journal.
pub(crate) struct Sources {
    names: Mutex<Vec<SourceName>>,
    names_max: usize,
}

impl Sources {
    pub(crate) fn new(known: &[SourceName]) -> Self {
        Self {
            names: Mutex::new(known.to_vec()),
            names_max: known.len() + UNKNOWN_SOURCES_MAX,
        }
    }

    /// The name as a constant. One that is new is kept for good: feeds are few.
    fn get(&self, name: &str) -> SourceName {
        // Names are only added: a panic elsewhere spoils nothing.
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = names.iter().find(|known| known.as_str() == name) {
            return *found;
        }
        if names.len() >= self.names_max {
            return OTHER;
        }
        let new = SourceName::new(String::leak(name.to_owned()));
        names.push(new);
        new
    }
}

pub(crate) fn kind(message: &Message) -> Kind {
    match message {
        Message::Match(_) => Kind::Match,
        Message::Summary(_) => Kind::Summary,
        Message::DeadLetter(_) => Kind::DeadLetter,
    }
}

/// How much [`encode`] appends, at most.
pub(crate) fn size_max(message: &Message) -> usize {
    let size = 8 + 1 + message.source().as_str().len();
    match message {
        Message::Match(_) => size + 8,
        Message::Summary(told) => (size + 8 + 1 + told.size_bytes()).min(CONTENT_SIZE_MAX),
        Message::DeadLetter(letter) => {
            let reason = letter.reason.as_str().len();
            (size + 1 + reason + 8 + 4 + letter.detail.len() + letter.payload.len())
                .min(CONTENT_SIZE_MAX)
        }
    }
}

/// Appends `message` to `buffer`; of one that is too large, the beginning.
pub(crate) fn encode(buffer: &mut Vec<u8>, message: &Message) {
    let start = buffer.len();
    buffer.extend(message.received_at().as_unix_ms().to_le_bytes());
    short_text(buffer, message.source().as_str());
    match message {
        Message::Match(received) => buffer.extend(received.id.get().to_le_bytes()),
        Message::Summary(told) => encode_summary(buffer, told),
        Message::DeadLetter(letter) => {
            short_text(buffer, letter.reason.as_str());
            buffer.extend((letter.size_bytes as u64).to_le_bytes());
            let room = CONTENT_SIZE_MAX - (buffer.len() - start) - 4;
            let detail = cut(&letter.detail, room);
            let length = u32::try_from(detail.len()).expect("it is below the limit of contents");
            buffer.extend(length.to_le_bytes());
            buffer.extend(detail.as_bytes());
            let room = room - detail.len();
            buffer.extend_from_slice(&letter.payload[..letter.payload.len().min(room)]);
        }
    }
}

/// The message in `bytes`; none where they are not what [`encode`] writes.
pub(crate) fn decode(kind: Kind, bytes: &[u8], sources: &Sources) -> Option<Message> {
    let mut bytes = Bytes(bytes);
    let received_at = Timestamp::from_unix_ms(bytes.i64()?);
    let source = sources.get(bytes.short_text()?);
    match kind {
        Kind::Match => {
            let id = MatchId::try_new(bytes.i64()?).ok()?;
            bytes.0.is_empty().then_some(Message::Match(ReceivedMatch {
                id,
                source,
                received_at,
            }))
        }
        Kind::Summary => decode_summary(bytes, source, received_at),
        Kind::DeadLetter => {
            let reason = reason(bytes.short_text()?)?;
            let size_bytes = usize::try_from(bytes.i64()?).ok()?;
            let length = usize::try_from(bytes.u32()?).ok()?;
            let detail = std::str::from_utf8(bytes.take(length)?).ok()?;
            Some(Message::DeadLetter(Box::new(DeadLetter {
                reason,
                detail: detail.to_owned(),
                source,
                received_at,
                payload: Payload::copy_from_slice(bytes.0),
                size_bytes,
            })))
        }
        Kind::Acknowledged | Kind::Filler => None,
    }
}

/// What is known of the match stands there as in its record.
fn encode_summary(buffer: &mut Vec<u8>, told: &ReceivedSummary) {
    buffer.extend(told.summary.match_id.get().to_le_bytes());
    buffer.push(told.is_id_new.into());
    let record = MatchSummaryRecord {
        summary: told.summary.clone(),
        source: told.source.as_str(),
        received_at: told.received_at,
    };
    buffer.extend(record.encode().value());
}

/// Where a reader of records would refuse what is known, the match is left of
/// it: its id stands by itself.
fn decode_summary(
    mut bytes: Bytes<'_>,
    source: SourceName,
    received_at: Timestamp,
) -> Option<Message> {
    let id = MatchId::try_new(bytes.i64()?).ok()?;
    let is_id_new = match bytes.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let record = MatchSummaryRecord::decode_line(bytes.0, source.as_str(), received_at);
    Some(match record {
        Ok(record) if record.summary.match_id == id => {
            Message::Summary(Arc::new(ReceivedSummary {
                summary: record.summary,
                source,
                received_at,
                is_id_new,
            }))
        }
        _ => Message::Match(ReceivedMatch {
            id,
            source,
            received_at,
        }),
    })
}

fn reason(word: &str) -> Option<DeadLetterReason> {
    DeadLetterReason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == word)
}

fn short_text(buffer: &mut Vec<u8>, text: &str) {
    let text = cut(text, SHORT_TEXT_MAX);
    buffer.push(u8::try_from(text.len()).expect("it has just been cut"));
    buffer.extend(text.as_bytes());
}

fn cut(text: &str, length_max: usize) -> &str {
    &text[..text.floor_char_boundary(length_max)]
}
