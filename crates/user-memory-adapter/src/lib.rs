//! Profiles in memory, for a look at the platform and for tests.
//!
//! It keeps the promises of its port as the one on a database does, and nothing outlives the process.

mod profiles;

pub use profiles::MemoryProfiles;
