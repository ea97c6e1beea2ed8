//! What the tests of any crate need and no adapter has: certificates, the
//! fuzzers' corpus, and the tables of the documents.
//!
//! A dev-dependency only. It names no adapter, so a test that wants it does
//! not compile librdkafka.

pub mod certificates;
pub mod document;
pub mod fuzz_corpus;
