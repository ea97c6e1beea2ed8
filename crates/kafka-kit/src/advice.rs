//! What to do about what brokers and librdkafka say.

use rdkafka::error::RDKafkaErrorCode;

/// What to do about connections, by what librdkafka says of them; the first
/// that fits counts. It has the same words for every certificate it does not believe.
#[must_use]
pub fn advice_for_connections(trouble: &str) -> &'static str {
    const ADVICE: [(&str, &str); 8] = [
        // A bootstrap server is called so; a broker has its number there.
        (
            "/bootstrap: Failed to resolve",
            "check the names in KAFKA_BOOTSTRAP_SERVERS, and that they are known here",
        ),
        (
            "Failed to resolve",
            "set advertised.listeners of that broker to an address that is known here",
        ),
        (
            "certificate verify failed",
            "check that the broker's certificate is in date, is for this host, and is signed \
             by an authority in KAFKA_SSL_CA_LOCATION",
        ),
        ("alert bad certificate", OWN_CERTIFICATE),
        ("alert certificate", OWN_CERTIFICATE),
        ("alert unknown ca", OWN_CERTIFICATE),
        (
            "SASL authentication error",
            "check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
        ),
        (
            "Unsupported SASL mechanism",
            "set KAFKA_SASL_MECHANISM to one that the broker supports",
        ),
    ];
    const OWN_CERTIFICATE: &str = "the broker wants a client certificate that it accepts: \
        check KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION";
    let found = ADVICE.iter().find(|(words, _)| trouble.contains(words));
    found.map_or(
        "check that Kafka runs there, speaks what KAFKA_SECURITY_PROTOCOL says, \
         and lets this service in",
        |(_, advice)| advice,
    )
}

/// Why a topic takes no records, and what to do about it.
#[must_use]
pub fn explain_refusal(topic: &str, code: RDKafkaErrorCode) -> String {
    let advice = match code {
        RDKafkaErrorCode::TopicAuthorizationFailed => "allow this user Write on it",
        RDKafkaErrorCode::ClusterAuthorizationFailed => {
            "allow this user IdempotentWrite on the cluster"
        }
        RDKafkaErrorCode::MessageSizeTooLarge => "raise its max.message.bytes",
        RDKafkaErrorCode::InvalidRecord => {
            "check its cleanup.policy: records without key are refused where it is compact"
        }
        _ => "check its settings",
    };
    format!("topic {topic} refuses records: {code}; {advice}")
}
