//! What tests of loading share: a warehouse in memory, and the suite of checks
//! that holds it and every real one to the ports.
//!
//! [`MemoryWarehouse`] is the reference: it is small enough to be seen to be
//! right, and [`warehouse_contract`] compares others with it. A dev-dependency only.

pub mod answers;
mod memory_warehouse;
pub mod warehouse_contract;

pub use memory_warehouse::{MemoryWarehouse, StagedDay};
