//! What the use cases need from the world; adapters provide it.
//!
//! Each port says what an adapter MUST keep to. The behaviour of a port is
//! tested by one suite, run against the fake and every real adapter.

mod dead_letter_archive;
mod frame_parser;
mod journal;
mod message_publisher;
mod source_stream_consumer;

pub use dead_letter_archive::{
    ArchiveError, ArchivedLetter, DeadLetterArchive, DeadLetterReading, LetterAccount,
};
pub use frame_parser::FrameParser;
pub use journal::{Journal, JournalEntry, JournalError, JournalFigures, Recovered};
pub use message_publisher::{DeadLetter, FlushError, Message, MessagePublisher, PublishError};
pub use source_stream_consumer::{
    DisconnectReason, Disconnection, InvalidFrame, ReceivedBatch, SourceEvent, SourceStreamConsumer,
};

#[cfg(test)]
pub(crate) use self::{journal::MockJournal, message_publisher::MockMessagePublisher};
