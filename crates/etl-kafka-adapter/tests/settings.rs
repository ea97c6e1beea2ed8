//! Wrong settings are refused by name.

use std::{path::Path, sync::Arc};

use etl_kafka_adapter::{KafkaDeadLetters, KafkaRecords, KafkaSection, KafkaSettings};
use health_kit::SystemClock;
use kafka_kit::{consumer::Start, settings::SettingsError};
use service_kit::config::{Section, SettingsReader, Sources};

static SECTION: KafkaSection = KafkaSection::DEFAULT;

fn load(environment: &[(&str, &str)]) -> Result<KafkaSettings, String> {
    let sources = Sources::variables(environment, Path::new("."));
    let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
    let settings = SECTION.read(&mut reader, "etl-service");
    let loaded = reader.finish().map(|_| settings);
    loaded.map_err(|wrong| wrong.to_string())
}

#[track_caller]
fn check_wrong(environment: &[(&str, &str)], expected: &str) {
    let wrong = load(environment).expect_err("the settings are wrong");
    assert!(wrong.contains(expected), "{wrong}");
}

#[test]
fn without_anything_given_everything_is_read_from_its_beginning() {
    let settings = load(&[]).expect("the defaults are right");
    assert_eq!(settings.group_id, "etl-service");
    assert_eq!(
        settings.match_summary_topic.as_deref(),
        Some("match_summaries")
    );
    assert_eq!(settings.match_id_topic.as_deref(), Some("match_ids_raw"));
    assert_eq!(settings.dead_letter_topic, "etl_dead_letter");
    assert_eq!(settings.start, Start::Earliest);
    assert_eq!(KafkaSettings::at("127.0.0.1:9092").check(), []);
}

#[test]
fn a_topic_without_a_name_is_not_read_and_one_is_needed() {
    let settings = load(&[("KAFKA_MATCH_ID_TOPIC", ""), ("KAFKA_START", "latest")]);
    let settings = settings.expect("one topic is enough");
    assert_eq!(settings.match_id_topic, None);
    assert_eq!(settings.start, Start::Latest);
    let none = [
        ("KAFKA_MATCH_ID_TOPIC", ""),
        ("KAFKA_MATCH_SUMMARY_TOPIC", ""),
    ];
    check_wrong(&none, "KAFKA_MATCH_ID_TOPIC");
    check_wrong(&none, "nothing would be read");
}

#[test]
fn what_is_wrong_is_named() {
    for (variable, text, expected) in [
        ("KAFKA_GROUP_ID", "", "KAFKA_GROUP_ID"),
        ("KAFKA_START", "middle", "allowed: earliest"),
        ("KAFKA_MATCH_ID_TOPIC", "a b", "no name of a Kafka topic"),
        ("KAFKA_DEAD_LETTER_TOPIC", "", "KAFKA_DEAD_LETTER_TOPIC"),
        (
            "KAFKA_DEAD_LETTER_TOPIC",
            "match_summaries",
            "would come again",
        ),
        (
            "KAFKA_MATCH_ID_TOPIC",
            "match_summaries",
            "the same as KAFKA_MATCH_SUMMARY_TOPIC",
        ),
        (
            "KAFKA_PROPERTIES",
            "enable.auto.commit=true",
            "only what is done with is committed",
        ),
        ("KAFKA_PROPERTIES", "group.id=other", "set KAFKA_GROUP_ID"),
        ("KAFKA_PROPERTIES", "acks=1", "all in-sync replicas"),
    ] {
        check_wrong(&[(variable, text)], expected);
    }
}

#[test]
fn what_no_reader_of_settings_has_judged_is_judged_all_the_same() {
    let settings = KafkaSettings {
        match_summary_topic: None,
        match_id_topic: None,
        ..KafkaSettings::at("127.0.0.1:9092")
    };
    let refused = [
        KafkaRecords::try_new(&settings, Arc::new(SystemClock)).err(),
        KafkaDeadLetters::try_new(&settings).err(),
    ];
    for refused in refused {
        assert!(
            matches!(refused, Some(SettingsError::Broken(_))),
            "{refused:?}"
        );
    }
}
