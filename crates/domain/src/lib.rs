//! Vocabulary and rules of match data, shared by every service.
//!
//! Here is what a match *is* and what must hold for matches, in types that
//! cannot hold anything else. There is deliberately no I/O, no async and no
//! serialization: wire formats belong to the crates that speak them.

mod dead_letter_reason;
mod error;
mod ledger_figures;
mod match_id;
mod received_match;
mod source_name;
mod timestamp;

pub use dead_letter_reason::DeadLetterReason;
pub use error::{BrokenRule, InvalidData};
pub use ledger_figures::LedgerFigures;
pub use match_id::MatchId;
pub use received_match::Match;
pub use source_name::SourceName;
pub use timestamp::Timestamp;
