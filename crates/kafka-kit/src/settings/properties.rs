//! Further properties of librdkafka: which are open to change.

use rdkafka::{ClientConfig, error::KafkaError};

/// A property that is not open to change, and why; a name that ends in a dot
/// stands for all that begin with it.
pub type Reserved = (&'static str, &'static str);

/// Properties that no client opens. What has a setting of its own is named as
/// the user knows it.
const RESERVED: &[Reserved] = &[
    ("log.queue", "its lines would be lost"),
    ("plugin.library.paths", "it would run foreign code"),
    ("allow.auto.create.topics", "topics are never created"),
    ("statistics.interval.ms", "statistics are not read"),
    ("test.mock.", "it would replace the brokers"),
    ("bootstrap.servers", "set KAFKA_BOOTSTRAP_SERVERS"),
    ("metadata.broker.list", "set KAFKA_BOOTSTRAP_SERVERS"),
    ("client.id", "set SERVICE_NAME"),
    ("log_level", "set LOG_LEVEL"),
    ("security.protocol", "set KAFKA_SECURITY_PROTOCOL"),
    ("sasl.mechanism", "set KAFKA_SASL_MECHANISM"),
    ("sasl.mechanisms", "set KAFKA_SASL_MECHANISM"),
    ("sasl.username", "set KAFKA_SASL_USERNAME"),
    ("sasl.password", "set KAFKA_SASL_PASSWORD"),
    ("ssl.ca.location", "set KAFKA_SSL_CA_LOCATION"),
    (
        "ssl.certificate.location",
        "set KAFKA_SSL_CERTIFICATE_LOCATION",
    ),
    ("ssl.key.location", "set KAFKA_SSL_KEY_LOCATION"),
];

/// Checks one property; nothing is connected.
///
/// # Errors
/// Why it is not open to change, or what librdkafka has against it; never the
/// value of a secret.
pub(crate) fn check_property(name: &str, value: &str, reserved: &[Reserved]) -> Result<(), String> {
    let is_meant =
        |reserved: &str| name == reserved || reserved.ends_with('.') && name.starts_with(reserved);
    let mut all = RESERVED.iter().chain(reserved);
    if let Some((_, reason)) = all.find(|(reserved, _)| is_meant(reserved)) {
        return Err(format!("{name} cannot be set here ({reason})"));
    }
    ClientConfig::new()
        .set(name, value)
        .create_native_config()
        .map_err(reason_of)?;
    Ok(())
}

/// What librdkafka says against a configuration, without the value of a secret.
pub(crate) fn reason_of(error: KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, reason, name, _) => {
            let reason = if !may_be_secret(&name) {
                reason
            } else if reason.starts_with("No such") {
                // Its words quote the value.
                "there is no such property".to_owned()
            } else {
                "its value is invalid".to_owned()
            };
            format!("the property {name} is refused: {reason}")
        }
        KafkaError::ClientCreation(reason) => reason.trim_end().to_owned(),
        other => other.to_string(),
    }
}

fn may_be_secret(property: &str) -> bool {
    [
        "password",
        "secret",
        "token",
        "pem",
        "key",
        "oauthbearer",
        "sasl",
    ]
    .iter()
    .any(|word| property.contains(word))
}
