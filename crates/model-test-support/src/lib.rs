//! What shows that publishing keeps its promises: publications that can be told
//! apart, readers that find a mixed one, and bugs for them to find; and a ledger
//! of runs and a warehouse in memory, with the suites that hold them and the real ones
//! to their ports.
//!
//! Only tests use it. Its program `numbered-publisher` publishes until it is
//! killed, which its tests do at any instant.

pub mod ledger_contract;
mod memory_counters;
mod memory_ledger;
mod memory_results;
mod numbered;
mod planted;
mod played;
pub mod reader_contract;
mod readers;
pub mod results_contract;

pub use memory_counters::MemoryCounters;
pub use memory_ledger::MemoryLedger;
pub use memory_results::MemoryResults;
pub use numbered::{HEROES, Numbered, PATCH, hero_keys};
pub use planted::{Bug, Planted};
pub use played::{FIRST_DAY, PlayedMatch};
pub use readers::{Reader, Seen};
