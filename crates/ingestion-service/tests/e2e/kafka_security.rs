//! Kafka behind TLS, passwords and permissions.
//!
//! Whom the service does not believe it sends nothing; who does not let it in
//! is named with what to check; and what is pending waits until that is done.

use std::fs;

use anyhow::Result;
use feed_simulator::Config;
use kafka_test_kit::{Listener, Operation, Resource, SecuredBroker, User};
use tempfile::TempDir;
use test_kit::certificates::{Authority, Identity, Validity};

use crate::{
    broker_faults::{
        HEALTH_KNOWS_WITHIN, RESUMES_WITHIN, complaint, settle, steady_feed, wait_for_complaint,
        wait_for_deliveries,
    },
    support::{Service, Topics, assert_all_delivered_once, feed},
};

type Settings<'a> = Vec<(&'a str, &'a str)>;

const HOST: &str = "127.0.0.1";
/// So many a second that the memory is full of pending matches after a few seconds.
const FAST: f64 = 5000.0;
/// More than the half of what the memory holds.
const MANY: u64 = 12_000;
/// What the service may use while no broker takes anything: 96 MB, of which 18 MB are
/// left to the pages of the binary that ships.
const OUTAGE_KIB_MAX: u64 = 78_000_000 / 1024;

const BROKERS_CERTIFICATE: &str = "certificate verify failed";
const BROKERS_CERTIFICATE_ADVICE: &str = "check that the broker's certificate is in date, is for \
    this host, and is signed by an authority in KAFKA_SSL_CA_LOCATION";
const OWN_CERTIFICATE_ADVICE: &str = "the broker wants a client certificate that it accepts: \
    check KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION";
const WRONG_PROTOCOL_ADVICE: &str = "speaks what KAFKA_SECURITY_PROTOCOL says";

/// Files for the settings that name one.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Result<Self> {
        let folder = TempDir::new()?;
        Ok(Self { folder })
    }

    /// Writes one; its path.
    fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }
}

fn tls<'a>(name: &'a str, identity: &'a Identity) -> Listener<'a> {
    Listener {
        name,
        identity: Some(identity),
        ..Listener::default()
    }
}

/// The default of `KAFKA_TRANSACTIONAL_ID`.
fn transactional_id(topics: &Topics) -> String {
    format!("ingestion-service.{}", topics.publish)
}

/// Everything the service needs, as its interface says.
pub(crate) async fn allow_all(
    broker: &SecuredBroker,
    principal: &str,
    topics: &Topics,
) -> Result<()> {
    let id = transactional_id(topics);
    for (resource, operation) in [
        (Resource::Topic(&topics.publish), Operation::Write),
        (Resource::Topic(&topics.publish), Operation::Describe),
        (Resource::Topic(&topics.publish), Operation::Read),
        (Resource::Topic(&topics.dead_letter), Operation::Write),
        (Resource::Topic(&topics.dead_letter), Operation::Describe),
        (Resource::TransactionalId(&id), Operation::Write),
        (Resource::TransactionalId(&id), Operation::Describe),
    ] {
        broker.allow(principal, resource, operation).await?;
    }
    Ok(())
}

/// Delivers 200 matches and ends well.
async fn delivers(topics: Topics, address: &str, settings: &Settings<'_>) -> Result<()> {
    let feed = feed(Config {
        count: Some(200),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics.at(address), settings).await?;
    service.wait_for_figure("published", 200).await;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    assert_all_delivered_once(&feed, &topics).await?;
    let log = service.log().join("\n");
    let asked_for_less = "the brokers allow no transactions of 900000 ms, so they may be open for \
        60000 ms; raise transaction.max.timeout.ms";
    assert!(log.contains(asked_for_less), "{log}");
    service.stop().await
}

/// Delivers nothing, says why in all of these words, and stays alive and small.
async fn is_kept_out(
    topics: Topics,
    address: &str,
    settings: &Settings<'_>,
    words: &[&str],
) -> Result<()> {
    let feed = steady_feed(FAST).await?;
    let service = Service::start(&feed.websocket_url(), &topics.at(address), settings).await?;
    for word in words {
        wait_for_complaint(&service, "kafka", word).await;
    }
    wait_for_complaint(&service, "publish_topic", "is not known").await;
    service.wait_for_figure_above("pending", MANY).await;
    assert_eq!(service.health().await?.0, 503);
    for path in ["/livez", "/readyz"] {
        assert_eq!(service.get(path).await?.0, 200, "{path}");
    }
    assert_eq!(service.figure("published").await?, 0);
    let peak = service.peak_memory_kib()?;
    assert!(peak < OUTAGE_KIB_MAX, "{peak} KiB");
    let log = service.log().join("\n");
    assert!(!log.contains(r#""ERROR""#), "nothing panics: {log}");
    let warnings = log.matches(r#""WARN""#).count();
    assert!(warnings < 10, "health says it, once: {log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_go_only_to_brokers_with_the_right_certificate() -> Result<()> {
    let (ours, stranger) = (Authority::new("ours")?, Authority::new("stranger")?);
    let valid = ours.server(HOST, Validity::InDate)?;
    let expired = ours.server(HOST, Validity::Expired)?;
    let elsewhere = ours.server("kafka.example", Validity::InDate)?;
    let strange = stranger.server(HOST, Validity::InDate)?;
    let listeners = [
        tls("VALID", &valid),
        tls("EXPIRED", &expired),
        tls("ELSEWHERE", &elsewhere),
        tls("STRANGE", &strange),
        Listener {
            client_authority: Some(ours.pem()),
            ..tls("MUTUAL", &valid)
        },
    ];
    let broker = SecuredBroker::start(&listeners, &[]).await?;

    let (us, impostor) = (ours.client("ingestion")?, stranger.client("ingestion")?);
    let files = Files::new()?;
    let authority = files.write("ca.pem", &ours.pem())?;
    let certificate = files.write("us.pem", &us.certificate)?;
    let key = files.write("us.key", &us.key)?;
    let wrong_certificate = files.write("impostor.pem", &impostor.certificate)?;
    let wrong_key = files.write("impostor.key", &impostor.key)?;
    let believe_ours = vec![
        ("KAFKA_SECURITY_PROTOCOL", "ssl"),
        ("KAFKA_SSL_CA_LOCATION", authority.as_str()),
    ];
    let as_us = with_certificate(&believe_ours, &certificate, &key);
    let as_impostor = with_certificate(&believe_ours, &wrong_certificate, &wrong_key);
    let unencrypted = vec![("KAFKA_SECURITY_PROTOCOL", "plaintext")];

    let topics = Topics::create_on(&broker).await?;
    delivers(topics, broker.address("VALID")?, &believe_ours).await?;
    let topics = Topics::create_on(&broker).await?;
    allow_all(&broker, "User:CN=ingestion", &topics).await?;
    delivers(topics, broker.address("MUTUAL")?, &as_us).await?;

    let nobody_writes = Topics::create_on(&broker).await?;
    let not_believed = [BROKERS_CERTIFICATE, BROKERS_CERTIFICATE_ADVICE];
    let cases: [(&str, &Settings<'_>, &[&str]); 6] = [
        ("EXPIRED", &believe_ours, &not_believed),
        ("ELSEWHERE", &believe_ours, &not_believed),
        ("STRANGE", &believe_ours, &not_believed),
        ("MUTUAL", &believe_ours, &[OWN_CERTIFICATE_ADVICE]),
        ("MUTUAL", &as_impostor, &[OWN_CERTIFICATE_ADVICE]),
        ("VALID", &unencrypted, &[WRONG_PROTOCOL_ADVICE]),
    ];
    for (listener, settings, words) in cases {
        let (topics, address) = (
            nobody_writes.at(broker.bootstrap_servers()),
            broker.address(listener)?,
        );
        let kept_out = is_kept_out(topics, address, settings, words).await;
        kept_out.map_err(|error| error.context(listener))?;
    }
    assert_eq!(nobody_writes.published_ids(0).await?, Vec::<i64>::new());
    Ok(())
}

fn with_certificate<'a>(
    settings: &Settings<'a>,
    certificate: &'a str,
    key: &'a str,
) -> Settings<'a> {
    let own = [
        ("KAFKA_SSL_CERTIFICATE_LOCATION", certificate),
        ("KAFKA_SSL_KEY_LOCATION", key),
    ];
    [settings, &own[..]].concat()
}

const PRINCIPAL: &str = "User:ingestion";
const PASSWORD: &str = "zQz-right";

/// How to be the user `ingestion`.
fn login<'a>(protocol: &'a str, password: &'a str) -> Settings<'a> {
    vec![
        ("KAFKA_SECURITY_PROTOCOL", protocol),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        ("KAFKA_SASL_USERNAME", "ingestion"),
        ("KAFKA_SASL_PASSWORD", password),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_wait_for_the_right_password_and_for_permissions() -> Result<()> {
    let ours = Authority::new("ours")?;
    let valid = ours.server(HOST, Validity::InDate)?;
    let files = Files::new()?;
    let authority = files.write("ca.pem", &ours.pem())?;
    let believe_ours = [("KAFKA_SSL_CA_LOCATION", authority.as_str())];
    let listeners = [
        Listener {
            asks_for_password: true,
            ..tls("ENCRYPTED", &valid)
        },
        Listener {
            name: "OPEN",
            asks_for_password: true,
            ..Listener::default()
        },
    ];
    let user = User {
        name: "ingestion",
        password: PASSWORD,
    };
    let broker = SecuredBroker::start(&listeners, &[user]).await?;
    let (encrypted, open) = (broker.address("ENCRYPTED")?, broker.address("OPEN")?);

    let topics = Topics::create_on(&broker).await?;
    allow_all(&broker, PRINCIPAL, &topics).await?;
    let right = [&login("sasl_ssl", PASSWORD)[..], &believe_ours].concat();
    delivers(topics, encrypted, &right).await?;

    let nobody_writes = Topics::create_on(&broker).await?;
    allow_all(&broker, PRINCIPAL, &nobody_writes).await?;
    let wrong_password = [&login("sasl_ssl", "zQz-wrong")[..], &believe_ours].concat();
    let other_mechanism = [
        &login("sasl_plaintext", PASSWORD)[..],
        &[("KAFKA_SASL_MECHANISM", "SCRAM-SHA-256")],
    ]
    .concat();
    let cases: [(&str, &Settings<'_>, &[&str]); 3] = [
        (
            encrypted,
            &wrong_password,
            &[
                "Authentication failed",
                "check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
            ],
        ),
        (
            open,
            &other_mechanism,
            &["set KAFKA_SASL_MECHANISM to one that the broker supports"],
        ),
        (
            open,
            &vec![("KAFKA_SECURITY_PROTOCOL", "plaintext")],
            &[WRONG_PROTOCOL_ADVICE],
        ),
    ];
    for (address, settings, words) in cases {
        let topics = nobody_writes.at(broker.bootstrap_servers());
        is_kept_out(topics, address, settings, words).await?;
    }
    assert_eq!(nobody_writes.published_ids(0).await?, Vec::<i64>::new());
    transactions_wait_for_their_permission(&broker, open).await?;
    a_permission_is_withdrawn_and_given_back(&broker, open).await
}

async fn transactions_wait_for_their_permission(
    broker: &SecuredBroker,
    address: &str,
) -> Result<()> {
    let topics = Topics::create_on(broker).await?;
    allow_all(broker, PRINCIPAL, &topics).await?;
    let id = transactional_id(&topics);
    let resource = Resource::TransactionalId(&id);
    for operation in [Operation::Write, Operation::Describe] {
        broker.withdraw(PRINCIPAL, resource, operation).await?;
    }
    let feed = steady_feed(500.0).await?;
    let settings = login("sasl_plaintext", PASSWORD);
    let service = Service::start(&feed.websocket_url(), &topics.at(address), &settings).await?;
    let words = format!("transactions of the transactional id {id} cannot begin");
    wait_for_complaint(&service, "kafka", &words).await;
    wait_for_complaint(
        &service,
        "kafka",
        "allow this user Describe and Write on it",
    )
    .await;
    service.wait_for_figure_above("pending", 1000).await;
    assert_eq!(service.figure("published").await?, 0);

    broker.allow(PRINCIPAL, resource, Operation::Write).await?;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    settle(&feed, &service).await;
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}

async fn a_permission_is_withdrawn_and_given_back(
    broker: &SecuredBroker,
    address: &str,
) -> Result<()> {
    let topics = Topics::create_on(broker).await?;
    allow_all(broker, PRINCIPAL, &topics).await?;
    let feed = feed(Config {
        rate: 500.0,
        invalid_fraction: 0.1,
        ..Config::default()
    })
    .await?;
    let settings = login("sasl_plaintext", PASSWORD);
    let service = Service::start(&feed.websocket_url(), &topics.at(address), &settings).await?;
    service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    wait_for_deliveries(&service, RESUMES_WITHIN).await?;

    for (check, topic) in [
        ("publish_topic", &topics.publish),
        ("dead_letter_topic", &topics.dead_letter),
    ] {
        let resource = Resource::Topic(topic);
        broker
            .withdraw(PRINCIPAL, resource, Operation::Write)
            .await?;
        let words = format!("topic {topic} refuses records");
        wait_for_complaint(&service, check, &words).await;
        wait_for_complaint(&service, check, "allow this user Write on it").await;
        assert_eq!(service.health().await?.0, 503);
        let pending = service.figure("pending").await?;
        service.wait_for_figure_above("pending", pending + 50).await;
        assert!(complaint(&service, check).await?.is_some(), "it stays so");

        broker.allow(PRINCIPAL, resource, Operation::Write).await?;
        wait_for_deliveries(&service, RESUMES_WITHIN).await?;
        service.wait_for_health(HEALTH_KNOWS_WITHIN, 200).await;
    }
    settle(&feed, &service).await;
    assert_all_delivered_once(&feed, &topics).await?;
    let invalid = usize::try_from(feed.truth().sent.invalid_total())?;
    assert_eq!(topics.dead_lettered(invalid).await?.len(), invalid);
    let errors = service.log().join("\n").matches(r#""ERROR""#).count();
    assert_eq!(errors, 0, "{:#?}", service.log());
    service.stop().await
}
