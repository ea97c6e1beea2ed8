//! The rules for every line, on bytes by chance and on what a fuzzer may begin with.

use proptest::prelude::*;
use test_kit::fuzz_corpus;

use crate::any_log::check;

/// Bytes by chance, or pieces that lines are made of.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let pieces = "(\\[insert: api\\]|\\[|\\]|insert: api| |[0-9]|\u{1b}|\u{1b}\\[3[0-9]m|;|m|\u{7}|\\\\|\n|x|\u{e9}){0,24}";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        pieces.prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn every_line_is_judged_by_the_rules(lines in lines()) {
        check(&lines);
    }
}

#[test]
fn lines_of_the_fuzzer_are_judged_by_the_rules() {
    for input in fuzz_corpus::inputs("log") {
        check(&input);
    }
}
