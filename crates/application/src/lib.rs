//! Ports and use cases of ingestion, in domain words.
//!
//! A match flows one way through here: a source hands over what it has read,
//! the use case drops what was seen before, hands the rest to the publisher,
//! and the ledger keeps account until every acknowledgement is in. Nothing
//! here knows websockets, Kafka or HTTP: they are adapters behind [`ports`].

pub mod ports;

mod dedup_window;
mod health;
mod ingestion_status;
mod latency;
mod ledger;
mod process_match_stream;
mod source_status;

pub use dedup_window::DedupWindow;
pub use health::{Condition, Health, HealthCheck, HealthReport, HealthStatus, Readiness};
pub use ingestion_status::{IngestionSnapshot, IngestionStatus, SourceSnapshot};
pub use latency::{LATENCY_BUCKETS_SECONDS, LatencySnapshot};
pub use ledger::{Ledger, LedgerSnapshot, Receipt, Receipts, SourceFigures};
pub use process_match_stream::{ProcessMatchStream, ProcessingError};
pub use source_status::{ConnectionSnapshot, ConnectionState, SourceStatus};
