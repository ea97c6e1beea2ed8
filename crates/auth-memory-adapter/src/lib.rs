//! Everything that auth keeps, in memory: for demonstrations and tests. It ends with the process, and other
//! processes do not see it.
//!
//! It promises what the ports ask for, and passes the same suite as the database.

mod keys;
mod logins;
mod sessions;
mod state;
mod users;

pub use state::{AUDIT_KEPT, MemoryStore};
