//! Ports and use cases of ingestion, in domain words.
//!
//! A match flows one way through here: a source hands over what it has read,
//! the use case drops what was seen before, hands the rest to the publisher,
//! and the ledger keeps account until every acknowledgement is in. Nothing
//! here knows websockets, Kafka or HTTP: they are adapters behind [`ports`].

pub mod ports;

mod backlog;
mod checkpoint;
mod dead_letter_reason;
mod dedup_window;
mod feed;
mod gaps;
mod hand_in;
mod ingestion_status;
mod latency;
mod ledger;
mod ledger_figures;
mod pipeline;
mod read_feeds;
mod receipt;
mod received_match;
mod redrive;
mod source_name;
mod source_status;
mod summary_key;

pub use backlog::{
    Backlog, BacklogError, BacklogLimits, BacklogSettings, BacklogWork, NotAccepted, Role,
};
pub use checkpoint::{Checkpoint, CheckpointTooLong};
pub use dead_letter_reason::DeadLetterReason;
pub use dedup_window::DedupWindow;
pub use feed::Feed;
pub use gaps::{GAPS, Gap, GapCause, GapState, Gaps, GapsSnapshot};
pub use hand_in::{FrameParsers, HandIn, HandedIn, REDRIVE, REPLAY, Refusal, UnknownSource};
pub use ingestion_status::{IngestionSnapshot, IngestionStatus, JournalSnapshot, SourceSnapshot};
pub use latency::LatencySnapshot;
pub use ledger::{Ledger, LedgerSnapshot, SourceFigures};
pub use ledger_figures::{BrokenRule, LedgerFigures};
pub use pipeline::{Pipeline, PipelineError};
pub use receipt::{Outcome, Receipt, ReceiptOwner};
pub use received_match::{FoundMatch, ReceivedMatch, ReceivedSummary};
pub use redrive::{DeadLetterFilter, NotRedriven, Redrive};
pub use source_name::SourceName;
pub use source_status::{ConnectionSnapshot, ConnectionState, SourceStatus};
pub use summary_key::SummaryKey;
