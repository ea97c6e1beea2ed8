//! The built binary as a child process, between a real PostgreSQL, which is killed and frozen, a simulated Steam, and a
//! Redis.

mod commands;
mod flow;
mod instances;
mod keys;
mod outages;
mod readme;
mod secrets;
mod support;
mod tables;
