//! What is logged about Kafka: each change once, and what to do about it.

use std::{
    io::{self, Write},
    sync::{Mutex, Once},
};

use kafka_kit::embedded::EmbeddedBroker;
use rdkafka::types::RDKafkaRespErr::{self, *};
use tracing::Level;

use crate::support::{PATIENCE, Rig, wait_until};

/// No other test has topics of these names.
const MATCHES: &str = "logged_matches";
const DEAD_LETTERS: &str = "logged_letters";
/// As many matches as may be on their way.
const ROOM: i64 = 20_000;

/// What this process has logged.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logged;

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED
            .lock()
            .expect("writing does not panic")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs of every thread are wanted, so there is one collector for all tests.
fn collect_logs() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(|| Logged)
            .init();
    });
}

/// The lines logged so far at one of these levels.
fn lines(levels: &[&str]) -> Vec<String> {
    let logged = LOGGED.lock().expect("writing does not panic").clone();
    let logged = String::from_utf8(logged).expect("logs are text");
    let lines = logged.lines().map(|line| line.trim().to_owned());
    lines
        .filter(|line| levels.iter().any(|level| line.starts_with(level)))
        .collect()
}

/// The lines about these brokers or topics above debug level.
fn news(servers: &str) -> Vec<String> {
    let mut lines = lines(&["INFO", "WARN", "ERROR"]);
    lines.retain(|line| {
        [servers, MATCHES, DEAD_LETTERS]
            .iter()
            .any(|name| line.contains(name))
    });
    lines
}

/// The lines after the first `count` begin so, and no other follows them yet.
async fn expect(servers: &str, count: &mut usize, beginnings: &[&str]) {
    *count += beginnings.len();
    let what = format!("{beginnings:?}");
    let lines = wait_until(PATIENCE, &what, || {
        let lines = news(servers);
        (lines.len() >= *count).then_some(lines)
    })
    .await;
    let new = &lines[*count - beginnings.len()..];
    assert_eq!(new.len(), beginnings.len(), "{new:#?}");
    for (line, beginning) in new.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "{line} instead of {beginning}");
    }
}

fn refuse_matches(broker: &EmbeddedBroker, error: RDKafkaRespErr) {
    let refused = broker.refuse_topic(MATCHES, error);
    refused.expect("it is a valid name");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_logged_once_with_what_to_do() {
    collect_logs();
    let broker = EmbeddedBroker::start(&[(MATCHES, 16), (DEAD_LETTERS, 1)]);
    let broker = broker.expect("it needs nothing");
    refuse_matches(&broker, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    broker.take_down().expect("it is up");
    let servers = broker.bootstrap_servers();
    let rig = Rig::start(&servers, MATCHES, DEAD_LETTERS);
    let mut count = 0;

    let absent = format!("WARN no broker of {servers} answers: ");
    expect(&servers, &mut count, &[&absent]).await;
    rig.wait_for_reason("dead_letter_topic", "is not known while no broker answers")
        .await;

    broker.bring_up().expect("it is down");
    let missing = format!(
        "WARN topic {MATCHES} does not exist; create it: kafka-topics.sh \
         --bootstrap-server {servers} --create --topic {MATCHES} --partitions 12"
    );
    let letters = format!("INFO topic {DEAD_LETTERS} has 1 partition, each with a leader");
    let here = format!("INFO the brokers of {servers} answer and acknowledge");
    expect(&servers, &mut count, &[&missing, &letters, &here]).await;

    refuse_matches(&broker, RD_KAFKA_RESP_ERR_NO_ERROR);
    let matches = format!("INFO topic {MATCHES} has 16 partitions, each with a leader");
    expect(&servers, &mut count, &[&matches]).await;

    broker.take_down().expect("it is up");
    expect(&servers, &mut count, &[&absent]).await;
    rig.publish_matches(1..1 + ROOM).await;
    broker.bring_up().expect("it is down");
    expect(&servers, &mut count, &[&matches, &letters, &here]).await;
    rig.flush().await;

    let mut troubles = lines(&["DEBUG librdkafka: "]);
    assert!(
        !troubles
            .iter()
            .any(|line| line.contains("brokers are down"))
    );
    troubles.retain(|line| line.contains("error=") && line.contains(&servers));
    assert!(!troubles.is_empty(), "the brokers were away twice");
    let count = troubles.len();
    troubles.dedup();
    assert_eq!(troubles.len(), count, "each is logged once: {troubles:#?}");
}
