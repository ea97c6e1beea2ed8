//! The settings of the publisher, as a section.

use std::time::Duration;

use kafka_kit::settings::{ClientSection, NOT_EMPTY, TOPIC_NAME, TOPIC_NAME_OR_NONE};
use service_kit::config::{
    Declaration, DurationBetween, OneOf, Parsed, Section, Setting, SettingsReader, Unset,
};

use super::{Compression, Delivery, KafkaSettings, LINGER_MAX, RESERVED};

/// The settings that fill [`KafkaSettings`]: those of every client, and the
/// publisher's own.
pub struct KafkaSection {
    client: ClientSection,
    publish_topic: Setting<Parsed<String>>,
    dead_letter_topic: Setting<Parsed<String>>,
    match_summary_topic: Setting<Parsed<Option<String>>>,
    group_id: Setting<Parsed<String>, Unset>,
    delivery: Setting<OneOf<Delivery>>,
    transactional_id: Setting<Parsed<String>, Unset>,
    linger: Setting<DurationBetween>,
    compression: Setting<OneOf<Compression>>,
}

impl KafkaSection {
    /// Exactly once, to the topics that consumers expect.
    pub const DEFAULT: Self = Self {
        client: ClientSection::DEFAULT.with_reserved(RESERVED),
        publish_topic: Setting {
            variable: "KAFKA_PUBLISH_TOPIC",
            default: "match_ids_raw",
            help: "Topic of the matches; the service never creates it",
            parser: TOPIC_NAME,
        },
        dead_letter_topic: Setting {
            variable: "KAFKA_DEAD_LETTER_TOPIC",
            default: "match_ids_dead_letter",
            help: "Topic of what cannot be published; the service never creates it",
            parser: TOPIC_NAME,
        },
        match_summary_topic: Setting {
            variable: "KAFKA_MATCH_SUMMARY_TOPIC",
            default: "",
            help: "Topic of what feeds know of matches beside their ids; the service never creates \
                   it; empty: only ids are published",
            parser: TOPIC_NAME_OR_NONE,
        },
        group_id: Setting {
            variable: "KAFKA_GROUP_ID",
            default: Unset("<SERVICE_NAME>.<KAFKA_PUBLISH_TOPIC>"),
            help: "The consumer group of the instances that INGESTION_STANDBY lets take over from \
                   each other; it also begins the names of others: a feed that keeps its place has \
                   it in a group of its own, as metadata of an offset, <KAFKA_GROUP_ID>.steam or \
                   <KAFKA_GROUP_ID>.pages",
            parser: NOT_EMPTY,
        },
        delivery: Setting {
            variable: "KAFKA_DELIVERY",
            default: "exactly_once",
            help: "How often a match may arrive: at_least_once is faster by some milliseconds, and \
                   may repeat a match after a crash; with exactly_once consumers must read \
                   committed records only",
            parser: OneOf(&[
                ("exactly_once", Delivery::ExactlyOnce),
                ("at_least_once", Delivery::AtLeastOnce),
            ]),
        },
        transactional_id: Setting {
            variable: "KAFKA_TRANSACTIONAL_ID",
            default: Unset("<SERVICE_NAME>.<KAFKA_PUBLISH_TOPIC>"),
            help: "The name under which one instance at a time writes exactly once; a later start \
                   with the same name fences the earlier one",
            parser: NOT_EMPTY,
        },
        linger: Setting {
            variable: "KAFKA_LINGER",
            default: "10ms",
            help: "How long a match waits for others to share a request with",
            parser: DurationBetween {
                min: Duration::ZERO,
                max: LINGER_MAX,
            },
        },
        compression: Setting {
            variable: "KAFKA_COMPRESSION",
            default: "lz4",
            help: "How batches are compressed",
            parser: OneOf(&[
                ("none", Compression::None),
                ("gzip", Compression::Gzip),
                ("snappy", Compression::Snappy),
                ("lz4", Compression::Lz4),
                ("zstd", Compression::Zstd),
            ]),
        },
    };

    /// What is in force, for a service of this name.
    pub fn read(&self, reader: &mut SettingsReader, service_name: &str) -> KafkaSettings {
        let client = self.client.read(reader, service_name);
        let publish_topic = reader.get(&self.publish_topic);
        let default_id = format!("{service_name}.{publish_topic}");
        reader.set_default(&self.transactional_id, default_id.clone());
        let given_id = reader.get_optional(&self.transactional_id);
        reader.set_default(&self.group_id, default_id.clone());
        let given_group = reader.get_optional(&self.group_id);
        let settings = KafkaSettings {
            client,
            publish_topic,
            dead_letter_topic: reader.get(&self.dead_letter_topic),
            match_summary_topic: reader.get(&self.match_summary_topic),
            group_id: given_group.unwrap_or_else(|| default_id.clone()),
            is_standby: false,
            delivery: reader.get(&self.delivery),
            transactional_id: given_id.unwrap_or(default_id),
            linger: reader.get(&self.linger),
            compression: reader.get(&self.compression),
        };
        reader.refuse_all(settings.check_topics());
        settings
    }
}

impl Section for KafkaSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        let own: [&dyn Declaration; 8] = [
            &self.publish_topic,
            &self.dead_letter_topic,
            &self.match_summary_topic,
            &self.group_id,
            &self.delivery,
            &self.transactional_id,
            &self.linger,
            &self.compression,
        ];
        let mut all = self.client.declarations();
        all.extend(own);
        all
    }
}
