//! `[kafka]`: where matches go.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingestion_kafka_adapter::{Delivery, KafkaSettings, LINGER_MAX, check_property};
use service_kit::config::pem::{certificates, check_key};
use service_kit::config::{
    Declaration, DurationBetween, FilePath, HostPorts, OneOf, Parsed, Properties, SecretText,
    Setting, SettingsReader, Unset,
};

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[
    &BOOTSTRAP_SERVERS,
    &PUBLISH_TOPIC,
    &DEAD_LETTER_TOPIC,
    &DELIVERY,
    &TRANSACTIONAL_ID,
    &LINGER,
    &COMPRESSION,
    &SECURITY_PROTOCOL,
    &SASL_MECHANISM,
    &SASL_USERNAME,
    &SASL_PASSWORD,
    &SSL_CA_LOCATION,
    &SSL_CERTIFICATE_LOCATION,
    &SSL_KEY_LOCATION,
    &PROPERTIES,
];

const BOOTSTRAP_SERVERS: Setting<HostPorts> = Setting {
    variable: "KAFKA_BOOTSTRAP_SERVERS",
    default: "localhost:9092",
    help: "Brokers to ask for the others",
    parser: HostPorts,
};
const PUBLISH_TOPIC: Setting<Parsed<String>> = Setting {
    variable: "KAFKA_PUBLISH_TOPIC",
    default: "match_ids_raw",
    help: "Topic of the matches; the service never creates it",
    parser: TOPIC,
};
const DEAD_LETTER_TOPIC: Setting<Parsed<String>> = Setting {
    variable: "KAFKA_DEAD_LETTER_TOPIC",
    default: "match_ids_dead_letter",
    help: "Topic of what cannot be published; the service never creates it",
    parser: TOPIC,
};
const DELIVERY: Setting<OneOf<Delivery>> = Setting {
    variable: "KAFKA_DELIVERY",
    default: "exactly_once",
    help: "How often a match may arrive: at_least_once is faster by some milliseconds, and may \
           repeat a match after a crash; with exactly_once consumers must read committed records only",
    parser: OneOf(&[
        ("exactly_once", Delivery::ExactlyOnce),
        ("at_least_once", Delivery::AtLeastOnce),
    ]),
};
const TRANSACTIONAL_ID: Setting<Parsed<String>, Unset> = Setting {
    variable: "KAFKA_TRANSACTIONAL_ID",
    default: Unset("<SERVICE_NAME>.<KAFKA_PUBLISH_TOPIC>"),
    help: "The name under which one instance at a time writes exactly once; a later start with \
           the same name shuts out the earlier one",
    parser: Parsed {
        allowed: "a text that is not empty",
        parse: not_empty,
    },
};
const LINGER: Setting<DurationBetween> = Setting {
    variable: "KAFKA_LINGER",
    default: "10ms",
    help: "How long a match waits for others to share a request with",
    parser: DurationBetween {
        min: Duration::ZERO,
        max: LINGER_MAX,
    },
};
const COMPRESSION: Setting<OneOf<&str>> = Setting {
    variable: "KAFKA_COMPRESSION",
    default: "lz4",
    help: "How batches are compressed",
    parser: OneOf(&[
        ("none", "none"),
        ("gzip", "gzip"),
        ("snappy", "snappy"),
        ("lz4", "lz4"),
        ("zstd", "zstd"),
    ]),
};
const SECURITY_PROTOCOL: Setting<OneOf<&str>> = Setting {
    variable: "KAFKA_SECURITY_PROTOCOL",
    default: "plaintext",
    help: "How brokers are spoken to",
    parser: OneOf(&[
        ("plaintext", "plaintext"),
        ("ssl", "ssl"),
        ("sasl_plaintext", "sasl_plaintext"),
        ("sasl_ssl", "sasl_ssl"),
    ]),
};
const SASL_MECHANISM: Setting<OneOf<&str>, Unset> = Setting {
    variable: "KAFKA_SASL_MECHANISM",
    default: Unset("(none)"),
    help: "How the service proves who it is; needed with sasl_plaintext and sasl_ssl",
    parser: OneOf(&[
        ("PLAIN", "PLAIN"),
        ("SCRAM-SHA-256", "SCRAM-SHA-256"),
        ("SCRAM-SHA-512", "SCRAM-SHA-512"),
    ]),
};
const SASL_USERNAME: Setting<Parsed<String>, Unset> = Setting {
    variable: "KAFKA_SASL_USERNAME",
    default: Unset("(none)"),
    help: "Name of the service's user; needed with sasl_plaintext and sasl_ssl",
    parser: Parsed {
        allowed: "a text that is not empty",
        parse: not_empty,
    },
};
const SASL_PASSWORD: Setting<SecretText, Unset> = Setting {
    variable: "KAFKA_SASL_PASSWORD",
    default: Unset("(none)"),
    help: "Password of the service's user; needed with sasl_plaintext and sasl_ssl",
    parser: SecretText {
        allowed: "a text that is not empty",
        accepts: |c| c != '\0',
    },
};
const SSL_CA_LOCATION: Setting<FilePath, Unset> = Setting {
    variable: "KAFKA_SSL_CA_LOCATION",
    default: Unset("(the system's)"),
    help: "PEM file, or folder, of the authorities trusted to vouch for brokers",
    parser: FilePath,
};
const SSL_CERTIFICATE_LOCATION: Setting<FilePath, Unset> = Setting {
    variable: "KAFKA_SSL_CERTIFICATE_LOCATION",
    default: Unset("(none)"),
    help: "PEM file of the service's own certificate; goes with KAFKA_SSL_KEY_LOCATION",
    parser: FilePath,
};
const SSL_KEY_LOCATION: Setting<FilePath, Unset> = Setting {
    variable: "KAFKA_SSL_KEY_LOCATION",
    default: Unset("(none)"),
    help: "PEM file of the service's own key; goes with KAFKA_SSL_CERTIFICATE_LOCATION",
    parser: FilePath,
};
const PROPERTIES: Setting<Properties> = Setting {
    variable: "KAFKA_PROPERTIES",
    default: "",
    help: "Further properties of librdkafka; those the service's promises rest on, and those with \
           a setting of their own, are refused by name",
    parser: Properties,
};

const TOPIC: Parsed<String> = Parsed {
    allowed: "1 to 249 of letters, digits, dot, underscore and hyphen",
    parse: topic,
};

pub(super) fn read(
    reader: &mut SettingsReader,
    service_name: &str,
    working_dir: &Path,
) -> KafkaSettings {
    let mut settings = KafkaSettings {
        bootstrap_servers: reader.get(&BOOTSTRAP_SERVERS),
        publish_topic: reader.get(&PUBLISH_TOPIC),
        dead_letter_topic: reader.get(&DEAD_LETTER_TOPIC),
        delivery: reader.get(&DELIVERY),
        transactional_id: String::new(),
        linger: reader.get(&LINGER),
        compression: reader.get(&COMPRESSION).to_owned(),
        security_protocol: reader.get(&SECURITY_PROTOCOL).to_owned(),
        sasl_mechanism: reader.get_optional(&SASL_MECHANISM).map(str::to_owned),
        sasl_username: reader.get_optional(&SASL_USERNAME),
        sasl_password: reader.get_optional(&SASL_PASSWORD),
        ssl_ca_location: reader.get_optional(&SSL_CA_LOCATION),
        ssl_certificate_location: reader.get_optional(&SSL_CERTIFICATE_LOCATION),
        ssl_key_location: reader.get_optional(&SSL_KEY_LOCATION),
        properties: reader.get(&PROPERTIES),
        client_id: service_name.to_owned(),
    };
    let transactional_id = format!("{service_name}.{}", settings.publish_topic);
    reader.set_default(&TRANSACTIONAL_ID, transactional_id.clone());
    let given = reader.get_optional(&TRANSACTIONAL_ID);
    settings.transactional_id = given.unwrap_or(transactional_id);
    if settings.publish_topic == settings.dead_letter_topic {
        reader.refuse(&DEAD_LETTER_TOPIC, "the same as KAFKA_PUBLISH_TOPIC");
    }
    // What the protocol does not use has no effect, and is not looked at.
    if settings.security_protocol.starts_with("sasl") {
        check_sasl(reader, &settings);
    }
    if settings.security_protocol.ends_with("ssl") {
        check_ssl(reader, &settings, working_dir);
    }
    check_properties(reader, &settings.properties);
    settings
}

fn check_sasl(reader: &mut SettingsReader, settings: &KafkaSettings) {
    let protocol = &settings.security_protocol;
    let needed: [(&dyn Declaration, bool); 3] = [
        (&SASL_MECHANISM, settings.sasl_mechanism.is_some()),
        (&SASL_USERNAME, settings.sasl_username.is_some()),
        (&SASL_PASSWORD, settings.sasl_password.is_some()),
    ];
    for (declaration, is_given) in needed {
        if !is_given {
            let reason = format!("needed with KAFKA_SECURITY_PROTOCOL={protocol}");
            reader.refuse(declaration, &reason);
        }
    }
}

/// What is wrong with the file at a path.
type CheckFile = fn(&Path) -> Result<(), String>;

fn check_ssl(reader: &mut SettingsReader, settings: &KafkaSettings, working_dir: &Path) {
    let certificate = &settings.ssl_certificate_location;
    let key = &settings.ssl_key_location;
    let files: [(&dyn Declaration, &Option<PathBuf>, CheckFile); 3] = [
        (
            &SSL_CA_LOCATION,
            &settings.ssl_ca_location,
            check_authorities,
        ),
        (&SSL_CERTIFICATE_LOCATION, certificate, check_certificates),
        (&SSL_KEY_LOCATION, key, check_key),
    ];
    for (declaration, path, check) in files {
        let Some(path) = path else { continue };
        if let Err(reason) = check(&working_dir.join(path)) {
            reader.refuse(declaration, &reason);
        }
    }
    match (certificate, key) {
        (Some(_), None) => reader.refuse(&SSL_KEY_LOCATION, "needed with a certificate"),
        (None, Some(_)) => reader.refuse(&SSL_CERTIFICATE_LOCATION, "needed with a key"),
        _ => {}
    }
}

fn check_properties(reader: &mut SettingsReader, properties: &[(String, String)]) {
    let refused: Vec<String> = properties
        .iter()
        .filter_map(|(name, value)| check_property(name, value).err())
        .map(|error| error.to_string())
        .collect();
    if !refused.is_empty() {
        reader.refuse(&PROPERTIES, &refused.join("; "));
    }
}

/// A folder of authorities is looked through only when a broker is met.
fn check_authorities(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return fs::read_dir(path)
            .map(|_| ())
            .map_err(|error| error.to_string());
    }
    check_certificates(path)
}

fn check_certificates(path: &Path) -> Result<(), String> {
    certificates(path).map(|_| ())
}

/// The rule of Kafka's own `Topic.validate`.
fn topic(text: &str) -> Result<String, String> {
    let is_legal = (1..=249).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if is_legal {
        Ok(text.to_owned())
    } else {
        Err("no name of a Kafka topic".to_owned())
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("empty".to_owned());
    }
    Ok(text.to_owned())
}
