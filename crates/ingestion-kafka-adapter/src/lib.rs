//! Publishes to Kafka, each match at least or exactly once.
//!
//! [`KafkaPublisher`] takes messages as long as there is room, hands them to
//! librdkafka, and settles each receipt when the brokers have acknowledged the
//! record. Whatever comes back is kept and sent again, set aside as a dead
//! letter, or carried over to a new producer: inside this crate nothing is
//! ever lost.
//!
//! Delivery is exactly once, by transactions: acknowledged means committed, and
//! a later instance fences an earlier one. Or it is at least once, for
//! brokers without transactions: a record whose acknowledgement was lost with a
//! producer is sent again.
//!
//! Of several instances with exactly-once delivery one can publish and the others
//! stand by: they follow what it publishes until it is their turn.
//!
//! Topics are never created here; a missing one shows in health together with
//! the command that creates it.

mod settings;

mod publisher;

mod at_least_once;
mod exactly_once;
mod standby;

mod delivery;
mod shared_state;
mod topic;

mod health;

pub use publisher::KafkaPublisher;
pub use settings::{Compression, Delivery, KafkaSection, KafkaSettings};
pub use topic::dead_letters::DeadLetterTopic;
