//! What the tests of any crate need and no adapter has: certificates and the
//! fuzzers' corpus.
//!
//! A dev-dependency only. It names no adapter, so a test that wants it does
//! not compile librdkafka.

pub mod certificates;
pub mod fuzz_corpus;
