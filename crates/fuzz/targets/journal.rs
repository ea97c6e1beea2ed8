//! Files of a journal as no writer leaves them.
#![no_main]

#[path = "../../ingestion-journal-adapter/tests/journal/any_files.rs"]
mod any_files;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| any_files::check(bytes));
