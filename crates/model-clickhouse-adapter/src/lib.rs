//! What models read of the warehouse on a ClickHouse server: counts of days, which
//! the server sums, drafts and games of accounts. Nothing is written.
//!
//! Facts are read with `FINAL`, for a row counts only until a newer one has come.
//! Counters need no such care, but a day may be swapped between two questions: so
//! rows of builds that were not asked for are told apart, and what is summed up must
//! be what the builds have noted.

mod accounts;
mod builds;
mod counting;
mod drafts;
mod error;
mod facts;
mod reader;
mod trial;

pub use reader::{ClickHouseReader, Limits};
