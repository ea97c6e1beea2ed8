//! Why records are set aside, and in which order they are judged.

use contracts::{Header, MatchIdRecord, MatchSummaryRecord, ReceivedMatchId, RejectedRecord};
use domain::Timestamp;

const SUMMARY: &str = r#"{"match_id":7,"start_time":1742744300}"#;

/// A summary; each part can be spoilt alone.
#[derive(Clone, Copy)]
struct Record<'a> {
    key: Option<&'a [u8]>,
    value: &'a [u8],
    schema: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    received_at: Option<&'a [u8]>,
}

const RECORD: Record<'static> = Record {
    key: Some(b"7"),
    value: SUMMARY.as_bytes(),
    schema: Some(b"match_summary/1"),
    source: Some(b"opendota_pages"),
    received_at: Some(b"2025-03-23T16:10:01.040Z"),
};

impl<'a> Record<'a> {
    fn headers(self) -> impl Iterator<Item = Header<'a>> {
        [
            ("schema", self.schema),
            ("source", self.source),
            ("received_at", self.received_at),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| Header { name, value }))
    }

    #[track_caller]
    fn check(self, reason: &str, detail: &str) {
        let why = MatchSummaryRecord::decode(self.key, self.value, self.headers())
            .expect_err("the record is spoilt");
        assert_eq!((why.reason(), &*why.to_string()), (reason, detail));
    }
}

/// A summary with one more field.
#[track_caller]
fn check_field(member: &str, detail: &str) {
    let value = format!(r#"{{"match_id":7,"start_time":1742744300,{member}}}"#);
    let record = Record {
        value: value.as_bytes(),
        ..RECORD
    };
    record.check("field_invalid", detail);
}

#[test]
fn a_record_of_another_schema_is_not_read() {
    let with = |schema| Record { schema, ..RECORD };
    with(None).check("schema_missing", "the record has no header schema");
    for (schema, shown) in [
        (&b"match_summary/2"[..], "match_summary/2"),
        (b"match_ids_raw/1", "match_ids_raw/1"),
        (b"", ""),
        (b"\xff", "\u{fffd}"),
        (&[b's'; 1_000], "ssssssssssssssssssssssssssssssss…"),
    ] {
        let detail = format!("the schema is {shown}, this reader knows match_summary/1");
        with(Some(schema)).check("schema_unknown", &detail);
    }
}

#[test]
fn the_value_holds_one_match_id() {
    for (value, reason, detail) in [
        (&b"\xff"[..], "not_utf8", "no UTF-8 from byte 0 on"),
        (
            b"",
            "not_json",
            "EOF while parsing a value at line 1 column 0",
        ),
        (b"[]", "not_an_object", "JSON, but not an object"),
        (
            br#"{"match_id":7,"m\u0061tch_id":7,"start_time":1742744300}"#,
            "match_id_twice",
            "the key match_id is given more than once",
        ),
        (
            br#"{"start_time":1742744300}"#,
            "match_id_missing",
            "the object has no key match_id",
        ),
        (
            br#"{"match_id":7.0,"start_time":1742744300}"#,
            "match_id_invalid",
            "match_id is 7.0, not an integer in 1..=9223372036854775807",
        ),
        (
            br#"{"match_id":null,"start_time":1742744300}"#,
            "match_id_invalid",
            "match_id is null, not an integer in 1..=9223372036854775807",
        ),
    ] {
        Record { value, ..RECORD }.check(reason, detail);
    }
}

#[test]
fn the_key_is_the_id_in_decimal() {
    for (key, detail) in [
        (None, "the record has no key, and match_id 7"),
        (Some(&b""[..]), "the key is \"\", and match_id 7"),
        (Some(b"8"), "the key is \"8\", and match_id 7"),
        (Some(b"07"), "the key is \"07\", and match_id 7"),
        (Some(b"7\n"), "the key is \"7\u{fffd}\", and match_id 7"),
    ] {
        Record { key, ..RECORD }.check("key_differs", detail);
    }
}

#[test]
fn source_and_time_of_receipt_are_needed() {
    for (source, detail) in [
        (None, "source is not given"),
        (
            Some(&b""[..]),
            "source is \"\", not a name of 1 to 64 bytes",
        ),
        (
            Some(b"\xff"),
            "source is \"\u{fffd}\", not a name of 1 to 64 bytes",
        ),
    ] {
        Record { source, ..RECORD }.check("field_invalid", detail);
    }
    for (received_at, detail) in [
        (None, "received_at is not given"),
        (
            Some(&b"yesterday"[..]),
            "received_at is \"yesterday\", not a time as RFC 3339 writes it",
        ),
    ] {
        let record = Record {
            received_at,
            ..RECORD
        };
        record.check("field_invalid", detail);
    }
}

#[test]
fn a_match_starts_after_the_first_and_before_tomorrow() {
    // A day after the receipt is 1742832601.040.
    for (start_time, detail) in [
        ("null", "is not given"),
        ("1262303999", "is 1262303999, before 1262304000"),
        ("0", "is 0, before 1262304000"),
        (
            "1742832602",
            "is 1742832602, more than a day after received_at",
        ),
        (
            "4294967296",
            "is 4294967296, not an integer in 0..=4294967295",
        ),
        ("-1", "is -1, not an integer in 0..=4294967295"),
        (
            "1742744300.5",
            "is 1742744300.5, not an integer in 0..=4294967295",
        ),
        (
            "\"1742744300\"",
            "is \"1742744300\", not an integer in 0..=4294967295",
        ),
        (
            "1742744300,\"start_time\":1742744300",
            "is given more than once",
        ),
    ] {
        let value = format!(r#"{{"match_id":7,"start_time":{start_time}}}"#);
        let record = Record {
            value: value.as_bytes(),
            ..RECORD
        };
        record.check("start_time_invalid", &format!("start_time {detail}"));
    }
    let missing = Record {
        value: br#"{"match_id":7}"#,
        ..RECORD
    };
    missing.check("start_time_invalid", "start_time is not given");
    for start_time in ["1262304000", "1742832601", "1.7428326e9"] {
        let value = format!(r#"{{"match_id":7,"start_time":{start_time}}}"#);
        let read = MatchSummaryRecord::decode(RECORD.key, value.as_bytes(), RECORD.headers());
        assert!(read.is_ok(), "{start_time}: {read:?}");
    }
}

#[test]
fn a_wrong_field_is_named() {
    for (member, detail) in [
        (
            r#""duration":-1"#,
            "duration is -1, not an integer in 0..=4294967295",
        ),
        (
            r#""duration":1,"durat\u0069on":1"#,
            "duration is given more than once",
        ),
        (
            r#""lobby_type":256"#,
            "lobby_type is 256, not an integer in 0..=255",
        ),
        (
            r#""lobby_type":7.5"#,
            "lobby_type is 7.5, not an integer in 0..=255",
        ),
        (
            r#""radiant_win":1"#,
            "radiant_win is 1, neither true nor false",
        ),
        (
            r#""match_seq_num":18446744073709551616"#,
            "match_seq_num is 18446744073709551616, not an integer in 0..=18446744073709551615",
        ),
        (
            r#""cluster":{"id":1}"#,
            "cluster is an object, not an integer in 0..=65535",
        ),
        (r#""radiant":"1,2""#, "radiant is \"1,2\", not an array"),
        (
            r#""radiant":[1,2,3,4,5,6]"#,
            "radiant has more than 5 heroes",
        ),
        (
            r#""dire":[1,65536]"#,
            "dire[1] is 65536, not an integer in 0..=65535",
        ),
        (
            r#""dire":[null]"#,
            "dire[0] is null, not an integer in 0..=65535",
        ),
    ] {
        check_field(member, detail);
    }
}

#[test]
fn a_wrong_field_of_a_player_is_named() {
    for (member, detail) in [
        (r#""players":{}"#, "players is an object, not an array"),
        (
            r#""players":[{"slot":0},7]"#,
            "players[1] is 7, not an object",
        ),
        (r#""players":[{}]"#, "players[0].slot is not given"),
        (
            r#""players":[{"slot":10}]"#,
            "players[0].slot is 10, not an integer in 0..=9",
        ),
        (
            r#""players":[{"slot":128}]"#,
            "players[0].slot is 128, not an integer in 0..=9",
        ),
        (
            r#""players":[{"slot":1},{"slot":2},{"slot":1}]"#,
            "players[2] has slot 1, as another player",
        ),
        (
            r#""players":[{"slot":1,"kills":70000}]"#,
            "players[0].kills is 70000, not an integer in 0..=65535",
        ),
        (
            r#""players":[{"slot":1,"account_id":4294967296}]"#,
            "players[0].account_id is 4294967296, not an integer in 0..=4294967295",
        ),
        (
            r#""players":[{"slot":1,"items":[1,-2]}]"#,
            "players[0].items[1] is -2, not an integer in 0..=65535",
        ),
    ] {
        check_field(member, detail);
    }
    let eleven = format!(r#""players":[{}]"#, ["{}"; 11].join(","));
    check_field(&eleven, "players has more than 10 players");
}

#[test]
fn the_first_broken_rule_is_given() {
    type Spoil = fn(&mut Record<'static>);
    /// What spoils a summary, in the order in which it is judged.
    const SPOILERS: [(&str, Spoil); 12] = [
        ("schema_missing", |record| record.schema = None),
        ("schema_unknown", |record| record.schema = Some(b"x")),
        ("not_utf8", |record| record.value = b"{\"match_id\":8\xff"),
        ("not_json", |record| record.value = b"[\"match_id\":8"),
        ("not_an_object", |record| record.value = b"[]"),
        ("match_id_twice", |record| {
            record.value = br#"{"match_id":0,"match_id":0,"duration":-1}"#;
        }),
        ("match_id_missing", |record| {
            record.value = br#"{"duration":-1}"#;
        }),
        ("match_id_invalid", |record| {
            record.value = br#"{"match_id":0,"duration":-1}"#;
        }),
        ("key_differs", |record| {
            record.key = None;
            record.value = br#"{"match_id":7,"start_time":0,"duration":-1}"#;
        }),
        ("field_invalid", |record| record.source = None),
        ("start_time_invalid", |record| {
            record.value = br#"{"match_id":7,"start_time":0,"duration":-1}"#;
        }),
        ("field_invalid", |record| {
            record.value = br#"{"match_id":7,"start_time":1742744300,"duration":-1}"#;
        }),
    ];
    for first in 0..SPOILERS.len() {
        let mut record = RECORD;
        for (_, spoil) in SPOILERS[first..].iter().rev() {
            spoil(&mut record);
        }
        let why = MatchSummaryRecord::decode(record.key, record.value, record.headers());
        let why = why.expect_err("the record is spoilt");
        assert_eq!(why.reason(), SPOILERS[first].0, "{why}");
    }
    let mut reasons: Vec<_> = SPOILERS.iter().map(|(reason, _)| *reason).collect();
    // Headers are fields, too, and without the time of receipt no start can be judged.
    reasons.remove(9);
    assert_eq!(reasons, RejectedRecord::REASONS);
}

#[test]
fn a_match_id_is_judged_in_the_same_words() {
    let schema = |value| Header {
        name: "schema",
        value,
    };
    let check = |key: Option<&[u8]>, value: &[u8], headers: &[Header<'static>], reason: &str| {
        let judged = MatchIdRecord::judge(key, value, headers.iter().copied());
        let why = judged.expect_err(reason);
        assert_eq!(why.reason(), reason, "{why}");
    };
    let known = [schema(b"match_ids_raw/1")];
    let value = b"{\"match_id\":7}";
    check(Some(b"7"), value, &[], "schema_missing");
    check(
        Some(b"7"),
        value,
        &[schema(b"match_ids_raw/2")],
        "schema_unknown",
    );
    check(Some(b"7"), b"\xff", &known, "not_utf8");
    check(Some(b"7"), b"7,", &known, "not_json");
    check(Some(b"7"), b"7", &known, "not_an_object");
    check(
        Some(b"7"),
        b"{\"match_id\":7,\"match_id\":7}",
        &known,
        "match_id_twice",
    );
    check(Some(b"7"), b"{}", &known, "match_id_missing");
    check(
        Some(b"7"),
        b"{\"match_id\":7e0}",
        &known,
        "match_id_invalid",
    );
    check(Some(b"8"), value, &known, "key_differs");
    check(None, value, &known, "key_differs");
}

#[test]
fn of_a_match_id_only_the_id_is_needed() {
    let header = |name, value: &'static str| Header {
        name,
        value: value.as_bytes(),
    };
    let schema = header("schema", "match_ids_raw/1");
    let judge = |headers: &[Header<'static>]| {
        let judged = MatchIdRecord::judge(Some(b"7"), b"{\"match_id\":7}", headers.iter().copied());
        let ReceivedMatchId {
            id,
            source,
            received_at,
        } = judged.expect("the id is valid");
        assert_eq!(id.get(), 7);
        (source, received_at)
    };
    assert_eq!(judge(&[schema]), (None, None));
    let received_at = header("received_at", "2025-03-23T16:10:01.040Z");
    assert_eq!(
        judge(&[schema, header("source", "opendota_stream"), received_at]),
        (
            Some("opendota_stream"),
            Some(Timestamp::from_unix_ms(1_742_746_201_040))
        )
    );
    assert_eq!(
        judge(&[schema, header("received_at", "yesterday")]),
        (None, None)
    );
}
