//! Settings as no operator writes them.
#![no_main]

#[path = "../../service-kit/tests/settings/any_text.rs"]
mod any_text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| any_text::check(bytes));
