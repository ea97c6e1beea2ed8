//! Records as they go into the topic, good ones and bad ones.

use contracts::{MatchIdRecord, MatchSummaryRecord, RejectedRecord};
use domain::{MatchId, Timestamp};

use super::Knowledge;
use crate::{invalid::InvalidReason, world::World};

/// A record of the topic, in plain bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SummaryRecord {
    /// What decides on the partition.
    pub key: Vec<u8>,
    /// The JSON, or what there is instead.
    pub value: Vec<u8>,
    /// Names and values, in the order they are sent.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A record that can be made any number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) match_id: MatchId,
    pub(super) knowledge: Knowledge,
    /// How often the result has been corrected.
    pub(super) corrections: u32,
}

impl Answer {
    pub(super) fn record(self, world: &World) -> SummaryRecord {
        self.received_not_before(world, Timestamp::from_unix_ms(i64::MIN))
    }

    /// The record of an answer that is not fetched before `earliest`.
    pub(super) fn received_not_before(self, world: &World, earliest: Timestamp) -> SummaryRecord {
        let found = world.at(self.match_id);
        let received_at = self.knowledge.received_at(world, &found, self.corrections);
        let record = MatchSummaryRecord {
            summary: self
                .knowledge
                .summary(world, &found.corrected(self.corrections)),
            source: self.knowledge.source(),
            received_at: received_at.max(earliest),
        };
        let encoded = record.encode();
        SummaryRecord {
            key: encoded.key().to_vec(),
            value: encoded.value().to_vec(),
            headers: encoded
                .headers()
                .map(|header| (header.name.to_owned(), header.value.to_vec()))
                .into(),
        }
    }
}

/// Spoils a good record, so that a consumer has to set it aside for this reason and no other.
///
/// # Panics
/// The reason is none of [`RejectedRecord::REASONS`].
pub(super) fn spoil(mut record: SummaryRecord, reason: &str, turn: usize) -> SummaryRecord {
    let id = String::from_utf8_lossy(&record.key).into_owned();
    let frame = |reason: InvalidReason| reason.samples()[turn % reason.samples().len()].to_vec();
    match reason {
        "schema_missing" => record.headers.retain(|(name, _)| name != "schema"),
        "schema_unknown" => {
            let others = [MatchIdRecord::SCHEMA, "match_summary/2", ""];
            record.headers[0].1 = others[turn % others.len()].into();
        }
        "not_utf8" => record.value = frame(InvalidReason::NotUtf8),
        "not_json" => record.value = frame(InvalidReason::NotJson),
        "not_an_object" => record.value = frame(InvalidReason::NotAnObject),
        "match_id_missing" => record.value = frame(InvalidReason::MatchIdMissing),
        "match_id_invalid" => record.value = frame(InvalidReason::MatchIdInvalid),
        "match_id_twice" => record.value = frame(InvalidReason::MatchIdTwice),
        "key_differs" => record.key.push(b'0'),
        "start_time_invalid" => {
            let starts = ["", ",\"start_time\":0", ",\"start_time\":4294967295"];
            let start = starts[turn % starts.len()];
            record.value = format!("{{\"match_id\":{id}{start}}}").into_bytes();
        }
        "field_invalid" => {
            let fields = [
                "\"lobby_type\":256",
                "\"radiant\":[1,2,3,4,5,6]",
                "\"players\":[{\"slot\":10}]",
                "\"duration\":\"long\"",
            ];
            let field = fields[turn % fields.len()];
            record.value =
                format!("{{\"match_id\":{id},\"start_time\":1262304000,{field}}}").into_bytes();
        }
        other => unreachable!("{other} is none of {:?}", RejectedRecord::REASONS),
    }
    record
}
