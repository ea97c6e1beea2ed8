//! Profiles in a PostgreSQL database, in a schema of their own: its tables ([`SCHEMA`]), and every statement on them.
//!
//! A change names the version that it was made from in its own statement, so none is lost, however many instances
//! there are. What is more than one statement about a user is a transaction that waits for the others about this user.

mod profiles;
mod rows;
mod statements;

pub use profiles::PostgresProfiles;
pub use statements::{SCHEMA, STATEMENTS};
