//! Logs as no upstream writes them.
#![no_main]

#[path = "../../ingestion-opendota-adapter/tests/logs/any_log.rs"]
mod any_log;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| any_log::check(bytes));
