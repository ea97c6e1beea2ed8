//! All that auth keeps, in a PostgreSQL database, in a schema of its own: its tables ([`SCHEMA`]), and every
//! statement on them.
//!
//! What a rule of `identity` decides about is locked first, then read, then decided, then written, in one
//! transaction; so any number of instances may share a database. Rows are locked in one order: attempts and codes
//! before users, users before sessions, sessions by their ids.
//!
//! The audit log refuses to be changed by whoever is no owner of the tables, and by its owner as long as the trigger is
//! there. Panels get views without hashes and keys. A role for them is made by whoever may make roles:
//!
//! ```sql
//! CREATE ROLE ops_read LOGIN;
//! GRANT USAGE ON SCHEMA auth TO ops_read;
//! GRANT SELECT ON auth.panel_users, auth.panel_sessions, auth.panel_audit, auth.panel_keys TO ops_read;
//! ```

mod audit;
mod housekeeping;
mod keys;
mod logins;
mod rows;
mod sessions;
mod statements;
mod store;
mod users;

pub use statements::{SCHEMA, STATEMENTS};
pub use store::PostgresStore;
