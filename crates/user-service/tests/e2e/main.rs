//! The built binary as a child process, between a real PostgreSQL, which is killed and frozen, and an issuer of
//! tokens.

mod commands;
mod instances;
mod outages;
mod secrets;
mod support;
mod tables;
mod tokens;
