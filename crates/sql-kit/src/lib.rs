//! What every user of a SQL database needs, whatever is in it: how it is opened,
//! how its schema grows, and what its errors mean.
//!
//! A SQLite file has one connection that writes and a few that only read, so
//! writers wait in a queue of ours and never get in each other's way, and a
//! reader never waits for a writer. Each connection has a thread of its own:
//! nothing here keeps a thread of the runtime busy.
//!
//! A PostgreSQL server ([`DatabaseSection`]) is elsewhere, so every call on it ends in time, whether it answers
//! or not, and its tables are brought up to date by one of several processes while the others wait.
//!
//! Which tables there are, and which statements, is a matter of the adapters.

mod fault;
mod open_error;
mod postgres_database;
mod postgres_examination;
mod postgres_health;
mod postgres_place;
mod postgres_schema;
mod schema;
mod section;
mod sqlite_file;

pub use fault::Fault;
pub use open_error::OpenError;
pub use postgres_database::{CallError, PostgresDatabase};
pub use postgres_health::PostgresHealth;
pub use postgres_place::PostgresPlace;
pub use postgres_schema::{MigrateError, PostgresSchema};
pub use schema::Schema;
pub use section::{DatabaseSection, DatabaseSettings, Migrate};
pub use sqlite_file::SqliteFile;
