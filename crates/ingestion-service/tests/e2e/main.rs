//! The built binary as a child process, between a simulated feed and a real Kafka.
//!
//! One test binary, so that all tests share one broker; those that hurt a
//! broker start their own.

mod support;

mod records;

mod all_feeds;
mod commands;
mod dead_letters;
mod descriptors;
mod feed_faults;
mod gaps;
mod invalid_frames;
mod push_feeds;
mod recorded;
#[cfg(feature = "release-binary")]
mod release_binary;
mod replay;
mod secrets;
mod settings;

mod broker_faults;
mod journal;
mod kafka_security;
mod lost_acknowledgements;
mod open_transactions;
mod pages;
mod self_healing;
mod shutdown;
mod standby;
mod start;
mod steam;
mod unread_log;
mod volume;
