//! What every client of Kafka needs, whatever it sends or reads.
//!
//! Deliberately absent: what a record means, and what is to become of one that
//! does not arrive. Topics are never created here, except by the tools of the
//! feature `embedded`, for demos and tests.

pub mod addresses;
pub mod advice;
pub mod brokers;
pub mod connection;
pub mod consumer;
pub mod error_code;
pub mod health;
pub mod log;
pub mod ownership;
pub mod probe;
pub mod reader;
pub mod scan;
pub mod settings;
pub mod trial;
pub mod undecided;

#[cfg(feature = "embedded")]
pub mod embedded;
