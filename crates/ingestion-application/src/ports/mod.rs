//! What the use cases need from the world; adapters provide it.
//!
//! Each port says what an adapter MUST keep to. The behaviour of a port is
//! tested by one suite, run against the fake and every real adapter.

mod call_figures;
mod dead_letter_archive;
mod feed_reader;
mod frame_parser;
mod journal;
mod message_publisher;

pub use call_figures::CallFigures;
pub use dead_letter_archive::{
    ArchiveError, ArchivedLetter, DeadLetterArchive, DeadLetterReading, LetterAccount,
};
pub use feed_reader::{
    Coverage, DisconnectReason, Disconnection, FeedEvent, FeedReader, InvalidFrame, PassedOver,
    ReceivedBatch, UpstreamInUse,
};
pub use frame_parser::FrameParser;
pub use journal::{Journal, JournalEntry, JournalError, JournalFigures, Recovered};
pub use message_publisher::{
    DeadLetter, FlushError, Followed, Message, MessagePublisher, PublishError,
};

#[cfg(test)]
pub(crate) use self::{journal::MockJournal, message_publisher::MockMessagePublisher};
