//! The publisher against brokers: one inside the process, and real ones.

mod disturbed_kafka;
mod embedded_broker;
mod logs;
mod misadvertised_broker;
mod open_transactions;
mod real_kafka;
mod standby;
mod summaries_and_places;
mod support;
mod transactions;
