//! The settings of the connection, and the properties librdkafka gets from them.

use std::{fmt, path::PathBuf, time::Duration};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel, error::KafkaError};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The longest linger: a drain waits for one linger, and health calls a
/// message stuck that has waited for a few of them.
pub const LINGER_MAX: Duration = Duration::from_secs(1);

/// What a restart or a failure may do to messages in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Each is in its topic once, for consumers that read committed records only.
    ExactlyOnce,
    /// Each is in its topic, some twice.
    AtLeastOnce,
}

/// How to reach Kafka, and what to write where.
#[derive(Clone)]
pub struct KafkaSettings {
    /// Where to start looking for brokers: `host:port,host:port`.
    pub bootstrap_servers: String,
    /// The topic of match ids.
    pub publish_topic: String,
    /// The topic of what was set aside.
    pub dead_letter_topic: String,
    /// How often a message may arrive.
    pub delivery: Delivery,
    /// The name under which one instance at a time writes; not used with
    /// [`Delivery::AtLeastOnce`].
    pub transactional_id: String,
    /// How long a record waits for company before it is sent, at most [`LINGER_MAX`].
    pub linger: Duration,
    /// none, gzip, snappy, lz4 or zstd.
    pub compression: String,
    /// plaintext, ssl, `sasl_plaintext` or `sasl_ssl`.
    pub security_protocol: String,
    /// Such as PLAIN or SCRAM-SHA-512.
    pub sasl_mechanism: Option<String>,
    /// Who we are, for SASL.
    pub sasl_username: Option<String>,
    /// The proof, for SASL.
    pub sasl_password: Option<SecretString>,
    /// PEM file of the authorities trusted to sign a broker's certificate.
    pub ssl_ca_location: Option<PathBuf>,
    /// PEM file of our own certificate.
    pub ssl_certificate_location: Option<PathBuf>,
    /// PEM file of our private key.
    pub ssl_key_location: Option<PathBuf>,
    /// Further properties of librdkafka, by name; they may hold secrets.
    pub properties: Vec<(String, String)>,
    /// What the brokers call us in their logs and quotas.
    pub client_id: String,
}

/// Why these settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A linger beyond [`LINGER_MAX`].
    #[error("a linger of {0:?} is too long, at most {LINGER_MAX:?} is allowed")]
    LingerTooLong(Duration),
    /// A further property that is not open to change.
    #[error("{name} cannot be set here ({reason})")]
    PropertyReserved {
        /// Which property.
        name: String,
        /// Why it is not open, or which variable sets it.
        reason: &'static str,
    },
    /// A property that librdkafka does not know, or whose value it does not take.
    #[error("the property {name} is refused: {reason}")]
    PropertyInvalid {
        /// Which property, in the words of librdkafka.
        name: String,
        /// What is wrong, without the value of a secret.
        reason: String,
    },
    /// Properties that are wrong together, or a file that cannot be used.
    #[error("the Kafka client cannot be made: {reason}")]
    ClientRefused {
        /// What librdkafka says.
        reason: String,
    },
}

/// Properties that [`KafkaSettings::properties`] may not name, and why; a name
/// that ends in a dot stands for all that begin with it. What has a setting of
/// its own is named as the user knows it.
const RESERVED: &[(&str, &str)] = &[
    ("acks", ALL_REPLICAS),
    ("request.required.acks", ALL_REPLICAS),
    ("enable.idempotence", ONCE_AND_IN_ORDER),
    ("enable.gapless.guarantee", ONCE_AND_IN_ORDER),
    ("max.in.flight", ONCE_AND_IN_ORDER),
    ("max.in.flight.requests.per.connection", ONCE_AND_IN_ORDER),
    ("transaction.timeout.ms", ONCE_AND_IN_ORDER),
    ("queuing.strategy", ONCE_AND_IN_ORDER),
    ("message.timeout.ms", NEVER_GIVEN_UP),
    ("delivery.timeout.ms", NEVER_GIVEN_UP),
    ("retries", NEVER_GIVEN_UP),
    ("message.send.max.retries", NEVER_GIVEN_UP),
    ("delivery.report.only.error", COUNTED),
    ("enabled_events", COUNTED),
    ("topic.blacklist", COUNTED),
    ("log.queue", "its lines would be lost"),
    ("plugin.library.paths", "it would run foreign code"),
    (
        "partitioner",
        "a match's partition is the one Java clients choose",
    ),
    ("queue.buffering.max.messages", "memory is bounded"),
    ("queue.buffering.max.kbytes", "memory is bounded"),
    ("allow.auto.create.topics", "topics are never created"),
    ("statistics.interval.ms", "statistics are not read"),
    ("test.mock.", "it would replace the brokers"),
    ("bootstrap.servers", "set KAFKA_BOOTSTRAP_SERVERS"),
    ("metadata.broker.list", "set KAFKA_BOOTSTRAP_SERVERS"),
    ("transactional.id", "set KAFKA_TRANSACTIONAL_ID"),
    ("linger.ms", "set KAFKA_LINGER"),
    ("queue.buffering.max.ms", "set KAFKA_LINGER"),
    ("compression.codec", "set KAFKA_COMPRESSION"),
    ("compression.type", "set KAFKA_COMPRESSION"),
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
const ALL_REPLICAS: &str = "every record is acknowledged by all in-sync replicas";
const ONCE_AND_IN_ORDER: &str = "a retry neither repeats nor reorders";
const COUNTED: &str = "every match is acknowledged or handed back";
const NEVER_GIVEN_UP: &str = "no match is given up because Kafka is away";

/// What every producer gets.
const PRODUCER_PROPERTIES: [(&str, &str); 10] = [
    // Acknowledged means held by every in-sync replica, and in the order sent.
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("max.in.flight.requests.per.connection", "5"),
    // A message is kept until it is acknowledged, however long that takes.
    ("message.timeout.ms", "0"),
    // The room is bounded by us, well below these.
    ("queue.buffering.max.messages", "100000"),
    ("queue.buffering.max.kbytes", "65536"),
    // The same partition for the same key as a Java producer.
    ("partitioner", "murmur2_random"),
    // A topic that is not there is reported back soon, and kept by us.
    ("topic.metadata.propagation.max.ms", "2000"),
    // One request is built from at most this much; the memory behind it is ours to pay.
    ("batch.size", "262144"),
    ("receive.message.max.bytes", "16777216"),
];

/// What a consumer gets that reads a topic's tail and belongs to no group.
const CONSUMER_PROPERTIES: [(&str, &str); 11] = [
    ("isolation.level", "read_committed"),
    // Where records end is told, also where only markers follow.
    ("enable.partition.eof", "true"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // An offset that is gone is for us to notice.
    ("auto.offset.reset", "error"),
    // What is read ahead is bounded: answers of at most so much, and two of them.
    ("fetch.message.max.bytes", "262144"),
    ("fetch.max.bytes", "4194304"),
    ("receive.message.max.bytes", "16777216"),
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.wait.max.ms", "50"),
];

/// What every client gets.
const CLIENT_PROPERTIES: [(&str, &str); 9] = [
    // Topics are the operator's.
    ("allow.auto.create.topics", "false"),
    // Back within a second or two of the brokers.
    ("reconnect.backoff.max.ms", "1000"),
    ("retry.backoff.max.ms", "1000"),
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "5000"),
    ("socket.keepalive.enable", "true"),
    ("topic.metadata.refresh.interval.ms", "60000"),
    // Nothing is sent that nobody asked for, and nothing said that health says better.
    ("enable.metrics.push", "false"),
    ("log.connection.close", "false"),
];

/// Checks one of [`KafkaSettings::properties`]; nothing is connected.
///
/// # Errors
/// [`SettingsError::PropertyReserved`] when it is not open to change, and
/// [`SettingsError::PropertyInvalid`] when librdkafka does not know it or does not take the value.
pub fn check_property(name: &str, value: &str) -> Result<(), SettingsError> {
    let is_meant =
        |reserved: &str| name == reserved || reserved.ends_with('.') && name.starts_with(reserved);
    if let Some((_, reason)) = RESERVED.iter().find(|(reserved, _)| is_meant(reserved)) {
        return Err(SettingsError::PropertyReserved {
            name: name.to_owned(),
            reason,
        });
    }
    ClientConfig::new()
        .set(name, value)
        .create_native_config()?;
    Ok(())
}

impl KafkaSettings {
    /// The properties of a producer with these settings, without transactions.
    ///
    /// # Errors
    /// [`SettingsError`] for a linger that is too long and for a property that is refused.
    pub(crate) fn producer_config(&self) -> Result<ClientConfig, SettingsError> {
        if self.linger > LINGER_MAX {
            return Err(SettingsError::LingerTooLong(self.linger));
        }
        let mut config = self.client_config(&PRODUCER_PROPERTIES)?;
        config
            .set("linger.ms", self.linger.as_millis().to_string())
            .set("compression.type", &self.compression);
        // Partitions that go are told of as a notice, and nowhere else.
        if (config.log_level as i32) < RDKafkaLogLevel::Notice as i32 {
            config.set_log_level(RDKafkaLogLevel::Notice);
        }
        Ok(config)
    }

    /// The properties of a consumer that reads a topic's tail.
    ///
    /// # Errors
    /// [`SettingsError`] for a property that is refused.
    pub(crate) fn consumer_config(&self) -> Result<ClientConfig, SettingsError> {
        let mut config = self.client_config(&[])?;
        for (name, value) in CONSUMER_PROPERTIES {
            config.set(name, value);
        }
        // Asked for by librdkafka; without subscription nobody joins it.
        config.set("group.id", &self.client_id);
        Ok(config)
    }

    fn client_config(&self, own: &[(&str, &str)]) -> Result<ClientConfig, SettingsError> {
        let mut config = ClientConfig::new();
        for (name, value) in CLIENT_PROPERTIES.iter().chain(own) {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            check_property(name, value)?;
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", &self.client_id)
            .set("security.protocol", &self.security_protocol);
        let password = self
            .sasl_password
            .as_ref()
            .map(|secret| secret.expose_secret().to_owned());
        let path = |path: &Option<PathBuf>| Some(path.as_ref()?.to_string_lossy().into_owned());
        for (name, value) in [
            ("sasl.mechanism", self.sasl_mechanism.clone()),
            ("sasl.username", self.sasl_username.clone()),
            ("sasl.password", password),
            ("ssl.ca.location", path(&self.ssl_ca_location)),
            (
                "ssl.certificate.location",
                path(&self.ssl_certificate_location),
            ),
            ("ssl.key.location", path(&self.ssl_key_location)),
        ] {
            if let Some(value) = value {
                config.set(name, value);
            }
        }
        Ok(config)
    }
}

impl Default for KafkaSettings {
    /// A broker on this machine, without encryption.
    fn default() -> Self {
        Self {
            bootstrap_servers: "localhost:9092".to_owned(),
            publish_topic: "match_ids_raw".to_owned(),
            dead_letter_topic: "match_ids_dead_letter".to_owned(),
            delivery: Delivery::ExactlyOnce,
            transactional_id: "ingestion-service.match_ids_raw".to_owned(),
            linger: Duration::from_millis(10),
            compression: "lz4".to_owned(),
            security_protocol: "plaintext".to_owned(),
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password: None,
            ssl_ca_location: None,
            ssl_certificate_location: None,
            ssl_key_location: None,
            properties: Vec::new(),
            client_id: "ingestion-service".to_owned(),
        }
    }
}

impl fmt::Debug for KafkaSettings {
    /// Further properties are shown by name only, for their values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|(name, _)| name).collect();
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("publish_topic", &self.publish_topic)
            .field("dead_letter_topic", &self.dead_letter_topic)
            .field("delivery", &self.delivery)
            .field("transactional_id", &self.transactional_id)
            .field("linger", &self.linger)
            .field("compression", &self.compression)
            .field("security_protocol", &self.security_protocol)
            .field("sasl_mechanism", &self.sasl_mechanism)
            .field("sasl_username", &self.sasl_username)
            .field("sasl_password", &self.sasl_password)
            .field("ssl_ca_location", &self.ssl_ca_location)
            .field("ssl_certificate_location", &self.ssl_certificate_location)
            .field("ssl_key_location", &self.ssl_key_location)
            .field("properties", &names)
            .field("client_id", &self.client_id)
            .finish()
    }
}

impl From<KafkaError> for SettingsError {
    /// What librdkafka says against a configuration.
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, reason, name, _) if may_be_secret(&name) => {
                // The reason quotes the value.
                let known = reason.starts_with("No such");
                let reason = if known {
                    "there is no such property"
                } else {
                    "its value is invalid"
                };
                Self::PropertyInvalid {
                    name,
                    reason: reason.to_owned(),
                }
            }
            KafkaError::ClientConfig(_, reason, name, _) => Self::PropertyInvalid { name, reason },
            KafkaError::ClientCreation(reason) => Self::ClientRefused {
                reason: reason.trim_end().to_owned(),
            },
            other => Self::ClientRefused {
                reason: other.to_string(),
            },
        }
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
