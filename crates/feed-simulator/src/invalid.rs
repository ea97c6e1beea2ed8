//! Frames that are no match, one list of samples for each way of being wrong.
//!
//! The reasons are those a strict reader tells apart; what it then does is its own business.

use serde::Serialize;

/// Why a frame is not a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InvalidReason {
    /// Bytes that are not UTF-8; always sent in a binary message.
    NotUtf8,
    /// UTF-8 that is not one JSON value.
    NotJson,
    /// A JSON value other than an object.
    NotAnObject,
    /// An object without the key `match_id` at its top.
    MatchIdMissing,
    /// A `match_id` that is no integer from 1 to 9223372036854775807.
    MatchIdInvalid,
    /// The key `match_id` given twice.
    MatchIdTwice,
}

impl InvalidReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::NotUtf8,
        Self::NotJson,
        Self::NotAnObject,
        Self::MatchIdMissing,
        Self::MatchIdInvalid,
        Self::MatchIdTwice,
    ];

    /// The name of the reason as it is written in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::MatchIdMissing => "match_id_missing",
            Self::MatchIdInvalid => "match_id_invalid",
            Self::MatchIdTwice => "match_id_twice",
        }
    }

    /// The bodies that are sent for this reason.
    #[must_use]
    pub fn samples(self) -> &'static [&'static [u8]] {
        match self {
            Self::NotUtf8 => &[
                b"\xff\xfe\xfd",
                b"{\"match_id\":1,\"name\":\"\xff\"}",
                // The beginning of a character that does not go on.
                b"{\"match_id\":2,\"name\":\"\xc3\x28\"}",
                // A surrogate, and a slash written longer than needed.
                b"{\"match_id\":3,\"name\":\"\xed\xa0\x80\"}",
                b"{\"match_id\":4,\"name\":\"\xc0\xaf\"}",
                b"{\"match_id\":5}\x80",
            ],
            Self::NotJson => &[
                b"",
                b"match 8769000001",
                b"{\"match_id\":8769000001",
                b"{\"match_id\":}",
                b"{\"match_id\":NaN}",
                b"{\"match_id\":01}",
                b"{'match_id':1}",
                b"{\"match_id\":1,}",
                b"{\"match_id\":1} x",
                b"{\"match_id\":1}{\"match_id\":2}",
            ],
            Self::NotAnObject => &[
                b"[{\"match_id\":1}]",
                b"8769000001",
                b"\"8769000001\"",
                b"null",
                b"true",
                b"[]",
            ],
            Self::MatchIdMissing => &[
                b"{}",
                b"{\"id\":8769000001}",
                b"{\"MATCH_ID\":8769000001}",
                b"{\"match_id \":8769000001}",
                b"{\"data\":{\"match_id\":8769000001}}",
                b"{\"match_seq_num\":7384000001,\"radiant_win\":true}",
            ],
            Self::MatchIdInvalid => &[
                b"{\"match_id\":true}",
                b"{\"match_id\":\"123\"}",
                b"{\"match_id\":1.0}",
                b"{\"match_id\":1e3}",
                b"{\"match_id\":null}",
                b"{\"match_id\":0}",
                b"{\"match_id\":-1}",
                b"{\"match_id\":9223372036854775808}",
                b"{\"match_id\":18446744073709551616}",
                b"{\"match_id\":[8769000001]}",
                b"{\"match_id\":{}}",
            ],
            Self::MatchIdTwice => &[
                b"{\"match_id\":8769000001,\"match_id\":8769000001}",
                b"{\"match_id\":8769000001,\"match_id\":8769000002}",
                b"{\"match_id\":8769000001,\"duration\":1800,\"match\\u005fid\":8769000001}",
                b"{\"\\u006d\\u0061tch_id\":8769000002,\"match_id\":8769000001}",
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    /// Judges a body by `serde_json` alone, which keeps the last of two equal keys.
    fn judge(body: &[u8]) -> Option<InvalidReason> {
        let Ok(text) = std::str::from_utf8(body) else {
            return Some(InvalidReason::NotUtf8);
        };
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Some(InvalidReason::NotJson);
        };
        let Value::Object(object) = value else {
            return Some(InvalidReason::NotAnObject);
        };
        if !object.contains_key("match_id") {
            return Some(InvalidReason::MatchIdMissing);
        }
        if keys_written(text) > object.len() {
            return Some(InvalidReason::MatchIdTwice);
        }
        match_id(&object)
            .is_none()
            .then_some(InvalidReason::MatchIdInvalid)
    }

    /// The samples with several keys have no comma or nesting inside their values.
    fn keys_written(text: &str) -> usize {
        text.matches(',').count() + 1
    }

    fn match_id(object: &Map<String, Value>) -> Option<i64> {
        object["match_id"].as_i64().filter(|id| *id > 0)
    }

    #[test]
    fn every_sample_is_wrong_in_its_own_way() {
        for reason in InvalidReason::ALL {
            assert!(
                reason.samples().len() > 1,
                "{} has variety",
                reason.as_str()
            );
            for sample in reason.samples() {
                assert_eq!(
                    judge(sample),
                    Some(reason),
                    "{}",
                    String::from_utf8_lossy(sample)
                );
            }
        }
        assert_eq!(judge(b"{\"match_id\":8769000001}"), None);
    }

    #[test]
    fn the_name_of_a_reason_is_the_same_everywhere() {
        for reason in InvalidReason::ALL {
            assert_eq!(serde_json::json!(reason), reason.as_str());
        }
    }
}
