//! `[kafka]` of the service: what is written where, and how.

mod section;

use std::time::Duration;

use kafka_kit::{
    ownership,
    settings::{ClientSettings, Reserved},
};
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use service_kit::config::{Broken, SettingsReader};

pub use section::KafkaSection;

/// The longest linger: a drain waits for one linger, and health calls a
/// message stuck that has waited for a few of them.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// What a restart or a failure may do to messages in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Each is in its topic once, for consumers that read committed records only.
    ExactlyOnce,
    /// Each is in its topic, some twice.
    AtLeastOnce,
}

/// How batches are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "codecs are known by their names")]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// How to reach Kafka, and what to write where.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// How to reach it.
    pub client: ClientSettings,
    /// The topic of match ids.
    pub publish_topic: String,
    /// The topic of what was set aside.
    pub dead_letter_topic: String,
    /// The topic of what is known of matches; none where only ids are published.
    pub match_summary_topic: Option<String>,
    /// The group of the instances that stand by, and the beginning of the names
    /// of groups that keep where feeds go on.
    pub group_id: String,
    /// Whether this instance publishes only while the group has given it the
    /// topic; with [`Delivery::ExactlyOnce`] only, which fences whoever had it before.
    pub is_standby: bool,
    /// How often a message may arrive.
    pub delivery: Delivery,
    /// The name under which one instance at a time writes; not used with
    /// [`Delivery::AtLeastOnce`].
    pub transactional_id: String,
    /// How long a record waits for company before it is sent.
    pub linger: Duration,
    /// How batches are compressed.
    pub compression: Compression,
}

/// Properties that are not open to change, beside those of every client.
const RESERVED: &[Reserved] = &[
    ownership::RESERVED[0],
    ownership::RESERVED[1],
    ownership::RESERVED[2],
    ownership::RESERVED[3],
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
    (
        "partitioner",
        "a match's partition is the one Java clients choose",
    ),
    ("queue.buffering.max.messages", "memory is bounded"),
    ("queue.buffering.max.kbytes", "memory is bounded"),
    ("transactional.id", "set KAFKA_TRANSACTIONAL_ID"),
    ("linger.ms", "set KAFKA_LINGER"),
    ("queue.buffering.max.ms", "set KAFKA_LINGER"),
    ("compression.codec", "set KAFKA_COMPRESSION"),
    ("compression.type", "set KAFKA_COMPRESSION"),
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

impl KafkaSettings {
    /// The defaults, towards these brokers.
    #[must_use]
    pub fn at(bootstrap_servers: &str) -> Self {
        let mut reader = SettingsReader::default();
        let mut settings = KafkaSection::DEFAULT.read(&mut reader, env!("CARGO_PKG_NAME"));
        bootstrap_servers.clone_into(&mut settings.client.bootstrap_servers);
        settings
    }

    /// The rules these settings break beside each other, at librdkafka and in
    /// the world; files are looked into, nothing is connected.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        let mut broken = self.client.check();
        broken.extend(self.check_topics());
        broken
    }

    fn check_topics(&self) -> Option<Broken> {
        if self.publish_topic == self.dead_letter_topic {
            let rule = "the same as KAFKA_PUBLISH_TOPIC";
            return Some(Broken::new("KAFKA_DEAD_LETTER_TOPIC", rule));
        }
        let summaries = self.match_summary_topic.as_ref()?;
        let rule = if *summaries == self.publish_topic {
            "the same as KAFKA_PUBLISH_TOPIC"
        } else if *summaries == self.dead_letter_topic {
            "the same as KAFKA_DEAD_LETTER_TOPIC"
        } else {
            return None;
        };
        Some(Broken::new("KAFKA_MATCH_SUMMARY_TOPIC", rule))
    }

    /// The properties of a producer with these settings, without transactions.
    pub(crate) fn producer_config(&self) -> ClientConfig {
        let mut config = self.client.client_config(&PRODUCER_PROPERTIES);
        config
            .set("linger.ms", self.linger.as_millis().to_string())
            .set("compression.type", self.compression.as_str());
        // Partitions that go are told of as a notice, and nowhere else.
        if (config.log_level as i32) < RDKafkaLogLevel::Notice as i32 {
            config.set_log_level(RDKafkaLogLevel::Notice);
        }
        config
    }
}

impl Compression {
    /// Its name, for librdkafka and in `KAFKA_COMPRESSION`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}
