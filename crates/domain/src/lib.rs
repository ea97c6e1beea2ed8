//! Vocabulary and rules of match data, shared by every service.
//!
//! Here is what a match *is* and what must hold for matches, in types that
//! cannot hold anything else. There is deliberately no I/O, no async and no
//! serialization: wire formats belong to the crates that speak them.

mod error;
mod match_id;
mod timestamp;

pub use error::InvalidData;
pub use match_id::MatchId;
pub use timestamp::Timestamp;
