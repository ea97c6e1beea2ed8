//! Fakes, builders and a real Kafka for tests; a dev-dependency only.

pub mod certificates;
pub mod fuzz_corpus;
pub mod journal;
pub mod kafka;
pub mod publisher;
pub mod simulated_disk;
pub mod source;
