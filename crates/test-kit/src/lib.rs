//! What the tests of any crate need and no adapter has: certificates, a clock,
//! the fuzzers' corpus, the tables of the documents, and waiting; and what the
//! test kits of engines share: fetching one, free ports, and a process that
//! can be killed and goes with its test; and a service as such a process, with
//! what it has used.
//!
//! A dev-dependency only. It names no adapter, so a test that wants it does
//! not compile librdkafka.

pub mod certificates;
pub mod clock;
pub mod document;
pub mod engine_process;
pub mod fuzz_corpus;
pub mod package_cache;
pub mod ports;
pub mod secrets;
pub mod service_process;
pub mod supervisor;
pub mod terminal;
pub mod usage;
pub mod waiting;
mod workspace_program;

pub use workspace_program::workspace_program;
