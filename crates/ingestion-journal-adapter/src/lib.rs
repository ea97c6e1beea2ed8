//! Keeps pending messages on disk, in a log of our own.
//!
//! [`FileJournal`] appends entries to segments, numbered files of one folder,
//! and removes a segment once everything in it and before it is acknowledged.
//! Every record has its checksums, so damage costs the damaged records and
//! nothing else, and is counted and told. Files are reached through
//! [`storage::Storage`], which a simulation can take; how much memory is used
//! does not depend on how much is in the journal, but for a bit an entry.
//!
//! It knows nothing of Kafka, and does not judge when an entry is to be
//! written or let go: that is up to the use case.

mod settings;

mod format;
pub mod storage;

mod index;
mod segment_scan;

mod health;
mod log;

mod reader;
mod recovery;
mod writer;

mod journal;

pub use journal::FileJournal;
pub use settings::JournalSettings;
pub use storage::OpenError;
