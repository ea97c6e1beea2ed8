//! What the command line of every service has in common: a flag for each
//! setting, the commands that ask the same of all of them, the first moments
//! of a process, and what `--version` says.
//!
//! Deliberately absent: any service's settings and commands of its own. A
//! service names its settings when it reads them.

// A closed pipe makes these macros panic; see `said`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod dead_letters;
pub mod doctor;
pub mod lines;
pub mod top;

mod build_info;
pub mod demo;
mod ending;
mod given;
mod healthcheck;
mod listening;
mod migrate;
mod moment;
mod progress;
mod running_service;
mod runtime;
mod said;
mod service_commands;
mod stop;
mod validate;

pub use build_info::{COMMIT, VERSION, VERSION_AND_COMMIT};
pub use ending::conclude;
pub use given::{Given, command, parse};
pub use healthcheck::{HealthcheckArguments, healthcheck, url_to_ask};
pub use listening::{listen_first, run_service};
pub use migrate::{MigrateArguments, migrate};
pub use moment::{Moment, rfc3339};
pub use progress::{Progress, percent};
pub use running_service::{client_of_service, find_service};
pub use runtime::{block_on, with_settings};
pub use said::{complain, say};
pub use service_commands::{ServiceCommand, ServiceProgram, execute};
pub use stop::{Stop, stoppable};
pub use validate::validate;
