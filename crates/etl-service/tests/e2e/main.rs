//! The built binary as a child process, between a real Kafka and its embedded warehouse.

mod backfill;
mod chaos;
mod commands;
mod compared;
mod day;
mod dead_letters;
#[cfg(feature = "demo")]
mod demo;
mod details;
mod doctor;
mod kills;
mod readme;
mod recorded;
mod rows;
mod secrets;
mod server;
mod support;
mod tables;
mod trouble;
mod world;
