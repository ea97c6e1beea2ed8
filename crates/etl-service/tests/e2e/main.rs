//! The built binary as a child process, between a real Kafka and its embedded warehouse.

mod commands;
mod dead_letters;
mod doctor;
mod kills;
mod server;
mod support;
mod trouble;
mod world;
