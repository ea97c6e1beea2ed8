//! The last trouble with a connection, to explain why no broker answers.

use std::sync::{Mutex, PoisonError};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error_code::code_of;

/// The last trouble librdkafka had with a connection since the brokers last
/// answered, in its words.
#[derive(Debug, Default)]
pub struct ConnectionTrouble(Mutex<Option<String>>);

impl ConnectionTrouble {
    /// What it is, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Takes what librdkafka says of a connection.
    ///
    /// Most troubles come twice. That all brokers are down comes with every
    /// attempt, twenty times a second, and adds nothing to each one's trouble.
    pub fn note(&self, error: &KafkaError, reason: &str) {
        if code_of(error) == RDKafkaErrorCode::AllBrokersDown {
            return;
        }
        let mut last = self.lock();
        if last.as_deref() != Some(reason) {
            *last = Some(reason.to_owned());
            tracing::debug!(%error, "librdkafka: {reason}");
        }
    }

    /// The brokers answer: an old trouble explains nothing that comes later.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        // A whole value is replaced: a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
