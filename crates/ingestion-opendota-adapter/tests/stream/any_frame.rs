//! What holds for every frame, whatever is in it; fuzzed by `crates/fuzz`, too.

use domain::MatchId;
use ingestion_application::{DeadLetterReason, ports::InvalidFrame};
use ingestion_opendota_adapter::stream::parse_frame;
use serde::{Deserialize, de::IgnoredAny};

/// A detail is read in a line of a log.
const DETAIL_CHARACTERS_MAX: usize = 200;

#[derive(Deserialize)]
struct Row {
    match_id: i64,
}

/// Judges `frame` in both ways, and compares the judgement with that of `serde_json`.
///
/// # Panics
/// When a rule is broken.
pub(crate) fn check(frame: &[u8]) {
    let text = parse_frame(frame, true);
    let binary = parse_frame(frame, false);
    check_one(frame, &text);
    check_one(frame, &binary);
    let reason = |found: &Result<MatchId, Box<InvalidFrame>>| {
        (found.as_ref()).map_or_else(|invalid| Err(invalid.reason), |id| Ok(*id))
    };
    let (text, binary) = (reason(&text), reason(&binary));
    let Ok(frame) = str::from_utf8(frame) else {
        assert_eq!(binary, Err(DeadLetterReason::NotUtf8));
        return;
    };
    assert_eq!(text, binary, "it is the same frame");
    let is_json = binary != Err(DeadLetterReason::NotJson);
    assert_eq!(is_json, serde_json::from_str::<IgnoredAny>(frame).is_ok());
    // Arrays are rows, too, to serde.
    if frame.trim_start().starts_with('{')
        && let Ok(Row { match_id }) = serde_json::from_str(frame)
    {
        let expected = MatchId::try_new(match_id);
        assert_eq!(
            binary,
            expected.map_err(|_| DeadLetterReason::MatchIdInvalid)
        );
    }
}

fn check_one(frame: &[u8], found: &Result<MatchId, Box<InvalidFrame>>) {
    let Err(invalid) = found else { return };
    assert_eq!(invalid.payload, frame, "a dead letter holds the frame");
    let detail = &invalid.detail;
    assert!(detail.chars().count() <= DETAIL_CHARACTERS_MAX, "{detail}");
    assert!(!detail.chars().any(char::is_control), "{detail:?}");
}
