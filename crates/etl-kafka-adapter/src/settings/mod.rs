//! `[kafka]` of the service: what is read, as whom, and where dead letters go.

mod section;

use kafka_kit::{
    consumer::{BufferLimits, GroupSettings, RESERVED as RESERVED_OF_MEMBERS, Start},
    settings::{ClientSettings, Reserved},
};
use rdkafka::ClientConfig;
use service_kit::config::{Broken, SettingsReader};

pub use section::KafkaSection;

/// How to reach Kafka, and what to read there.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// How to reach it.
    pub client: ClientSettings,
    /// The name that all instances share.
    pub group_id: String,
    /// The topic of summaries; none is read without it.
    pub match_summary_topic: Option<String>,
    /// The topic of match ids; none is read without it.
    pub match_id_topic: Option<String>,
    /// The topic of what cannot be loaded.
    pub dead_letter_topic: String,
    /// Where a new group begins.
    pub start: Start,
}

/// Properties that are not open to change, beside those of every client.
const RESERVED: [Reserved; RESERVED_OF_MEMBERS.len() + RESERVED_OF_LETTERS.len()] = {
    let mut all = [("", ""); RESERVED_OF_MEMBERS.len() + RESERVED_OF_LETTERS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < RESERVED_OF_MEMBERS.len() {
            RESERVED_OF_MEMBERS[at]
        } else {
            RESERVED_OF_LETTERS[at - RESERVED_OF_MEMBERS.len()]
        };
        at += 1;
    }
    all
};

/// Those of whoever writes dead letters.
const RESERVED_OF_LETTERS: [Reserved; 8] = [
    ("acks", ALL_REPLICAS),
    ("request.required.acks", ALL_REPLICAS),
    ("enable.idempotence", ALL_REPLICAS),
    ("transactional.id", "dead letters need no transactions"),
    ("message.timeout.ms", TRIED_FOR_EVER),
    ("delivery.timeout.ms", TRIED_FOR_EVER),
    ("message.max.bytes", "what was read can be set aside"),
    ("queue.buffering.max.kbytes", "memory is bounded"),
];

const ALL_REPLICAS: &str = "a dead letter is held by all in-sync replicas";
const TRIED_FOR_EVER: &str = "no dead letter is given up";

/// What the producer of dead letters gets.
const PRODUCER_PROPERTIES: [(&str, &str); 9] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    // One attempt of librdkafka's. It is followed by one of ours: a topic that
    // is made anew holds back for ever what was on its way to the old one.
    ("message.timeout.ms", "30000"),
    // Whoever sets a record aside waits for it.
    ("linger.ms", "0"),
    // A record that was read, with headers more; the topic has a limit of its own.
    ("message.max.bytes", "8388608"),
    ("queue.buffering.max.kbytes", "32768"),
    ("partitioner", "murmur2_random"),
    ("compression.type", "lz4"),
    // A topic that is not there is reported back soon.
    ("topic.metadata.propagation.max.ms", "2000"),
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

    /// The topics that are read.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        let topics = [&self.match_summary_topic, &self.match_id_topic];
        topics.into_iter().flatten().map(String::as_str)
    }

    fn check_topics(&self) -> Option<Broken> {
        const IDS: &str = "KAFKA_MATCH_ID_TOPIC";
        if self.topics().next().is_none() {
            return Some(Broken::new(
                IDS,
                "empty, as KAFKA_MATCH_SUMMARY_TOPIC: nothing would be read",
            ));
        }
        if self.match_summary_topic == self.match_id_topic {
            return Some(Broken::new(IDS, "the same as KAFKA_MATCH_SUMMARY_TOPIC"));
        }
        self.topics()
            .any(|topic| topic == self.dead_letter_topic)
            .then(|| {
                Broken::new(
                    "KAFKA_DEAD_LETTER_TOPIC",
                    "a topic that is read: what is set aside would come again",
                )
            })
    }

    pub(crate) fn group(&self) -> GroupSettings {
        GroupSettings {
            client: self.client.clone(),
            group_id: self.group_id.clone(),
            topics: self.topics().map(str::to_owned).collect(),
            start: self.start,
            buffer: BufferLimits::default(),
        }
    }

    pub(crate) fn producer_config(&self) -> ClientConfig {
        self.client.client_config(&PRODUCER_PROPERTIES)
    }
}
