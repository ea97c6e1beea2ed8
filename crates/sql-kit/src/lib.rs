//! What every user of a SQL database needs, whatever is in it: how it is opened,
//! how its schema grows, and what its errors mean.
//!
//! A SQLite file has one connection that writes and a few that only read, so
//! writers wait in a queue of ours and never get in each other's way, and a
//! reader never waits for a writer. Each connection has a thread of its own:
//! nothing here keeps a thread of the runtime busy.
//!
//! Which tables there are, and which statements, is a matter of the adapters.

mod fault;
mod open_error;
mod schema;
mod sqlite_file;

pub use fault::Fault;
pub use open_error::OpenError;
pub use schema::Schema;
pub use sqlite_file::SqliteFile;
