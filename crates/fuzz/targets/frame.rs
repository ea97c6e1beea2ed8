//! Frames as no feed sends them.
#![no_main]

#[path = "../../ingestion-opendota-adapter/tests/stream/any_frame.rs"]
mod any_frame;

libfuzzer_sys::fuzz_target!(|frame: &[u8]| any_frame::check(frame));
