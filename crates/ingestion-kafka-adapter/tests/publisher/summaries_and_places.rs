//! What is known of matches, and where feeds go on, at a real broker.

use std::sync::Arc;

use domain::MatchId;
use health_kit::HealthStatus;
use ingestion_application::{
    Checkpoint, ReceivedSummary, SourceName,
    ports::{Message, MessagePublisher as _, PublishError},
};
use ingestion_kafka_adapter::{Delivery, KafkaSettings};
use ingestion_test_support::{
    publisher::publisher_contract::Arrived, receipts::ReceiptFigures, summaries::summary_of,
};
use kafka_kit::settings::{ClientSettings, SaslMechanism, SecurityProtocol};
use kafka_test_kit::{
    Listener, Operation, Resource, SecuredBroker, User, shared_broker, unique_topic,
};

use crate::support::{PATIENCE, RECEIVED_AT, Rig, SOURCE};

const STEAM: SourceName = SourceName::new("steam_sequence");

async fn settings(has_summary_topic: bool) -> KafkaSettings {
    let broker = shared_broker().await.expect("a broker can be started");
    let [matches, letters, summaries] = ["matches", "letters", "summaries"].map(unique_topic);
    for (topic, is_there) in [
        (&matches, true),
        (&letters, true),
        (&summaries, has_summary_topic),
    ] {
        if is_there {
            let created = broker.create_topic(topic, 12, &[]).await;
            created.expect("it is new");
        }
    }
    KafkaSettings {
        transactional_id: matches.clone(),
        group_id: matches.clone(),
        publish_topic: matches,
        dead_letter_topic: letters,
        match_summary_topic: Some(summaries),
        delivery: Delivery::ExactlyOnce,
        ..KafkaSettings::at(broker.bootstrap_servers())
    }
}

fn told(raw: i64, is_id_new: bool) -> ReceivedSummary {
    let id = MatchId::try_new(raw).expect("the tests use valid ids");
    ReceivedSummary {
        summary: summary_of(id),
        source: SOURCE,
        received_at: RECEIVED_AT,
        is_id_new,
    }
}

fn message(told: ReceivedSummary) -> Message {
    Message::Summary(Arc::new(told))
}

fn place(text: &str) -> Checkpoint {
    Checkpoint::try_new(text).expect("it is short")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_is_in_the_partition_of_its_match_and_known_to_the_next_instance() {
    let settings = settings(true).await;
    let rig = Rig::start_with(settings.clone());
    for raw in 1..=50 {
        rig.publish(message(told(raw, raw % 2 == 0))).await;
    }
    assert_eq!(rig.flush().await.published, 50);
    let topic = settings.match_summary_topic.as_deref();
    let topic = topic.expect("there is one");
    let summaries = crate::support::read(&settings.client.bootstrap_servers, topic).await;
    let ids = rig.read_matches().await;
    assert_eq!((ids.len(), summaries.len()), (25, 50));
    for id in ids {
        let of_summary = summaries.iter().find(|record| record.key == id.key);
        let partition = of_summary.map(|record| record.partition);
        assert_eq!(partition, Some(id.partition), "{:?}", id.key);
    }
    let next = Rig::start_with(settings);
    let known = next.publisher.published(100).await;
    assert_eq!(known.map(|ids| ids.len()), Ok(25));
    let known = next.publisher.published_summaries(100).await;
    let mut known = known.expect("it goes on");
    let key = |raw| next.publisher.summary_key(&told(raw, true));
    assert_eq!(known.len(), 50);
    known.retain(|found| !(1..=50).any(|raw| key(raw) == *found));
    assert_eq!(known, [], "all of them, and by the same number");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_of_summaries_holds_up_no_match() {
    let settings = settings(false).await;
    let rig = Rig::start_with(settings.clone());
    assert_eq!(rig.publisher.published(10).await, Ok(Vec::new()));
    assert_eq!(rig.publisher.published_summaries(10).await, Ok(Vec::new()));
    for raw in 1..=20 {
        rig.publish(message(told(raw, true))).await;
    }
    rig.publish_matches(100..110).await;
    let topic = settings.match_summary_topic.as_deref();
    let topic = topic.expect("there is one");
    rig.wait_for("match_summary_topic", HealthStatus::Unhealthy, PATIENCE)
        .await;
    rig.wait_for_reason("match_summary_topic", "--create --topic")
        .await;
    crate::support::wait_until(PATIENCE, "matches without summaries are settled", || {
        (rig.receipts.figures().published == 10).then_some(())
    })
    .await;
    assert_eq!(rig.read_matches().await.len(), 30, "every id is there");
    let broker = shared_broker().await.expect("it runs");
    let created = broker.create_topic(topic, 1, &[]).await;
    created.expect("it is new");
    let expected = ReceiptFigures {
        published: 30,
        ..ReceiptFigures::default()
    };
    assert_eq!(rig.flush().await, expected, "what waited has gone");
    let arrived = rig.arrived().await;
    let summaries = arrived.iter().filter(
        |one| matches!(one, Arrived::Summary { received_at, .. } if *received_at == RECEIVED_AT),
    );
    assert_eq!((arrived.len(), summaries.count()), (50, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_that_is_refused_is_set_aside_and_its_match_is_published() {
    let settings = settings(false).await;
    let topic = settings.match_summary_topic.clone();
    let topic = topic.expect("there is one");
    let broker = shared_broker().await.expect("it runs");
    // Smaller than a summary with players, and larger than one without.
    let limit = [("max.message.bytes", "700")];
    let created = broker.create_topic(&topic, 1, &limit).await;
    created.expect("it is new");
    let rig = Rig::start_with(KafkaSettings {
        compression: ingestion_kafka_adapter::Compression::None,
        ..settings
    });
    for raw in 1..=4 {
        rig.publish(message(told(raw, true))).await;
    }
    let figures = rig.flush().await;
    assert_eq!((figures.published, figures.dead_lettered), (4, 0));
    assert_eq!(rig.read_matches().await.len(), 4);
    let letters = rig.read_dead_letters().await;
    assert_eq!(letters.len(), 2, "those with players");
    for letter in &letters {
        let letter = crate::support::dead_letter(letter);
        assert_eq!(letter.reason, "refused_by_kafka");
        assert!(letter.payload.starts_with(b"{\"match_id\":"), "{letter:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_that_of_the_instance_that_may_write() {
    let settings = settings(true).await;
    let first = Rig::start_with(settings.clone());
    let kept = |rig: &Rig| {
        let publisher = Arc::clone(&rig.publisher);
        async move { publisher.last_checkpoint(STEAM).await }
    };
    assert_eq!(kept(&first).await, Ok(None));
    let all = place(&"\u{e4}".repeat(Checkpoint::SIZE_MAX_BYTES / 2));
    for checkpoint in [place("6912775440"), all.clone()] {
        let done = first.publisher.keep_checkpoint(STEAM, &checkpoint).await;
        assert_eq!(done, Ok(()));
    }
    let second = Rig::start_with(settings.clone());
    assert_eq!(
        kept(&second).await,
        Ok(Some(all)),
        "the last one, as it was"
    );
    let done = second.publisher.keep_checkpoint(STEAM, &place("2")).await;
    assert_eq!(done, Ok(()));
    let fenced = first.publisher.keep_checkpoint(STEAM, &place("1")).await;
    assert!(
        matches!(fenced, Err(PublishError::Fenced { .. })),
        "{fenced:?}"
    );
    let third = Rig::start_with(settings);
    assert_eq!(kept(&third).await, Ok(Some(place("2"))));
    let unknown = third.publisher.last_checkpoint(SOURCE).await;
    assert_eq!(unknown, Ok(None), "each feed has its own");
}

/// Receipts of the tests are numbered from zero on.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_goes_along_with_the_last_message_before_it() {
    let rig = Rig::start_with(settings(true).await);
    let kept = async || rig.publisher.last_checkpoint(STEAM).await;
    assert_eq!(kept().await, Ok(None));
    rig.publish_matches(1..3).await;
    rig.publisher.announce_checkpoint(STEAM, &place("5"), 4);
    rig.publish_matches(3..5).await;
    rig.flush().await;
    assert_eq!(kept().await, Ok(None), "one message before it is to come");
    rig.publisher.announce_checkpoint(SOURCE, &place("b"), 4);
    rig.publisher.announce_checkpoint(STEAM, &place("6"), 5);
    rig.publish(message(told(5, true))).await;
    rig.flush().await;
    assert_eq!(
        kept().await,
        Ok(Some(place("5"))),
        "nobody has asked for it"
    );
    let other = rig.publisher.last_checkpoint(SOURCE).await;
    assert_eq!(other, Ok(Some(place("b"))));
    rig.publish_matches(6..7).await;
    rig.flush().await;
    let done = rig.publisher.keep_checkpoint(STEAM, &place("6")).await;
    assert_eq!((done, kept().await), (Ok(()), Ok(Some(place("6")))));
    let done = rig.publisher.keep_checkpoint(STEAM, &place("7")).await;
    assert_eq!((done, kept().await), (Ok(()), Ok(Some(place("7")))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_refuses_places_is_in_the_way_of_no_match() {
    let listener = Listener {
        name: "PASSWORD",
        asks_for_password: true,
        ..Listener::default()
    };
    let user = User {
        name: "feeder",
        password: "no-secret",
    };
    let broker = SecuredBroker::start(&[listener], &[user]).await;
    let broker = broker.expect("a broker can be started");
    let [matches, letters] = ["matches", "letters"].map(unique_topic);
    for topic in [&matches, &letters] {
        let created = broker.create_topic(topic, 3, &[]).await;
        created.expect("it is new");
    }
    for (resource, operation) in [
        (Resource::Topic(&matches), Operation::Write),
        (Resource::Topic(&matches), Operation::Read),
        (Resource::Topic(&letters), Operation::Write),
        (Resource::TransactionalId(&matches), Operation::Write),
    ] {
        let allowed = broker.allow("User:feeder", resource, operation).await;
        allowed.expect("the broker takes it");
    }
    let address = broker.address("PASSWORD").expect("it is there");
    let settings = KafkaSettings::at(address);
    let rig = Rig::start_with(KafkaSettings {
        transactional_id: matches.clone(),
        group_id: matches.clone(),
        publish_topic: matches,
        dead_letter_topic: letters,
        delivery: Delivery::ExactlyOnce,
        client: ClientSettings {
            security_protocol: SecurityProtocol::SaslPlaintext,
            sasl_mechanism: Some(SaslMechanism::ScramSha512),
            sasl_username: Some("feeder".to_owned()),
            sasl_password: Some("no-secret".into()),
            ..settings.client.clone()
        },
        ..settings
    });
    for raw in 1..=20 {
        let after = u64::try_from(raw - 1).expect("it is above zero");
        let text = place(&raw.to_string());
        rig.publisher.announce_checkpoint(STEAM, &text, after);
        rig.publish_matches(raw..raw + 1).await;
    }
    assert_eq!(rig.flush().await.published, 20, "they go on");
    let publisher = Arc::clone(&rig.publisher);
    let keeping = tokio::spawn(async move {
        let last = place("20");
        publisher.keep_checkpoint(STEAM, &last).await
    });
    rig.wait_for_reason("publish_topic", "groups that begin with KAFKA_GROUP_ID")
        .await;
    rig.publish_matches(21..31).await;
    assert_eq!(rig.flush().await.published, 30, "and on");
    keeping.abort();
}
