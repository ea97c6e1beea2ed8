//! What the settings of Kafka mean to the promises and to each other.

use super::tests::{check_wrong, load};

#[test]
fn properties_the_promises_rest_on_are_refused_by_name() {
    check_wrong(
        &[(
            "KAFKA_PROPERTIES",
            "retries=0,batch.size=1,test.mock.num.brokers=3",
        )],
        "KAFKA_PROPERTIES is \"retries=0,batch.size=1,test.mock.num.brokers=3\" (environment): \
         retries cannot be set here (no match is given up because Kafka is away); \
         test.mock.num.brokers cannot be set here (it would replace the brokers); \
         allowed: name=value, several separated by commas",
    );
    let names = "acks request.required.acks enable.idempotence message.timeout.ms delivery.timeout.ms \
                 partitioner max.in.flight max.in.flight.requests.per.connection transactional.id \
                 bootstrap.servers metadata.broker.list queue.buffering.max.messages linger.ms \
                 queue.buffering.max.kbytes queue.buffering.max.ms compression.codec compression.type \
                 security.protocol sasl.password ssl.key.location allow.auto.create.topics retries \
                 message.send.max.retries client.id delivery.report.only.error \
                 group.id group.instance.id partition.assignment.strategy";
    for name in names.split(' ') {
        let text = format!("socket.timeout.ms=1000,{name}=1");
        let wrong = load(&[("KAFKA_PROPERTIES", &text)])
            .expect_err(name)
            .to_string();
        assert!(
            wrong.contains(&format!(": {name} cannot be set here (")),
            "{wrong}"
        );
    }
}

#[test]
fn the_transactional_id_and_the_group_follow_from_other_settings() {
    let check = |environment: &[(&str, &str)], expected: &str| {
        let loaded = load(environment).expect("the settings are right");
        let report = loaded.report.to_string();
        assert!(report.lines().any(|line| line == expected), "{report}");
    };
    let others = [("SERVICE_NAME", "a"), ("KAFKA_PUBLISH_TOPIC", "b")];
    check(&others, "KAFKA_TRANSACTIONAL_ID=a.b (default)");
    check(&others, "KAFKA_GROUP_ID=a.b (default)");
    let given = [("KAFKA_TRANSACTIONAL_ID", "c"), others[0]];
    check(&given, "KAFKA_TRANSACTIONAL_ID=c (environment)");
}

#[test]
fn a_standby_needs_transactions() {
    let on = ("INGESTION_STANDBY", "on");
    let loaded = load(&[on]).expect("the settings are right");
    assert!(loaded.settings.kafka.is_standby);
    check_wrong(
        &[on, ("KAFKA_DELIVERY", "at_least_once")],
        "INGESTION_STANDBY is \"on\" (environment): needs KAFKA_DELIVERY=exactly_once: without \
         transactions nothing keeps an instance from writing that was suspended and has been \
         replaced; allowed: off, on",
    );
}
