//! The settings of the reader, as a section.

use kafka_kit::{
    consumer::Start,
    settings::{ClientSection, NOT_EMPTY, TOPIC_NAME, TOPIC_NAME_OR_NONE},
};
use service_kit::config::{Declaration, OneOf, Parsed, Section, Setting, SettingsReader};

use super::{KafkaSettings, RESERVED};

/// The settings that fill [`KafkaSettings`]: those of every client, and the
/// reader's own.
pub struct KafkaSection {
    client: ClientSection,
    group_id: Setting<Parsed<String>>,
    match_summary_topic: Setting<Parsed<Option<String>>>,
    match_id_topic: Setting<Parsed<Option<String>>>,
    dead_letter_topic: Setting<Parsed<String>>,
    start: Setting<OneOf<Start>>,
}

impl KafkaSection {
    /// Everything there is, from its beginning.
    pub const DEFAULT: Self = Self {
        client: ClientSection::DEFAULT.with_reserved(&RESERVED),
        group_id: Setting {
            variable: "KAFKA_GROUP_ID",
            default: "etl-service",
            help: "The name of the consumer group: its members share the partitions",
            parser: NOT_EMPTY,
        },
        match_summary_topic: Setting {
            variable: "KAFKA_MATCH_SUMMARY_TOPIC",
            default: "match_summaries",
            help: "Topic of the summaries to load; empty: none are",
            parser: TOPIC_NAME_OR_NONE,
        },
        match_id_topic: Setting {
            variable: "KAFKA_MATCH_ID_TOPIC",
            default: "match_ids_raw",
            help: "Topic of the ids of matches that are over; empty: it is not read",
            parser: TOPIC_NAME_OR_NONE,
        },
        dead_letter_topic: Setting {
            variable: "KAFKA_DEAD_LETTER_TOPIC",
            default: "etl_dead_letter",
            help: "Topic of what cannot be loaded; the service never creates it",
            parser: TOPIC_NAME,
        },
        start: Setting {
            variable: "KAFKA_START",
            default: Start::Earliest.as_str(),
            help: "Where a new group begins: with the oldest record that is there, or after the \
                   last one",
            parser: OneOf(&[
                (Start::Earliest.as_str(), Start::Earliest),
                (Start::Latest.as_str(), Start::Latest),
            ]),
        },
    };

    /// What is in force, for a service of this name.
    pub fn read(&self, reader: &mut SettingsReader, service_name: &str) -> KafkaSettings {
        let settings = KafkaSettings {
            client: self.client.read(reader, service_name),
            group_id: reader.get(&self.group_id),
            match_summary_topic: reader.get(&self.match_summary_topic),
            match_id_topic: reader.get(&self.match_id_topic),
            dead_letter_topic: reader.get(&self.dead_letter_topic),
            start: reader.get(&self.start),
        };
        reader.refuse_all(settings.check_topics());
        settings
    }
}

impl Section for KafkaSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        let own: [&dyn Declaration; 5] = [
            &self.group_id,
            &self.match_summary_topic,
            &self.match_id_topic,
            &self.dead_letter_topic,
            &self.start,
        ];
        let mut all = self.client.declarations();
        all.extend(own);
        all
    }
}
