//! A broker inside the process, and tools around topics, for demos and tests.
//!
//! The embedded broker is librdkafka's own stand-in: it takes and serves records like a broker but
//! keeps them in memory, at most 5 MB or 100,000 batches a partition, and
//! forgets the oldest. Whoever counts its records must read along. It knows
//! neither durability nor transactions.

mod broker;
mod open_transaction;
mod topic_reader;
mod topics;

pub use broker::{EmbeddedBroker, EmbeddedError};
pub use open_transaction::OpenTransaction;
pub use topic_reader::{ReadFrom, TopicReader, TopicRecord};
pub use topics::{add_partitions, create_topic, delete_topic, wait_for_brokers, wait_for_leaders};
