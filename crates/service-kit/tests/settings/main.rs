//! Settings from whatever there may be: bytes by chance, and what a fuzzer has found.

mod any_text;

use any_text::check;
use proptest::prelude::*;
use test_kit::fuzz_corpus;

/// A part of the input: bytes by chance, or pieces that settings are made of.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let pieces = "((queue|feed|api|log)\\.|\\[(queue|api)\\]|QUEUE_|API_|FEED_|_FILE|name|linger|size|port|url|PORT|URL|HEADERS|PROPERTIES|PASSWORD|=|'|\"|\\$\\{|\\}|\\\\|#|\n| |,|:|[0-9]|ms|wss://|/|@|\u{e9}|secret){0,20}";
    prop_oneof![
        1 => prop::collection::vec(1..=u8::MAX, 0..40),
        3 => pieces.prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_settings_break_the_reader_or_show_a_secret(parts in prop::array::uniform4(part())) {
        check(&parts.join(&0));
    }
}

#[test]
fn settings_of_the_fuzzer_do_not_either() {
    for input in fuzz_corpus::inputs("settings") {
        check(&input);
    }
}
