//! End-to-end benchmarks beside their baselines.
//!
//! What is measured is a process as a whole, from outside, as the operating
//! system accounts for it: processor time and resident memory.

mod service;
mod upstream;

pub use service::RunningService;
pub use test_kit::usage::{Usage, binaries_folder};
pub use upstream::{Served, serve};
