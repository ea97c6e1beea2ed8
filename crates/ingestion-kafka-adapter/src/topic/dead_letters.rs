//! The topic of dead letters, for the commands that show and redrive them; the
//! service itself only writes there.

use async_trait::async_trait;
use contracts::{DeadLetterRecord, Header};
use domain::Timestamp;
use ingestion_application::{
    DeadLetterReason,
    ports::{ArchiveError, ArchivedLetter, DeadLetterArchive, DeadLetterReading, LetterAccount},
};
use kafka_kit::{
    scan::{ScanError, Scanned, TopicScan},
    settings::SettingsError,
};

use crate::settings::KafkaSettings;

/// Reads the topic of dead letters.
pub struct DeadLetterTopic(TopicScan);

impl DeadLetterTopic {
    /// Prepares to read; nothing is connected.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &KafkaSettings) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        Ok(Self(TopicScan::new(
            &settings.client,
            &settings.dead_letter_topic,
            "KAFKA_DEAD_LETTER_TOPIC",
        )))
    }
}

#[async_trait]
impl DeadLetterArchive for DeadLetterTopic {
    async fn read(&self, from: Option<Timestamp>) -> Result<DeadLetterReading, ArchiveError> {
        let from = from.map(Timestamp::as_unix_ms);
        let reading = self.0.read(from, |next| next.map(letter).map_err(error));
        let reading = reading.await.map_err(error)?;
        Ok(DeadLetterReading {
            places: reading.places,
            letters: reading.records,
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is called by map_err")]
fn error(error: ScanError) -> ArchiveError {
    ArchiveError {
        reason: error.to_string(),
    }
}

fn letter(Scanned { record, passed }: Scanned) -> ArchivedLetter {
    let payload = record.value.unwrap_or_default();
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| Header { name, value });
    let account = DeadLetterRecord::decode(&payload, headers)
        .map_err(|error| error.to_string())
        .and_then(|record| account(&record));
    ArchivedLetter {
        partition: record.from.partition,
        offset: record.offset,
        written_at: Timestamp::from_unix_ms(record.written_at_unix_ms.unwrap_or(0)),
        passed,
        account,
        payload,
    }
}

/// What a record says of its letter.
///
/// # Errors
/// Its reason is a word of another version of this service.
fn account(record: &DeadLetterRecord<'_>) -> Result<LetterAccount, String> {
    let known = DeadLetterReason::ALL
        .into_iter()
        .find(|known| known.as_str() == record.reason);
    Ok(LetterAccount {
        reason: known.ok_or_else(|| {
            format!(
                "its reason {:?} is none that this version knows",
                record.reason
            )
        })?,
        detail: record.detail.to_owned(),
        source: record.source.to_owned(),
        received_at: record.received_at,
        size_bytes: record.size_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_back_and_an_unknown_one_is_told() {
        let record = |reason| DeadLetterRecord {
            reason,
            detail: "at byte 0",
            source: "feed",
            received_at: Timestamp::from_unix_ms(0),
            payload: b"PING",
            size_bytes: 4,
        };
        for reason in DeadLetterReason::ALL {
            let read = account(&record(reason.as_str()));
            assert_eq!(read.map(|account| account.reason), Ok(reason));
        }
        let unknown = account(&record("bad_luck"));
        let expected = "its reason \"bad_luck\" is none that this version knows";
        assert_eq!(unknown.err().as_deref(), Some(expected));
    }
}
