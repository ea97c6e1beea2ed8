//! What shows that publishing keeps its promises: publications that can be told
//! apart, readers that find a mixed one, and bugs for them to find; and a ledger
//! of runs in memory, with the suite that holds it and the real one to the port.
//!
//! Only tests use it. Its program `numbered-publisher` publishes until it is
//! killed, which its tests do at any instant.

pub mod ledger_contract;
mod memory_ledger;
mod numbered;
mod planted;
mod readers;

pub use memory_ledger::MemoryLedger;
pub use numbered::{HEROES, Numbered, PATCH, hero_keys};
pub use planted::{Bug, Planted};
pub use readers::{Reader, Seen};
