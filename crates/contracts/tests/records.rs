//! The records as they are on the wire, and the way back.

mod common;

use common::wire;
use contracts::{
    DETAIL_SIZE_MAX_BYTES, DeadLetterRecord, DecodeError, MatchIdRecord, PAYLOAD_SIZE_MAX_BYTES,
};
use domain::{MatchId, Timestamp};
use proptest::prelude::*;

/// 2025-11-22T13:25:01.040Z
const RECEIVED_AT: Timestamp = Timestamp::from_unix_ms(1_763_817_901_040);

fn match_id(raw: i64) -> MatchIdRecord<'static> {
    MatchIdRecord {
        id: MatchId::try_new(raw).expect("the tests use valid ids"),
        source: "opendota_stream",
        received_at: RECEIVED_AT,
    }
}

fn dead_letter(payload: &[u8]) -> DeadLetterRecord<'_> {
    DeadLetterRecord {
        reason: "match_id_invalid",
        detail: "match_id is -1, below 1",
        source: "opendota_stream",
        received_at: RECEIVED_AT,
        payload,
        size_bytes: payload.len(),
    }
}

#[test]
fn a_match_id_is_on_the_wire_as_promised() {
    for (name, raw) in [
        ("match_id_smallest", 1),
        ("match_id_of_today", 8_943_267_925),
        ("match_id_largest", i64::MAX),
    ] {
        let record = match_id(raw).encode();
        insta::assert_snapshot!(
            name,
            wire(Some(record.key()), record.value(), &record.headers())
        );
    }
}

#[test]
fn a_dead_letter_is_on_the_wire_as_promised() {
    let whole = dead_letter(b"{\"match_id\":-1,\"\xff\":\"\n\"}");
    let cut = DeadLetterRecord {
        size_bytes: 600_000,
        reason: "not_json",
        ..whole
    };
    for (name, record) in [("dead_letter_whole", whole), ("dead_letter_cut", cut)] {
        let record = record.encode();
        insta::assert_snapshot!(name, wire(None, record.value(), &record.headers()));
    }
}

#[test]
fn a_long_dead_letter_is_cut_and_says_how_long_it_was() {
    let payload = vec![b'x'; PAYLOAD_SIZE_MAX_BYTES + 1];
    let detail = "ü".repeat(DETAIL_SIZE_MAX_BYTES);
    let record = DeadLetterRecord {
        detail: &detail,
        ..dead_letter(&payload)
    };
    let encoded = record.encode();
    let read = DeadLetterRecord::decode(encoded.value(), encoded.headers()).expect("as written");
    assert_eq!(read.payload.len(), PAYLOAD_SIZE_MAX_BYTES);
    assert_eq!(read.size_bytes, PAYLOAD_SIZE_MAX_BYTES + 1);
    assert_eq!(read.detail, &detail[..DETAIL_SIZE_MAX_BYTES]);
}

#[test]
fn a_record_that_is_not_as_the_schema_says_is_refused_with_the_reason() {
    let check = |value: &[u8], name: &str, header: Option<&[u8]>, expected: &str| {
        let record = match_id(7).encode();
        let headers = record.headers().into_iter().filter_map(|mut known| {
            if known.name == name {
                known.value = header?;
            }
            Some(known)
        });
        let error = MatchIdRecord::decode(value, headers).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    };
    let value = b"{\"match_id\":7}";
    check(value, "schema", None, "no header schema");
    check(
        value,
        "schema",
        Some(b"match_ids_raw/2"),
        "knows match_ids_raw/1",
    );
    check(value, "source", None, "no header source");
    check(value, "source", Some(b"\xff"), "not UTF-8 text");
    check(value, "received_at", Some(b"yesterday"), "RFC 3339");
    check(b"{\"match_id\":0}", "", None, "match id 0 is not in");
    check(b"{}", "", None, "missing field `match_id`");
    check(b"", "", None, "EOF");
}

#[test]
fn a_dead_letter_without_a_word_as_reason_or_no_number_as_size_is_refused() {
    for (name, value) in [("reason", "bad luck"), ("reason", ""), ("size", "large")] {
        let record = DeadLetterRecord {
            size_bytes: 10,
            ..dead_letter(b"frame")
        };
        let encoded = record.encode();
        let headers = encoded.headers().into_iter().map(|mut header| {
            if header.name == name {
                header.value = value.as_bytes();
            }
            header
        });
        match DeadLetterRecord::decode(encoded.value(), headers) {
            Err(DecodeError::HeaderInvalid { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{other:?}"),
        }
    }
}

/// The years 0001 to 9999.
fn received_at() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000..=253_402_207_200_000_i64).prop_map(Timestamp::from_unix_ms)
}

proptest! {
    #[test]
    fn a_match_id_is_read_as_it_was_written(
        raw in 1..=i64::MAX,
        source in ".*",
        received_at in received_at(),
    ) {
        let id = MatchId::try_new(raw).expect("in range by construction");
        let record = MatchIdRecord { id, source: &source, received_at };
        let encoded = record.encode();
        let key = raw.to_string();
        prop_assert_eq!(encoded.key(), key.as_bytes());
        prop_assert_eq!(MatchIdRecord::decode(encoded.value(), encoded.headers()), Ok(record));
    }

    #[test]
    fn a_dead_letter_is_read_as_it_was_written(
        reason in "[a-z0-9_]{1,64}",
        detail in ".{0,200}",
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 0..1000_usize,
        received_at in received_at(),
    ) {
        let size_bytes = payload.len() + cut;
        let record = DeadLetterRecord {
            reason: &reason, detail: &detail, source: "feed", received_at, payload: &payload, size_bytes,
        };
        let encoded = record.encode();
        prop_assert_eq!(DeadLetterRecord::decode(encoded.value(), encoded.headers()), Ok(record));
    }
}
