//! From one message of the feed to a match id, or to the reason why not.
//!
//! The rules: one JSON object, the key `match_id` once, its value an integer
//! token within the range of a [`MatchId`]. Everything else in the object is
//! checked for syntax and otherwise ignored, whatever its size or depth. They
//! are those of `contracts`, which hold for records, too.

use bytes::Bytes;
use contracts::{NoMatchId, find_match_id, find_match_id_in_bytes};
use domain::MatchId;
use ingestion_application::{
    DeadLetterReason, FoundMatch,
    ports::{FrameParser, InvalidFrame},
};

/// Judges frames as binary messages of this feed, wherever they come from.
#[derive(Debug, Clone, Copy)]
pub struct MatchFrames;

impl FrameParser for MatchFrames {
    fn parse(&self, frame: &[u8]) -> Result<FoundMatch, Box<InvalidFrame>> {
        parse_frame(frame).map(FoundMatch::Id)
    }
}

/// Reads the match id of one message, which may hold any bytes.
///
/// # Errors
/// `not_utf8`, or as [`parse_text_frame`].
pub fn parse_frame(frame: &[u8]) -> Result<MatchId, Box<InvalidFrame>> {
    find_match_id_in_bytes(frame).map_err(|why| Box::new(invalid(frame, &why)))
}

/// Reads the match id of one text message.
///
/// # Errors
/// The first rule that is broken, in this order: `not_json`, `not_an_object`,
/// `match_id_twice`, `match_id_missing`, `match_id_invalid`.
pub fn parse_text_frame(frame: &str) -> Result<MatchId, Box<InvalidFrame>> {
    find_match_id(frame).map_err(|why| Box::new(invalid(frame.as_bytes(), &why)))
}

fn invalid(frame: &[u8], why: &NoMatchId) -> InvalidFrame {
    invalid_frame(frame, reason_of(why), why.to_string())
}

/// The verdict holds a copy of the frame, so that a small dead letter does not
/// keep the large read buffer alive that it arrived in.
pub(crate) fn invalid_frame(
    frame: &[u8],
    reason: DeadLetterReason,
    detail: String,
) -> InvalidFrame {
    InvalidFrame {
        reason,
        detail,
        payload: Bytes::copy_from_slice(frame),
    }
}

pub(super) fn reason_of(why: &NoMatchId) -> DeadLetterReason {
    match why {
        NoMatchId::NotUtf8 { .. } => DeadLetterReason::NotUtf8,
        NoMatchId::NotJson(_) => DeadLetterReason::NotJson,
        NoMatchId::NotAnObject => DeadLetterReason::NotAnObject,
        NoMatchId::Twice => DeadLetterReason::MatchIdTwice,
        NoMatchId::Missing => DeadLetterReason::MatchIdMissing,
        NoMatchId::Invalid(_) => DeadLetterReason::MatchIdInvalid,
    }
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
        match (parse_frame(frame), expected) {
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
        check(
            r#"{"match_id\ud800":0,"\udc00match_id":0,"match_id":12}"#,
            Ok(12),
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
            "1e999999",
            "-1e-999999",
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
        for (frame, detail) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("PING", "expected value at line 1 column 1"),
            (
                r#"{"match_id":1,"match_id":"#,
                "EOF while parsing a value at line 1 column 25",
            ),
            (
                r#"{"match_id":1"#,
                "EOF while parsing an object at line 1 column 13",
            ),
            (r#"{"match_id":01}"#, "invalid number at line 1 column 14"),
            (r#"{"match_id":1,}"#, "trailing comma at line 1 column 15"),
            (r#"{"match_id" 1}"#, "expected `:` at line 1 column 13"),
            (
                r#"{"match_id":1}{}"#,
                "trailing characters at line 1 column 15",
            ),
            (
                "{\"match_id\":1}\0",
                "trailing characters at line 1 column 15",
            ),
            ("{'match_id':1}", "key must be a string at line 1 column 2"),
            (
                "\u{FEFF}{\"match_id\":1}",
                "expected value at line 1 column 1",
            ),
            ("{\"a\":\"\n\",\"match_id\":1}", "control character"),
            ("{\"a\n\":0,\"match_id\":1}", "control character"),
            ("{\"match_id\n\":0,\"match_id\":1}", "control character"),
            (
                r#"{"a":"\x","match_id":1}"#,
                "invalid escape at line 1 column 8",
            ),
            (
                r#"{"\u00g0":0,"match_id":1}"#,
                "invalid escape at line 1 column 8",
            ),
            (r#"{"match_id":+1}"#, "expected value at line 1 column 13"),
            (r#"{"match_id":NaN}"#, "expected value at line 1 column 13"),
            (
                r#"[{"match_id":1]}"#,
                "expected `,` or `}` at line 1 column 15",
            ),
        ] {
            check(frame, Err((NotJson, detail)));
        }
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
            let nested = hostile.repeat((16 << 20) / hostile.len());
            check(&nested, Err((NotJson, "EOF while parsing")));
        }
        let (open, close) = ("[".repeat(8 << 20), "]".repeat(8 << 20));
        check(format!(r#"{{"a":{open}{close},"match_id":1}}"#), Ok(1));
        check(
            format!(r#"{{"match_id":{open}{close}}}"#),
            Err((MatchIdInvalid, "is an array,")),
        );
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
            let found = parse_text_frame(&frame);
            prop_assert_eq!(found.map(MatchId::get).map_err(|invalid| invalid.reason), expected);
        }

        #[test]
        fn no_bytes_make_it_panic(frame in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_frame(&frame);
        }
    }
}
