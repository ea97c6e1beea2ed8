//! From a record of a topic to what it says, or to what is wrong with it.

use contracts::{
    Header, MatchIdRecord, MatchSummaryRecord, RECORD_SIZE_MAX_BYTES, RejectedRecord,
    judge_receipt, version,
};
use domain::Timestamp;
use etl_application::{
    Answer, Content, DeadLetterReason, Invalid, RawRecord, Record, ports::TopicPartition,
};
use kafka_kit::consumer::GroupRecord;

/// What the records of a topic have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contract {
    MatchSummary,
    MatchId,
}

/// Judges a record, read `now`, by the contract of its topic.
pub(crate) fn judge(record: GroupRecord, contract: Contract, now: Timestamp) -> Record {
    let raw = RawRecord {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    let content = judge_size(&raw).and_then(|()| match contract {
        Contract::MatchSummary => summary(&raw, now),
        Contract::MatchId => id(&raw),
    });
    Record {
        from: TopicPartition {
            topic: record.from.topic,
            partition: record.from.partition,
        },
        offset: record.offset,
        content: content.map_err(|rejected| Invalid {
            reason: reason(&rejected),
            detail: rejected.to_string(),
        }),
        raw,
    }
}

/// What is too large is not looked into: nobody who keeps to the contract has
/// written it.
fn judge_size(raw: &RawRecord) -> Result<(), RejectedRecord> {
    let size = raw.value_bytes().len();
    if size <= RECORD_SIZE_MAX_BYTES {
        return Ok(());
    }
    Err(RejectedRecord::FieldInvalid {
        field: "value".to_owned(),
        detail: format!("is {size} bytes long, and at most {RECORD_SIZE_MAX_BYTES} are read"),
    })
}

fn summary(raw: &RawRecord, now: Timestamp) -> Result<Content, RejectedRecord> {
    let record = MatchSummaryRecord::decode(raw.key.as_deref(), raw.value_bytes(), headers(raw))?;
    judge_receipt(record.received_at, now)?;
    Ok(Content::Summary(Box::new(Answer {
        version: version(record.received_at, raw.value_bytes()),
        source: record.source.into(),
        summary: record.summary,
    })))
}

fn id(raw: &RawRecord) -> Result<Content, RejectedRecord> {
    let record = MatchIdRecord::judge(raw.key.as_deref(), raw.value_bytes(), headers(raw))?;
    Ok(Content::Id(record.id))
}

fn headers(raw: &RawRecord) -> impl Iterator<Item = Header<'_>> {
    let headers = raw.headers.iter();
    headers.map(|(name, value)| Header { name, value })
}

fn reason(rejected: &RejectedRecord) -> DeadLetterReason {
    DeadLetterReason::of_word(rejected.reason()).expect("each reason of the contract is one here")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use kafka_kit::consumer::TopicPartition as From;

    use super::*;

    const RECEIVED_AT: &str = "2025-11-22T13:25:01.040Z";
    /// A minute later.
    const NOW: Timestamp = Timestamp::from_unix_ms(1_763_817_961_040);

    fn record(key: &str, value: &'static str, headers: &[(&str, &'static str)]) -> GroupRecord {
        let headers = headers.iter();
        GroupRecord {
            from: From {
                topic: Arc::from("any"),
                partition: 3,
            },
            offset: 7,
            written_at_unix_ms: None,
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: Some(Bytes::from_static(value.as_bytes())),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), Bytes::from_static(value.as_bytes())))
                .collect(),
        }
    }

    const SUMMARY: &str = r#"{"match_id":8226246802,"start_time":1742744300}"#;
    const SUMMARY_HEADERS: [(&str, &str); 3] = [
        ("schema", "match_summary/1"),
        ("source", "opendota_pages"),
        ("received_at", RECEIVED_AT),
    ];

    #[test]
    fn a_summary_keeps_its_place_its_bytes_and_its_version() {
        let record = record("8226246802", SUMMARY, &SUMMARY_HEADERS);
        let judged = judge(record, Contract::MatchSummary, NOW);
        assert_eq!((judged.from.partition, judged.offset), (3, 7));
        assert_eq!(judged.raw.value_bytes(), SUMMARY.as_bytes());
        assert_eq!(judged.raw.headers.len(), 3);
        let Ok(Content::Summary(answer)) = judged.content else {
            panic!("{judged:?}");
        };
        assert_eq!(answer.summary.match_id.get(), 8_226_246_802);
        assert_eq!(&*answer.source, "opendota_pages");
        let ms = answer.version >> 16;
        assert_eq!(
            ms, 1_763_817_901_040,
            "the time decides, the value after it"
        );
    }

    #[test]
    fn an_id_needs_its_schema_and_its_key_only() {
        let headers = [("schema", "match_ids_raw/1")];
        let judged = judge(
            record("5", r#"{"match_id":5}"#, &headers),
            Contract::MatchId,
            NOW,
        );
        assert!(matches!(judged.content, Ok(Content::Id(id)) if id.get() == 5));
    }

    #[test]
    fn the_topic_decides_which_schema_is_right() {
        let summary = record("8226246802", SUMMARY, &SUMMARY_HEADERS);
        let id = record("5", r#"{"match_id":5}"#, &[("schema", "match_ids_raw/1")]);
        for (record, contract) in [(summary, Contract::MatchId), (id, Contract::MatchSummary)] {
            let invalid = judge(record, contract, NOW)
                .content
                .expect_err("it is another's");
            assert_eq!(invalid.reason, DeadLetterReason::SchemaUnknown);
        }
    }

    #[test]
    fn what_is_wrong_has_a_reason_and_a_detail() {
        let check = |record: GroupRecord, expected, detail: &str| {
            let judged = judge(record, Contract::MatchSummary, NOW);
            let invalid = judged.content.expect_err("it is wrong");
            assert_eq!(invalid.reason, expected);
            assert!(invalid.detail.contains(detail), "{}", invalid.detail);
        };
        check(
            record("1", SUMMARY, &[]),
            DeadLetterReason::SchemaMissing,
            "schema",
        );
        check(
            record("1", SUMMARY, &SUMMARY_HEADERS),
            DeadLetterReason::KeyDiffers,
            "8226246802",
        );
        check(
            record("1", "no", &SUMMARY_HEADERS),
            DeadLetterReason::NotJson,
            "",
        );
        check(
            record("1", r#"{"match_id":1}"#, &SUMMARY_HEADERS),
            DeadLetterReason::StartTimeInvalid,
            "start_time",
        );
        let mut without_value = record("1", "", &SUMMARY_HEADERS);
        without_value.value = None;
        check(without_value, DeadLetterReason::NotJson, "");
    }

    #[test]
    fn what_is_from_the_future_is_set_aside_until_it_is_its_time() {
        let received_ms = 1_763_817_901_040;
        let day_ms = 24 * 60 * 60 * 1000;
        let judged = |now_ms| {
            let record = record("8226246802", SUMMARY, &SUMMARY_HEADERS);
            let now = Timestamp::from_unix_ms(now_ms);
            judge(record, Contract::MatchSummary, now).content
        };
        assert!(judged(received_ms - day_ms).is_ok());
        let invalid = judged(received_ms - day_ms - 1).expect_err("it would win till then");
        assert_eq!(invalid.reason, DeadLetterReason::FieldInvalid);
        let expected = "received_at is 2025-11-22T13:25:01.040Z, more than a day after \
                        2025-11-21T13:25:01.039Z, when it was read";
        assert_eq!(invalid.detail, expected);
    }

    #[test]
    fn what_is_too_large_is_set_aside_whatever_it_holds() {
        let padded = |size: usize| {
            let mut large = record("8226246802", SUMMARY, &SUMMARY_HEADERS);
            let mut value = SUMMARY.as_bytes().to_vec();
            value.resize(size, b' ');
            large.value = Some(value.into());
            judge(large, Contract::MatchSummary, NOW).content
        };
        assert!(padded(RECORD_SIZE_MAX_BYTES).is_ok());
        let invalid = padded(RECORD_SIZE_MAX_BYTES + 1).expect_err("it is too large");
        assert_eq!(invalid.reason, DeadLetterReason::FieldInvalid);
        let expected = "value is 1048577 bytes long, and at most 1048576 are read";
        assert_eq!(invalid.detail, expected);
    }

    #[test]
    fn every_reason_of_the_contract_is_known() {
        for word in RejectedRecord::REASONS {
            let mut known = DeadLetterReason::ALL.iter();
            assert!(known.any(|known| known.as_str() == word), "{word}");
        }
    }
}
