//! The rules for every frame, on bytes by chance and on what a fuzzer has found.

use proptest::prelude::*;
use test_kit::fuzz_corpus;

use crate::any_frame::check;

/// Bytes by chance, or pieces that frames are made of.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let pieces = "(\\{|\\}|\\[|\\]|:|,|\"|match_id|\"type\":|\"message\":|\"match\":|\"MATCH\"|\"match_id\":|\\\\u005f|\\\\|[0-9]|-|\\.|e|true|null| |\n|\u{e9}){0,24}";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        pieces.prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn every_frame_is_judged_by_the_rules(frame in frame()) {
        check(&frame);
    }
}

#[test]
fn frames_of_the_fuzzer_are_judged_by_the_rules() {
    for input in fuzz_corpus::inputs("frame") {
        check(&input);
    }
}
