//! From one message of the feed to a match id, or to the reason why not.
//!
//! The rules: one JSON object, the key `match_id` once, its value an integer
//! token within the range of a [`MatchId`]. Everything else in the object is
//! checked for syntax and otherwise ignored, whatever its size or depth.

use bytes::Bytes;
use domain::MatchId;
use ingestion_application::{
    DeadLetterReason,
    ports::{FrameParser, InvalidFrame},
};

use super::json::{Document, Member, SyntaxError, find_member};

const MATCH_ID: &str = "match_id";

/// How much of a wrong value is shown: enough to recognize it, and no more of a
/// stranger's data.
const SHOWN_CHARACTERS_MAX: usize = 32;

/// Judges frames as binary messages of this feed, wherever they come from.
#[derive(Debug, Clone, Copy)]
pub struct MatchFrames;

impl FrameParser for MatchFrames {
    fn parse(&self, frame: &[u8]) -> Result<MatchId, Box<InvalidFrame>> {
        parse_frame(frame, false)
    }
}

/// Reads the match id of one message.
///
/// `is_text` says that the message came as text, whose UTF-8 the WebSocket
/// layer has already checked.
///
/// # Errors
/// The first rule that is broken, in this order: `not_utf8`, `not_json`,
/// `not_an_object`, `match_id_twice`, `match_id_missing`, `match_id_invalid`.
/// It holds a copy of the frame, so that a small dead letter does not keep the
/// large read buffer alive that it arrived in.
pub fn parse_frame(frame: &[u8], is_text: bool) -> Result<MatchId, Box<InvalidFrame>> {
    let invalid = |reason, detail| {
        Box::new(InvalidFrame {
            reason,
            detail,
            payload: Bytes::copy_from_slice(frame),
        })
    };
    if !is_text && let Err(error) = str::from_utf8(frame) {
        let detail = format!("no UTF-8 from byte {} on", error.valid_up_to());
        return Err(invalid(DeadLetterReason::NotUtf8, detail));
    }
    let (reason, detail) = match find_member(frame, MATCH_ID) {
        Ok(Document::Object(Member::Once(value))) => match match_id(value) {
            Some(id) => return Ok(id),
            None => (DeadLetterReason::MatchIdInvalid, describe_value(value)),
        },
        Ok(Document::Object(Member::Repeated)) => (
            DeadLetterReason::MatchIdTwice,
            "the key match_id is given more than once".to_owned(),
        ),
        Ok(Document::Object(Member::Missing)) => (
            DeadLetterReason::MatchIdMissing,
            "the object has no key match_id".to_owned(),
        ),
        Ok(Document::NoObject) => (
            DeadLetterReason::NotAnObject,
            "JSON, but not an object".to_owned(),
        ),
        Err(error) => (DeadLetterReason::NotJson, describe_error(frame, &error)),
    };
    Err(invalid(reason, detail))
}

/// The id that a JSON value stands for, if it is an integer token in range.
fn match_id(value: &[u8]) -> Option<MatchId> {
    // JSON has no leading zeros and no plus sign, so digits are all there is to an id.
    let raw = value.iter().try_fold(0_i64, |id, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        id.checked_mul(10)?.checked_add(digit)
    })?;
    MatchId::try_new(raw).ok()
}

fn describe_value(value: &[u8]) -> String {
    let shown = match value.first() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        _ => shorten(value),
    };
    format!("match_id is {shown}, not an integer in 1..={}", i64::MAX)
}

/// The beginning of `value`, fit for a line of text.
fn shorten(value: &[u8]) -> String {
    // Whatever the cut leaves of a character is replaced below.
    let beginning = &value[..value.len().min(4 * SHOWN_CHARACTERS_MAX)];
    let text = String::from_utf8_lossy(beginning);
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

fn describe_error(frame: &[u8], error: &SyntaxError) -> String {
    let SyntaxError { at, expected } = error;
    let found = match frame.get(*at) {
        Some(byte) if byte.is_ascii_graphic() => format!("'{}'", char::from(*byte)),
        Some(byte) => format!("byte 0x{byte:02x}"),
        None => "the end".to_owned(),
    };
    format!("at byte {at}: expected {expected}, found {found}")
}

#[cfg(test)]
mod tests {
    use ingestion_application::DeadLetterReason::{
        MatchIdInvalid, MatchIdMissing, MatchIdTwice, NotAnObject, NotJson, NotUtf8,
    };
    use proptest::prelude::*;

    use super::*;

    /// Judges `frame` as binary; the expected reason is followed by what the detail says.
    fn check(frame: impl AsRef<[u8]>, expected: Result<i64, (DeadLetterReason, &str)>) {
        let frame = frame.as_ref();
        let shown = String::from_utf8_lossy(&frame[..frame.len().min(80)]).into_owned();
        match (parse_frame(frame, false), expected) {
            (Ok(id), Ok(expected)) => assert_eq!(id.get(), expected, "{shown}"),
            (Err(invalid), Err((reason, detail))) => {
                assert_eq!(invalid.reason, reason, "{shown}: {}", invalid.detail);
                assert!(
                    invalid.detail.contains(detail),
                    "{shown}: {}",
                    invalid.detail
                );
                assert!(
                    invalid.detail.chars().count() <= 200,
                    "{shown}: {}",
                    invalid.detail
                );
                assert_eq!(invalid.payload, frame, "{shown}");
            }
            (found, expected) => panic!("{shown}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn an_integer_in_range_is_an_id_wherever_it_stands() {
        check(r#"{"match_id":1}"#, Ok(1));
        check(r#"{"match_id":9223372036854775807}"#, Ok(i64::MAX));
        check(
            " \r\n\t{ \"match_id\" :\t8943267925 } \n",
            Ok(8_943_267_925),
        );
        check(r#"{"a":null,"match_id":7,"z":[{}]}"#, Ok(7));
        check(r#"{"match":{"match_id":8},"match_id":9}"#, Ok(9));
        check(r#"{"\u006datch\u005Fid":10}"#, Ok(10));
        check(
            r#"{"match_id\u0000":true,"match_id":11,"MATCH_ID":"x"}"#,
            Ok(11),
        );
    }

    #[test]
    fn other_fields_may_hold_any_json() {
        check(r#"{"a":1e999999,"b":-0.0E-0,"match_id":1}"#, Ok(1));
        check(r#"{"a":"\ud800","\udfff":"\u0000","match_id":1}"#, Ok(1));
        let digits = "9".repeat(100_000);
        check(format!(r#"{{"dire_logo":{digits},"match_id":2}}"#), Ok(2));
        let (open, close) = ("[{\"x\":".repeat(100_000), "}]".repeat(100_000));
        check(
            format!(r#"{{"deep":{open}null{close},"match_id":3}}"#),
            Ok(3),
        );
    }

    #[test]
    fn anything_but_an_integer_token_in_range_is_invalid() {
        for value in [
            "0",
            "-0",
            "-1",
            "1.0",
            "1e3",
            "10E0",
            "true",
            "false",
            "null",
            r#""123""#,
            r#""""#,
            "9223372036854775808",
            "-9223372036854775808",
            "99999999999999999999999999",
        ] {
            let detail = format!("match_id is {value}, not an integer in 1..=9223372036854775807");
            check(
                format!(r#"{{"match_id":{value}}}"#),
                Err((MatchIdInvalid, &detail)),
            );
        }
        check(
            r#"{"match_id":{"match_id":1}}"#,
            Err((MatchIdInvalid, "is an object,")),
        );
        check(r#"{"match_id":[1]}"#, Err((MatchIdInvalid, "is an array,")));
        let secret = format!(r#"{{"match_id":"{}"}}"#, "\u{1F600}".repeat(100_000));
        check(secret, Err((MatchIdInvalid, "\u{1F600}…,")));
        check(
            b"{\"match_id\":\"a\x7f\"}",
            Err((MatchIdInvalid, "\"a\u{FFFD}\"")),
        );
    }

    #[test]
    fn a_repeated_key_is_invalid_however_it_is_written() {
        for members in [
            r#""match_id":1,"match_id":1"#,
            r#""match_id":1,"match_id":2,"match_id":3"#,
            r#""match_id":1,"a":0,"m\u0061tch_id":1"#,
            r#""\u006D\u0061\u0074\u0063\u0068\u005f\u0069\u0064":"x","match_id":1"#,
            r#""match_id":null,"match_id":1"#,
        ] {
            check(
                format!("{{{members}}}"),
                Err((MatchIdTwice, "more than once")),
            );
        }
    }

    #[test]
    fn an_object_without_the_key_has_no_id() {
        for object in [
            "{}",
            r#"{"a":1}"#,
            r#"{"matchid":1,"match_id ":1,"atch_id":1,"match_i":1,"":1}"#,
            r#"{"match\\u005fid":1,"match\/id":1,"match_id\\":1}"#,
            r#"{"match":{"match_id":1}}"#,
        ] {
            check(object, Err((MatchIdMissing, "no key match_id")));
        }
    }

    #[test]
    fn json_that_is_no_object_is_named_so() {
        for value in [
            "1",
            "null",
            r#""match_id""#,
            "[]",
            r#"[{"match_id":1}]"#,
            " true ",
        ] {
            check(value, Err((NotAnObject, "not an object")));
        }
    }

    #[test]
    fn broken_json_is_told_with_its_place() {
        check(
            "",
            Err((NotJson, "at byte 0: expected a value, found the end")),
        );
        check(
            "PING",
            Err((NotJson, "at byte 0: expected a value, found 'P'")),
        );
        check(
            r#"{"match_id":1,"match_id":"#,
            Err((NotJson, "at byte 25: expected a value")),
        );
        check(
            r#"{"match_id":1"#,
            Err((NotJson, "at byte 13: expected ',' or '}'")),
        );
        check(
            r#"{"match_id":01}"#,
            Err((NotJson, "at byte 13: expected ',' or '}', found '1'")),
        );
        check(
            r#"{"match_id":1,}"#,
            Err((NotJson, "at byte 14: expected a key")),
        );
        check(r#"{"match_id" 1}"#, Err((NotJson, "expected ':'")));
        check(
            r#"{"match_id":1}{}"#,
            Err((NotJson, "at byte 14: expected nothing more")),
        );
        check("{\"match_id\":1}\0", Err((NotJson, "found byte 0x00")));
        check(
            "{'match_id':1}",
            Err((NotJson, "expected a key, found '''")),
        );
        check(
            "\u{FEFF}{\"match_id\":1}",
            Err((NotJson, "found byte 0xef")),
        );
        check(
            "{\"a\":\"\n\",\"match_id\":1}",
            Err((NotJson, "no control character")),
        );
        check(
            r#"{"a":"\x","match_id":1}"#,
            Err((NotJson, "expected an escape")),
        );
        check(r#"{"match_id":+1}"#, Err((NotJson, "expected a value")));
        check(r#"{"match_id":NaN}"#, Err((NotJson, "expected a value")));
        check(
            r#"[{"match_id":1]}"#,
            Err((NotJson, "',' or '}', found ']'")),
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_come_before_everything_else() {
        check(b"\xff", Err((NotUtf8, "from byte 0 on")));
        check(
            b"{\"a\":\"\xc0\xaf\",\"match_id\":1}",
            Err((NotUtf8, "from byte 6 on")),
        );
        check(
            b"{\"match_id\":1}\xe2\x82",
            Err((NotUtf8, "from byte 14 on")),
        );
        check(
            b"{\"a\":\"\xed\xa0\x80\"}",
            Err((NotUtf8, "from byte 6 on")),
        );
    }

    #[test]
    fn sixteen_mebibytes_of_nesting_neither_crash_nor_stall() {
        for hostile in ["[", "{\"a\":", "[[],"] {
            let frame = hostile.repeat((16 << 20) / hostile.len());
            check(frame, Err((NotJson, "expected a value, found the end")));
        }
    }

    /// A member of the object and, for `match_id`, what it is worth.
    fn member() -> impl Strategy<Value = (String, Option<Option<i64>>)> {
        let other = ("[a-ln-z_ ]{0,8}", "[a-z{}\\[\\]:, ]{0,8}")
            .prop_map(|(key, value)| (format!("\"{key}\":\"{value}\""), None));
        let key = prop_oneof![
            Just("match_id"),
            Just(r"match\u005fid"),
            Just(r"\u006Datch_i\u0064"),
        ];
        let id = prop_oneof![3 => any::<i64>(), 1 => 1..1000_i64];
        let ours = (key, id)
            .prop_map(|(key, id)| (format!("\"{key}\" : {id}"), Some((id >= 1).then_some(id))));
        prop_oneof![4 => other, 1 => ours]
    }

    proptest! {
        #[test]
        fn the_id_is_found_among_any_members(members in prop::collection::vec(member(), 0..12)) {
            let texts: Vec<_> = members.iter().map(|(text, _)| text.as_str()).collect();
            let ids: Vec<_> = members.iter().filter_map(|(_, id)| *id).collect();
            let expected = match ids[..] {
                [] => Err(MatchIdMissing),
                [Some(id)] => Ok(id),
                [None] => Err(MatchIdInvalid),
                [..] => Err(MatchIdTwice),
            };
            let frame = format!("{{{}}}", texts.join(" , "));
            let found = parse_frame(frame.as_bytes(), true);
            prop_assert_eq!(found.map(MatchId::get).map_err(|invalid| invalid.reason), expected);
        }

        #[test]
        fn no_bytes_make_it_panic(frame in prop::collection::vec(any::<u8>(), 0..64), is_text: bool) {
            let _ = parse_frame(&frame, is_text);
        }
    }
}
