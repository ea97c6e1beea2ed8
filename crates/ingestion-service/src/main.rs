//! `ingestion-service`: match ids from upstream feeds to Kafka, every match once.
//!
//! The command line, and nothing else: what it asks for is done by
//! `ingestion-commands`, which also wires the service, and `ingestion-demo`.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::process::ExitCode;

use cli::{Invocation, Task};
use service_kit::{descriptors, telemetry};

fn main() -> ExitCode {
    descriptors::raise_limit();
    let Invocation { task, given } = Invocation::of_process();
    let code = match task {
        Task::Command(command) => ingestion_commands::execute(command, given),
        #[cfg(feature = "demo")]
        Task::Demo(arguments) => ingestion_demo::execute(arguments, &given),
    };
    telemetry::flush();
    code.into()
}
