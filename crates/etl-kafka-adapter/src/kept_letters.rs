//! The topic of dead letters, read from one end to the other.

use domain::Timestamp;
use etl_application::{
    DeadLetter, DeadLetterReason, LetterAccount, RawRecord, ports::TopicPartition,
};
use kafka_kit::{
    scan::{ScanError, Scanned, Scanning, TopicScan},
    settings::SettingsError,
};

use crate::{dead_letters::WHY, settings::KafkaSettings};

/// Dead letters as they come.
pub type LetterReading = Scanning<Result<DeadLetter, ScanError>>;

/// Reads the topic of dead letters; needs Read and Describe on it, and no group.
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

    /// Begins to read, at the first letter set aside at or after `from`, and up
    /// to the last one that is there now; in order within a partition.
    ///
    /// # Errors
    /// What is in the way, and what to do about it.
    pub async fn read(&self, from: Option<Timestamp>) -> Result<LetterReading, ScanError> {
        let from = from.map(Timestamp::as_unix_ms);
        self.0.read(from, |next| next.map(letter)).await
    }
}

fn letter(Scanned { record, passed }: Scanned) -> DeadLetter {
    let mut headers = record.headers;
    let account = account(&headers);
    if account.is_ok() {
        headers.truncate(headers.len() - WHY.len());
    }
    DeadLetter {
        partition: record.from.partition,
        offset: record.offset,
        passed,
        set_aside_at: Timestamp::from_unix_ms(record.written_at_unix_ms.unwrap_or(0)),
        record: RawRecord {
            key: record.key,
            value: record.value,
            headers,
        },
        account,
    }
}

/// What the last headers say of a letter.
///
/// # Errors
/// They are not ours, or those of another version of this service.
fn account(headers: &[(String, bytes::Bytes)]) -> Result<LetterAccount, String> {
    let last = headers.last_chunk::<{ WHY.len() }>();
    let last = last.filter(|last| last.iter().map(|(name, _)| name).eq(WHY));
    let Some(last) = last else {
        return Err(format!("its last headers are not {}", WHY.join(", ")));
    };
    let text = |index: usize| {
        let value: &[u8] = &last[index].1;
        str::from_utf8(value).map_err(|_| format!("its header {} is no text", WHY[index]))
    };
    let number = |index: usize| {
        let text = text(index)?;
        let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
        number.ok_or_else(|| format!("its header {} is {text:?}, and no number", WHY[index]))
    };
    let word = text(0)?;
    Ok(LetterAccount {
        reason: DeadLetterReason::of_word(word)
            .ok_or_else(|| format!("its reason {word:?} is none that this version knows"))?,
        detail: text(1)?.to_owned(),
        from: TopicPartition {
            topic: text(2)?.into(),
            partition: i32::try_from(number(3)?).map_err(|error| error.to_string())?,
        },
        offset: number(4)?,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn headers(why: [&str; 5]) -> Vec<(String, Bytes)> {
        let own = [("reason", "of the record's own")];
        let all = own.into_iter().chain(WHY.into_iter().zip(why));
        all.map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value.as_bytes())))
            .collect()
    }

    #[test]
    fn every_reason_is_read_back_with_its_place() {
        for reason in DeadLetterReason::ALL {
            let read = account(&headers([
                reason.as_str(),
                "lobby_type",
                "summaries",
                "3",
                "41",
            ]));
            let read = read.expect("these headers are ours");
            assert_eq!(read.reason, *reason);
            assert_eq!((&*read.from.topic, read.from.partition), ("summaries", 3));
            assert_eq!((&*read.detail, read.offset), ("lobby_type", 41));
        }
    }

    #[test]
    fn what_is_no_letter_of_ours_is_told() {
        let check = |headers: &[(String, Bytes)], expected: &str| {
            let why = account(headers).expect_err("it is none");
            assert!(why.contains(expected), "{why}");
        };
        check(&[], "its last headers are not reason, detail");
        check(
            &headers(["not_json", "", "t", "0", "1"])[..5],
            "last headers",
        );
        check(&headers(["bad_luck", "", "t", "0", "1"]), "\"bad_luck\"");
        check(
            &headers(["not_json", "", "t", "-1", "1"]),
            "header partition",
        );
        check(&headers(["not_json", "", "t", "0", "x"]), "header offset");
    }
}
