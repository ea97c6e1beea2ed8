//! What tests of loading share: a warehouse in memory, and the suites of checks
//! that hold it, every real one and every consumer to the ports.
//!
//! [`MemoryWarehouse`] is the reference: it is small enough to be seen to be
//! right, and [`warehouse_contract`] compares others with it.
//! [`consumer_contract`] holds the members of a group. [`mod@reference`] says what
//! must be there in the end from the topics alone. A dev-dependency only.

pub mod answers;
pub mod consumer_contract;
mod listed_origin;
mod memory_warehouse;
pub mod records;
pub mod reference;
pub mod warehouse_contract;

pub use listed_origin::ListedOrigin;
pub use memory_warehouse::{MemoryWarehouse, StagedDay};
