//! Wrong settings are refused by name, and no secret is ever shown.

use std::{sync::Arc, time::Duration};

use health_kit::{Clock, SystemClock};
use ingestion_kafka_adapter::{KafkaPublisher, KafkaSettings, SettingsError};

fn refusal(settings: &KafkaSettings) -> SettingsError {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match KafkaPublisher::try_new(settings, &clock) {
        Ok(_) => panic!("taken: {settings:?}"),
        Err(error) => error,
    }
}

fn with_property(name: &str, value: &str) -> KafkaSettings {
    KafkaSettings {
        properties: vec![(name.to_owned(), value.to_owned())],
        ..KafkaSettings::default()
    }
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
fn a_wrong_setting_is_refused_by_the_name_of_its_property() {
    let check = |change: fn(&mut KafkaSettings), expected: &str| {
        let mut settings = KafkaSettings::default();
        change(&mut settings);
        let message = refusal(&settings).to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(|s| s.compression = "rar".to_owned(), "compression");
    check(
        |s| s.security_protocol = "tls".to_owned(),
        "security.protocol",
    );
    check(
        |s| s.linger = Duration::from_secs(2),
        "a linger of 2s is too long",
    );
    check(
        |s| {
            s.security_protocol = "ssl".to_owned();
            s.ssl_ca_location = Some("no/such/file.pem".into());
        },
        "ssl.ca.location",
    );
    check(
        |s| {
            s.security_protocol = "sasl_plaintext".to_owned();
            s.sasl_mechanism = Some("MAGIC".to_owned());
        },
        "MAGIC",
    );
}

#[test]
fn scram_over_tls_is_built_in() {
    let settings = KafkaSettings {
        security_protocol: "sasl_ssl".to_owned(),
        sasl_mechanism: Some("SCRAM-SHA-512".to_owned()),
        sasl_username: Some("user".to_owned()),
        sasl_password: Some("hunter2".into()),
        ..KafkaSettings::default()
    };
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
