//! Dead letters go back to where they came from.

use std::collections::VecDeque;

use etl_application::DeadLetter;
use kafka_kit::{
    advice::explain_refusal,
    error_code::{code_of, is_of_brokers},
    settings::SettingsError,
};
use rdkafka::{
    error::RDKafkaErrorCode,
    producer::{FutureProducer, FutureRecord},
};

use crate::{
    dead_letters::{Quiet, kafka_headers},
    settings::KafkaSettings,
};

/// Writes dead letters to the topics they came from, as they were: their key,
/// value and own headers. The partition follows from the key, as with any
/// producer; a record without key goes to any.
pub struct Redriver {
    producer: FutureProducer<Quiet>,
    bootstrap_servers: String,
}

impl Redriver {
    /// Prepares to write; connects in the background.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &KafkaSettings) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        Ok(Self {
            producer: settings.producer_config().create_with_context(Quiet)?,
            bootstrap_servers: settings.client.bootstrap_servers.clone(),
        })
    }

    /// Writes letters and waits until all in-sync replicas have each, for 30 s
    /// at most. How many have arrived, from the first on, and why the next one
    /// has not; what follows it may have arrived too.
    pub async fn send(&self, letters: &[DeadLetter]) -> (usize, Option<String>) {
        let mut arrived = 0;
        let mut under_way = VecDeque::new();
        let mut refused = None;
        for letter in letters {
            let Ok(account) = &letter.account else {
                refused = Some("it does not say where it is from".to_owned());
                break;
            };
            let topic = &account.from.topic;
            let headers = letter.record.headers.iter();
            let mut record = FutureRecord::to(topic).headers(kafka_headers(
                headers.map(|(name, value)| (name.as_str(), &**value)),
            ));
            record.key = letter.record.key.as_deref();
            record.payload = letter.record.value.as_deref();
            match self.producer.send_result(record) {
                Ok(sent) => under_way.push_back((topic, sent)),
                Err((error, _)) => {
                    refused = Some(self.explain(topic, code_of(&error)));
                    break;
                }
            }
        }
        while let Some((topic, sent)) = under_way.pop_front() {
            let code = match sent.await {
                Ok(Ok(_)) => {
                    arrived += 1;
                    continue;
                }
                Ok(Err((error, _))) => code_of(&error),
                Err(_) => RDKafkaErrorCode::PurgeInflight,
            };
            return (arrived, Some(self.explain(topic, code)));
        }
        (arrived, refused)
    }

    fn explain(&self, topic: &str, code: RDKafkaErrorCode) -> String {
        let servers = &self.bootstrap_servers;
        match code {
            RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownPartition => {
                format!("there is no topic {topic} at KAFKA_BOOTSTRAP_SERVERS={servers}")
            }
            code if is_of_brokers(code) => explain_refusal(topic, code),
            code => format!(
                "topic {topic} at KAFKA_BOOTSTRAP_SERVERS={servers} does not take records: {code}"
            ),
        }
    }
}
