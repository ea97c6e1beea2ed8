//! What holds for every frame, whatever is in it; fuzzed by `crates/fuzz`, too.

use domain::MatchId;
use ingestion_application::{DeadLetterReason, ports::InvalidFrame};
use ingestion_opendota_adapter::stream::{
    parse_envelope, parse_frame, parse_text_envelope, parse_text_frame,
};
use serde::{Deserialize, de::IgnoredAny};

/// A detail is read in a line of a log.
const DETAIL_CHARACTERS_MAX: usize = 200;

#[derive(Deserialize)]
struct Row {
    match_id: i64,
}

/// Judges `frame` in both ways, and compares the judgement with that of `serde_json`
/// as most would use it.
///
/// # Panics
/// When a rule is broken.
pub(crate) fn check(frame: &[u8]) {
    let found = judge(frame, parse_frame(frame));
    let Ok(text) = str::from_utf8(frame) else {
        assert_eq!(found, Err(DeadLetterReason::NotUtf8));
        return;
    };
    let as_text = judge(frame, parse_text_frame(text));
    assert_eq!(as_text, found, "it is the same frame");
    let is_json = found != Err(DeadLetterReason::NotJson);
    assert_eq!(is_json, serde_json::from_str::<IgnoredAny>(text).is_ok());
    check_envelope(frame, text, found);
    // Arrays are rows, too, to serde.
    if text.trim_start().starts_with('{')
        && let Ok(Row { match_id }) = serde_json::from_str(text)
    {
        let expected = MatchId::try_new(match_id);
        assert_eq!(
            found,
            expected.map_err(|_| DeadLetterReason::MatchIdInvalid)
        );
    }
}

/// Judges `frame` as an envelope, and as what an envelope holds: there the verdict is the same.
fn check_envelope(frame: &[u8], text: &str, found: Result<MatchId, DeadLetterReason>) {
    let opened = judge(frame, parse_envelope(frame));
    assert_eq!(judge(frame, parse_text_envelope(text)), opened);
    let is_json = opened != Err(DeadLetterReason::NotJson);
    assert_eq!(is_json, found != Err(DeadLetterReason::NotJson));
    if is_json {
        let around = format!(r#"{{"a":{text},"type":"MATCH","message":{{"match":{text}}}}}"#);
        let within = judge(around.as_bytes(), parse_text_envelope(&around));
        assert_eq!(within, found.map(Some));
    }
}

/// What was found, once it is what a dead letter has to be.
fn judge<T>(frame: &[u8], found: Result<T, Box<InvalidFrame>>) -> Result<T, DeadLetterReason> {
    let invalid = match found {
        Ok(id) => return Ok(id),
        Err(invalid) => invalid,
    };
    assert_eq!(invalid.payload, frame, "a dead letter holds the frame");
    let detail = &invalid.detail;
    assert!(detail.chars().count() <= DETAIL_CHARACTERS_MAX, "{detail}");
    assert!(!detail.chars().any(char::is_control), "{detail:?}");
    Err(invalid.reason)
}
