//! Envelopes: `{"type":"MATCH","message":{"match":{"match_id":…},…},…}`.
//!
//! What is not needed may be anything, at every level. A key on the way to the
//! id that is given twice makes the frame invalid, because there may be two ids
//! then; an envelope of another type tells of no match, and is no fault.

use contracts::{Member, NoMatchId, find_match_id, find_members_of, text_of};
use domain::MatchId;
use ingestion_application::{DeadLetterReason, ports::InvalidFrame};

use super::parse::{invalid_frame, reason_of};

/// The type of those that hold a match.
const MATCH: &str = "MATCH";

/// Reads the match id of one message, which may hold any bytes; none if it is an
/// envelope of another type.
///
/// # Errors
/// `not_utf8`, or as [`parse_text_envelope`].
pub fn parse_envelope(frame: &[u8]) -> Result<Option<MatchId>, Box<InvalidFrame>> {
    match str::from_utf8(frame) {
        Ok(text) => parse_text_envelope(text),
        Err(error) => {
            let why = NoMatchId::NotUtf8 {
                valid_up_to: error.valid_up_to(),
            };
            let invalid = invalid_frame(frame, reason_of(&why), why.to_string());
            Err(Box::new(invalid))
        }
    }
}

/// Reads the match id of one text message; none if it is an envelope of another type.
///
/// # Errors
/// The first rule that is broken, from the outside in: `not_json`, `not_an_object`,
/// `match_id_twice` also for a repeated `message` or `match`, `match_id_missing`
/// also for what is no envelope, `match_id_invalid`.
pub fn parse_text_envelope(frame: &str) -> Result<Option<MatchId>, Box<InvalidFrame>> {
    open(frame)
        .map_err(|(reason, detail)| Box::new(invalid_frame(frame.as_bytes(), reason, detail)))
}

type Fault = (DeadLetterReason, String);

fn open(frame: &str) -> Result<Option<MatchId>, Fault> {
    let at = |path: &'static str| move |why: NoMatchId| (reason_of(&why), format!("{path}{why}"));
    let [kind, message] = find_members_of(frame, &["type", "message"]).map_err(at(""))?;
    if !is_match(kind)? {
        return Ok(None);
    }
    let message = only(message, "message")?;
    let [found] = find_members_of(message, &["match"]).map_err(at("message is "))?;
    let found = only(found, "message.match")?;
    find_match_id(found)
        .map(Some)
        .map_err(at("message.match: "))
}

fn is_match(kind: Member<'_>) -> Result<bool, Fault> {
    let why = match kind {
        Member::Once(kind) => match text_of(kind) {
            Some(kind) => return Ok(kind == MATCH),
            None => "type is no text",
        },
        Member::Missing => "no envelope: there is no key type",
        Member::Repeated => "no envelope: the key type is given more than once",
    };
    Err((DeadLetterReason::MatchIdMissing, why.to_owned()))
}

/// The value of a key on the way to the id.
fn only<'a>(member: Member<'a>, path: &str) -> Result<&'a str, Fault> {
    match member {
        Member::Once(value) => Ok(value),
        Member::Missing => Err((
            DeadLetterReason::MatchIdMissing,
            format!("the envelope has no {path}"),
        )),
        Member::Repeated => Err((
            DeadLetterReason::MatchIdTwice,
            format!("the envelope has more than one {path}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use ingestion_application::DeadLetterReason::{
        MatchIdInvalid, MatchIdMissing, MatchIdTwice, NotAnObject, NotJson, NotUtf8,
    };

    use super::*;

    /// The expected reason is followed by what the detail says.
    #[track_caller]
    fn check(frame: impl AsRef<[u8]>, expected: Result<Option<i64>, (DeadLetterReason, &str)>) {
        let frame = frame.as_ref();
        match (parse_envelope(frame), expected) {
            (Ok(id), Ok(expected)) => assert_eq!(id.map(MatchId::get), expected),
            (Err(invalid), Err((reason, detail))) => {
                assert_eq!(invalid.reason, reason, "{}", invalid.detail);
                assert!(invalid.detail.contains(detail), "{}", invalid.detail);
                assert!(invalid.detail.chars().count() <= 200, "{}", invalid.detail);
                assert_eq!(invalid.payload, frame);
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    fn around(found: &str) -> String {
        format!(r#"{{"type":"MATCH","message":{{"match":{found},"origin":"scanner"}}}}"#)
    }

    #[test]
    fn a_match_is_found_in_its_envelope() {
        check(
            around(r#"{"match_id":8943267925}"#),
            Ok(Some(8_943_267_925)),
        );
        check(
            r#" {"message":{"x":1,"match":{"a":[],"match_id":7,"b":{}}},"v":2,"type":"MATCH"} "#,
            Ok(Some(7)),
        );
        check(
            r#"{"t\u0079pe":"M\u0041TCH","\u006dessage":{"m\u0061tch":{"match\u005fid":9}}}"#,
            Ok(Some(9)),
        );
    }

    #[test]
    fn what_is_not_needed_may_have_any_type_and_size() {
        let digits = "9".repeat(100_000);
        let (open, close) = ("[{\"x\":".repeat(50_000), "}]".repeat(50_000));
        let deep = format!("{open}{digits}{close}");
        check(
            format!(
                r#"{{"a":{deep},"type":"MATCH","message":{{"origin":{deep},"match":{{"dire_logo":{digits},"match_id":3,"b":{deep}}}}},"type ":1,"\ud800":0}}"#
            ),
            Ok(Some(3)),
        );
        check(format!(r#"{{"type":"STATS","message":{deep}}}"#), Ok(None));
    }

    #[test]
    fn an_envelope_of_another_type_is_no_fault() {
        check(r#"{"type":"STATS","message":{}}"#, Ok(None));
        check(
            r#"{"type":"match","message":{"match":{"match_id":1}}}"#,
            Ok(None),
        );
        check(r#"{"message":null,"message":1,"type":""}"#, Ok(None));
    }

    #[test]
    fn what_is_no_envelope_is_set_aside() {
        check("", Err((NotJson, "EOF while parsing")));
        check("PING", Err((NotJson, "expected value")));
        check(around("{}} {"), Err((NotJson, "expected `,` or `}`")));
        check(r#"[{"type":"MATCH"}]"#, Err((NotAnObject, "not an object")));
        check(b"{\"type\":\"\xff\"}", Err((NotUtf8, "from byte 9 on")));
        check(r#"{"match_id":1}"#, Err((MatchIdMissing, "no key type")));
        check(r#"{"type":1}"#, Err((MatchIdMissing, "type is no text")));
        check(
            r#"{"type":"\ud800"}"#,
            Err((MatchIdMissing, "type is no text")),
        );
        check(
            r#"{"type":"STATS","type":"MATCH"}"#,
            Err((MatchIdMissing, "type is given more than once")),
        );
    }

    #[test]
    fn an_envelope_without_one_match_id_is_set_aside() {
        check(
            r#"{"type":"MATCH"}"#,
            Err((MatchIdMissing, "has no message")),
        );
        check(
            r#"{"type":"MATCH","message":{"match_id":1}}"#,
            Err((MatchIdMissing, "has no message.match")),
        );
        check(
            r#"{"type":"MATCH","message":null}"#,
            Err((NotAnObject, "message is JSON, but not an object")),
        );
        check(
            around("[1]"),
            Err((NotAnObject, "message.match: JSON, but not an object")),
        );
        check(
            around("{}"),
            Err((MatchIdMissing, "message.match: the object")),
        );
        check(
            around(r#"{"match_id":"1"}"#),
            Err((MatchIdInvalid, "message.match: match_id is \"1\",")),
        );
        for twice in [
            around(r#"{"match_id":1,"match_id":1}"#),
            around(r#"{"match_id":1},"match":{"match_id":1}"#),
            r#"{"type":"MATCH","message":{"match":{"match_id":1}},"message":1}"#.to_owned(),
        ] {
            check(twice, Err((MatchIdTwice, "more than on")));
        }
    }
}
