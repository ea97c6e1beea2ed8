//! The codes of Kafka's errors.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The code of an error that has one.
#[must_use]
pub fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

/// Whether a code is the brokers' own. Those are positive; the others are
/// librdkafka's, and tell what it did with a record or question, not why.
#[must_use]
pub fn is_of_brokers(code: RDKafkaErrorCode) -> bool {
    code as i32 > 0
}
