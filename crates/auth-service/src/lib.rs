//! The wiring of `auth-service`, and its commands: settings, `run`, `doctor`, `migrate`.
//!
//! The command line is the binary's. As a library it is there for whoever runs several services in one process.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod commands;
mod doctor;
mod revocations;
mod service;
pub mod settings;
mod steam_health;

pub use commands::Program;
pub use service::Service;
