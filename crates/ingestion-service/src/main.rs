//! `ingestion-service`: match ids from upstream feeds to Kafka, every match once.
//!
//! This crate is the composition root: it reads the settings, builds the
//! adapters, hands them to the use case and watches over the whole. Whatever
//! is more than wiring lives in another crate.

mod cli;
mod commands;
#[cfg(feature = "demo")]
mod demo;
mod service;
mod settings;
mod way_out;

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::descriptors::raise_limit();
    commands::execute(cli::Invocation::of_process()).into()
}
