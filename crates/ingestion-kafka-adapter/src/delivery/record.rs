//! What a message looks like as a record.

use contracts::{DeadLetterRecord, Header, MatchIdRecord, MatchSummaryRecord};
use ingestion_application::{ReceivedSummary, SummaryKey, ports::Message};
use rdkafka::{
    message::{Header as KafkaHeader, OwnedHeaders},
    producer::BaseRecord,
};

use crate::{
    delivery::{in_flight::InFlight, unreported::Unreported},
    exactly_once::reports::Sample,
    settings::KafkaSettings,
};

/// Which message goes where.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    pub(crate) matches: String,
    pub(crate) dead_letters: String,
    /// None where only ids are published.
    pub(crate) summaries: Option<String>,
}

impl From<&KafkaSettings> for Topics {
    fn from(settings: &KafkaSettings) -> Self {
        Self {
            matches: settings.publish_topic.clone(),
            dead_letters: settings.dead_letter_topic.clone(),
            summaries: settings.match_summary_topic.clone(),
        }
    }
}

impl Topics {
    /// The topic in which `sample` is.
    pub(crate) fn of(&self, sample: Sample) -> &str {
        match &self.summaries {
            Some(summaries) if sample.is_summary => summaries,
            _ => &self.matches,
        }
    }

    /// Makes the record of a message for `send`, and keeps the message itself
    /// in `unreported`, by the record's opaque.
    pub(crate) fn with_record(
        &self,
        message: Box<InFlight>,
        unreported: &Unreported,
        send: impl FnOnce(BaseRecord<'_, [u8], [u8], usize>),
    ) {
        match &message.content {
            Message::Match(received) => {
                let record = MatchIdRecord {
                    id: received.id,
                    source: received.source.as_str(),
                    received_at: received.received_at,
                };
                let record = record.encode();
                let base = BaseRecord::with_opaque_to(&self.matches, unreported.insert(message))
                    .key(record.key())
                    .payload(record.value())
                    .headers(kafka_headers(&record.headers()));
                send(base);
            }
            Message::Summary(told) => {
                let record = summary_record(told);
                let record = record.encode();
                let topic = self.summaries.as_deref();
                let topic = topic.expect("without a topic no summary is on its way");
                let base = BaseRecord::with_opaque_to(topic, unreported.insert(message))
                    .key(record.key())
                    .payload(record.value())
                    .headers(kafka_headers(&record.headers()));
                send(base);
            }
            Message::DeadLetter(letter) => {
                // A second owner of the bytes, as the message may be gone before we are.
                let payload = letter.payload.clone();
                let record = DeadLetterRecord {
                    reason: letter.reason.as_str(),
                    detail: &letter.detail,
                    source: letter.source.as_str(),
                    received_at: letter.received_at,
                    payload: &payload,
                    size_bytes: letter.size_bytes,
                };
                let record = record.encode();
                let headers = kafka_headers(&record.headers());
                let size_bytes = record.value().len();
                let key = unreported.insert(message);
                let base: BaseRecord<'_, [u8], _, _> =
                    BaseRecord::with_opaque_to(&self.dead_letters, key)
                        .payload(&payload[..size_bytes])
                        .headers(headers);
                send(base);
            }
        }
    }
}

/// The record of what is known of a match.
pub(crate) fn summary_record(told: &ReceivedSummary) -> MatchSummaryRecord<'static> {
    MatchSummaryRecord {
        summary: told.summary.clone(),
        source: told.source.as_str(),
        received_at: told.received_at,
    }
}

/// By what `told` is recognised once its record is in the topic, as
/// [`summary_key`](crate::topic::published_tail::summary_key) reads it there.
pub(crate) fn key_of_record(told: &ReceivedSummary) -> SummaryKey {
    let value = MatchSummaryRecord::value_of(&told.summary);
    SummaryKey::of(told.source.as_str(), value.as_slice())
}

fn kafka_headers(headers: &[Header<'_>]) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(empty, |all, header| {
        all.insert(KafkaHeader {
            key: header.name,
            value: Some(header.value),
        })
    })
}
