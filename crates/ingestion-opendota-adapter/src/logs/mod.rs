//! The log of `OpenDota`'s services as server-sent events: among others, it says
//! which matches have been seen.
//!
//! [`MatchLogs`] keeps the one connection that is asked for politely, and makes a
//! new one every few minutes; [`parse_log_line`] judges one line. The upstream
//! keeps nothing for those who are not there: what it says meanwhile is missed.

mod client;
mod events;
mod line;
mod listening;
mod settings;

use ingestion_application::SourceName;

pub use client::{EventStreams, MatchLogs};
pub use line::{LogLines, parse_log_line};
pub use settings::{LogsSection, LogsSettings};

/// The name of this feed in records, metrics and logs.
pub const SOURCE: SourceName = SourceName::new("opendota_logs");
