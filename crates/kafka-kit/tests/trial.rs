//! What a service needs of Kafka, tried on a real broker that knows permissions.

use kafka_kit::{
    settings::{ClientSection, ClientSettings, SaslMechanism, SecurityProtocol},
    trial::{Trial, Tried},
};
use kafka_test_kit::{Listener, Operation, Resource, SecuredBroker, User, unique_topic};
use rdkafka::ClientConfig;
use service_kit::config::SettingsReader;

const PRINCIPAL: &str = "User:doctor";

fn settings(servers: &str) -> ClientSettings {
    let mut reader = SettingsReader::default();
    let mut settings = ClientSection::DEFAULT.read(&mut reader, "trial");
    servers.clone_into(&mut settings.bootstrap_servers);
    settings
}

fn trial(settings: &ClientSettings) -> Trial {
    Trial::try_new(settings, "readers").expect("these settings are fine")
}

fn writer(settings: &ClientSettings) -> ClientConfig {
    settings.client_config(&[("acks", "all"), ("enable.idempotence", "true")])
}

fn assert_says(tried: &Tried, expected: &str) {
    let (Ok(text) | Err(text)) = tried;
    assert!(text.contains(expected), "{expected} in {tried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_is_missed_by_its_name_and_nothing_is_left_behind() {
    let open = Listener {
        name: "OPEN",
        asks_for_password: true,
        ..Listener::default()
    };
    let user = User {
        name: "doctor",
        password: "right",
    };
    let broker = SecuredBroker::start(&[open], &[user]).await;
    let broker = broker.expect("a broker can be started");
    let topic = unique_topic("letters");
    let created = broker.create_topic(&topic, 2, &[]).await;
    created.expect("it is a new topic");
    let address = broker.address("OPEN").expect("it has this listener");
    let ours = ClientSettings {
        security_protocol: SecurityProtocol::SaslPlaintext,
        sasl_mechanism: Some(SaslMechanism::ScramSha512),
        sasl_username: Some("doctor".to_owned()),
        sasl_password: Some("right".to_owned().into()),
        ..settings(address)
    };
    let (may_all, may_some) = (settings(broker.bootstrap_servers()), ours);
    let trials = tokio::task::spawn_blocking({
        let (topic, may_some) = (topic.clone(), may_some.clone());
        move || {
            let trial = trial(&may_some);
            assert_says(&trial.brokers(), "answers");
            assert_says(&trial.topic(&topic, 1), "allow this user Describe on it");
            let read = trial.may_read(&topic).map(|()| String::new());
            assert_says(&read, "allow this user Read on it");
            let written = trial.may_write(&topic, &writer(&may_some));
            assert_says(&written, "allow this user Write on it");
            let group = trial.group("readers", [&*topic].into_iter());
            assert_says(&group, "allow this user Read on the group");
        }
    });
    trials.await.expect("each is missed by its name");
    for operation in [Operation::Read, Operation::Write] {
        let allowed = broker.allow(PRINCIPAL, Resource::Topic(&topic), operation);
        allowed.await.expect("the broker changes it");
    }
    let trials = tokio::task::spawn_blocking(move || {
        let trial = trial(&may_some);
        assert_says(&trial.topic(&topic, 1), "has 2 partitions");
        assert_eq!(trial.may_read(&topic), Ok(()));
        let written = trial.may_write(&topic, &writer(&may_some));
        assert_eq!(written, Ok("it may be written".to_owned()));
        let everybody = self::trial(&may_all);
        let group = everybody.group("readers", [&*topic].into_iter());
        assert_says(&group, "group readers has positions in 0 of 2 partitions");
        let reader = kafka_kit::reader::Reader::config(&may_all);
        let reader = kafka_kit::reader::Reader::open(&reader, &topic).expect("it is fine");
        let ends = [0, 1].map(|partition| reader.range(partition));
        assert_eq!(ends, [Ok((0, 0)), Ok((0, 0))], "nothing was written");
    });
    trials.await.expect("all is allowed");
}

#[test]
fn brokers_that_are_away_are_told_with_what_to_do() {
    let trial = trial(&settings("127.0.0.1:1"));
    let brokers = trial.brokers();
    assert_says(&brokers, "no broker of 127.0.0.1:1 answers");
    assert_says(&brokers, "check that Kafka runs there");
}
