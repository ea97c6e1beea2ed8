//! Wrong settings are refused by name, and no secret is ever shown.

use std::sync::Arc;

use health_kit::{Clock, SystemClock};
use ingestion_kafka_adapter::{DeadLetterTopic, KafkaPublisher, KafkaSettings};
use kafka_kit::settings::{SaslMechanism, SecurityProtocol, SettingsError};

fn refusal(settings: &KafkaSettings) -> SettingsError {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match KafkaPublisher::try_new(settings, &clock) {
        Ok(_) => panic!("taken: {settings:?}"),
        Err(error) => error,
    }
}

fn with_property(name: &str, value: &str) -> KafkaSettings {
    let mut settings = KafkaSettings::at("127.0.0.1:9092");
    settings.client.properties = vec![(name.to_owned(), value.to_owned())];
    settings
}

#[test]
fn a_wrong_property_is_refused_by_name_and_a_secret_is_not_repeated() {
    for (name, value, expected) in [
        ("retry.backoff.ms", "soon", "Invalid value"),
        ("no.such.property", "1", "No such configuration property"),
        ("my.password", "hunter2", "there is no such property"),
        ("acks", "1", "acknowledged by all in-sync replicas"),
        ("message.timeout.ms", "1000", "no match is given up"),
        ("test.mock.broker.rtt", "1", "it would replace the brokers"),
        ("linger.ms", "1000", "set KAFKA_LINGER"),
    ] {
        let message = refusal(&with_property(name, value)).to_string();
        assert!(message.contains(expected), "{name}: {message}");
        assert!(
            message.contains(name) || name == "ssl.key.pem",
            "{name}: {message}"
        );
        assert!(!message.contains("hunter2"), "{name}: {message}");
    }
}

#[test]
fn what_no_reader_of_settings_has_judged_is_judged_all_the_same() {
    let check = |change: fn(&mut KafkaSettings), expected: &str| {
        let mut settings = KafkaSettings::at("127.0.0.1:9092");
        change(&mut settings);
        let expected = format!("wrong settings: {expected}");
        assert_eq!(refusal(&settings).to_string(), expected);
        let archive = DeadLetterTopic::try_new(&settings);
        let refused = archive.err().expect("nor are letters read with them");
        assert_eq!(refused.to_string(), expected);
    };
    check(
        |s| s.dead_letter_topic.clone_from(&s.publish_topic),
        "KAFKA_DEAD_LETTER_TOPIC: the same as KAFKA_PUBLISH_TOPIC",
    );
    check(
        |s| {
            s.client.security_protocol = SecurityProtocol::Ssl;
            s.client.ssl_ca_location = Some("no/such/file.pem".into());
        },
        "KAFKA_SSL_CA_LOCATION: No such file or directory (os error 2)",
    );
    check(
        |s| {
            s.client.security_protocol = SecurityProtocol::SaslPlaintext;
            s.client.sasl_username = Some("me".to_owned());
        },
        "KAFKA_SASL_MECHANISM: needed with KAFKA_SECURITY_PROTOCOL=sasl_plaintext; \
         KAFKA_SASL_PASSWORD: needed with KAFKA_SECURITY_PROTOCOL=sasl_plaintext",
    );
}

#[test]
fn every_default_is_right() {
    let settings = KafkaSettings::at("127.0.0.1:9092");
    assert_eq!(settings.check(), []);
}

#[test]
fn scram_over_tls_is_built_in() {
    let mut settings = KafkaSettings::at("127.0.0.1:9092");
    let client = &mut settings.client;
    client.security_protocol = SecurityProtocol::SaslSsl;
    client.sasl_mechanism = Some(SaslMechanism::ScramSha512);
    client.sasl_username = Some("user".to_owned());
    client.sasl_password = Some("hunter2".into());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    assert!(KafkaPublisher::try_new(&settings, &clock).is_ok());
    let shown = format!("{settings:?}");
    assert!(
        shown.contains("user") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn further_properties_are_shown_by_name_only() {
    let shown = format!("{:?}", with_property("ssl.key.password", "hunter2"));
    assert!(
        shown.contains("ssl.key.password") && !shown.contains("hunter2"),
        "{shown}"
    );
}
