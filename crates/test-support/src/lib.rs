//! Fakes, builders and a real Kafka for tests; a dev-dependency only.

pub mod kafka;
pub mod publisher;
pub mod source;
