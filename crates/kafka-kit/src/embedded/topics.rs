//! Makes, widens and removes topics.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication, TopicResult},
    client::DefaultClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    metadata::{Metadata, MetadataPartition, MetadataTopic},
    producer::{BaseProducer, Producer},
};
use tokio::{
    task,
    time::{Instant, sleep},
};

use super::EmbeddedError;

/// How long the brokers have for it; a cluster that has just started takes a few seconds.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long one answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Makes a topic and waits until it can be written; `configs` are the topic's own.
///
/// # Errors
/// [`EmbeddedError`] when Kafka refuses, or takes longer than half a minute.
pub async fn create_topic(
    bootstrap_servers: &str,
    topic: &str,
    partitions: usize,
    replicas: usize,
    configs: &[(&str, &str)],
) -> Result<(), EmbeddedError> {
    let action = format!("creating the topic {topic}");
    let refused = || EmbeddedError::refused(action.clone());
    let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
    let replicas = TopicReplication::Fixed(i32::try_from(replicas).unwrap_or(i32::MAX));
    let new = configs.iter().fold(
        NewTopic::new(topic, partitions, replicas),
        |new, (name, value)| new.set(name, value),
    );
    let client = admin_client(bootstrap_servers).map_err(refused())?;
    let created = client.create_topics(&[new], &options()).await;
    first_result(created).map_err(refused())?;
    wait_until(bootstrap_servers, Some(topic), &action, |metadata| {
        let known = topic_partitions(metadata);
        !known.is_empty() && known.iter().all(|partition| partition.leader() >= 0)
    })
    .await
}

/// Gives a topic more partitions and waits until all `partitions` can be written.
///
/// # Errors
/// [`EmbeddedError`] when Kafka refuses, or takes longer than half a minute.
pub async fn add_partitions(
    bootstrap_servers: &str,
    topic: &str,
    partitions: usize,
) -> Result<(), EmbeddedError> {
    let action = format!("adding partitions to the topic {topic}");
    let refused = || EmbeddedError::refused(action.clone());
    let client = admin_client(bootstrap_servers).map_err(refused())?;
    let wider = NewPartitions::new(topic, partitions);
    let added = client.create_partitions(&[wider], &options()).await;
    first_result(added).map_err(refused())?;
    wait_until(bootstrap_servers, Some(topic), &action, |metadata| {
        let known = topic_partitions(metadata);
        known.len() == partitions && known.iter().all(|partition| partition.leader() >= 0)
    })
    .await
}

/// Removes a topic and waits until it is gone.
///
/// # Errors
/// [`EmbeddedError`] when Kafka refuses, or takes longer than half a minute.
pub async fn delete_topic(bootstrap_servers: &str, topic: &str) -> Result<(), EmbeddedError> {
    let action = format!("deleting the topic {topic}");
    let refused = || EmbeddedError::refused(action.clone());
    let client = admin_client(bootstrap_servers).map_err(refused())?;
    let deleted = client.delete_topics(&[topic], &options()).await;
    first_result(deleted).map_err(refused())?;
    wait_until(bootstrap_servers, Some(topic), &action, |metadata| {
        topic_partitions(metadata).is_empty()
    })
    .await
}

/// Waits until `count` brokers answer for the cluster.
///
/// # Errors
/// [`EmbeddedError::DeadlinePassed`] after half a minute.
pub async fn wait_for_brokers(bootstrap_servers: &str, count: usize) -> Result<(), EmbeddedError> {
    let action = format!("waiting for {count} brokers at {bootstrap_servers}");
    wait_until(bootstrap_servers, None, &action, |metadata| {
        metadata.brokers().len() == count
    })
    .await
}

/// Waits until `count` brokers answer for the cluster, and each partition has a leader.
///
/// # Errors
/// [`EmbeddedError::DeadlinePassed`] after half a minute.
pub async fn wait_for_leaders(bootstrap_servers: &str, count: usize) -> Result<(), EmbeddedError> {
    let action = format!("waiting for {count} brokers at {bootstrap_servers} and all leaders");
    wait_until(bootstrap_servers, None, &action, |metadata| {
        let mut partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        metadata.brokers().len() == count && partitions.all(|partition| partition.leader() >= 0)
    })
    .await
}

/// Asks for the metadata of a topic, or of all, until they are as wanted.
async fn wait_until(
    bootstrap_servers: &str,
    topic: Option<&str>,
    action: &str,
    wanted: impl Fn(&Metadata) -> bool,
) -> Result<(), EmbeddedError> {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        let (servers, topic) = (bootstrap_servers.to_owned(), topic.map(str::to_owned));
        let asking = task::spawn_blocking(move || metadata(&servers, topic.as_deref()));
        let metadata = asking.await.expect("asking does not panic");
        if metadata.is_ok_and(|metadata| wanted(&metadata)) {
            return Ok(());
        }
        sleep(ASK_AGAIN_AFTER).await;
    }
    Err(EmbeddedError::DeadlinePassed {
        action: action.to_owned(),
        deadline: DEADLINE,
    })
}

fn metadata(bootstrap_servers: &str, topic: Option<&str>) -> Result<Metadata, KafkaError> {
    let client: BaseProducer = config(bootstrap_servers).create()?;
    client.client().fetch_metadata(topic, ANSWER_TIME_MAX)
}

fn topic_partitions(metadata: &Metadata) -> &[MetadataPartition] {
    metadata
        .topics()
        .first()
        .map_or(&[], MetadataTopic::partitions)
}

fn first_result(results: Result<Vec<TopicResult>, KafkaError>) -> Result<(), KafkaError> {
    match results?.into_iter().next() {
        Some(Err((_, code))) => Err(KafkaError::AdminOp(code)),
        Some(Ok(_)) => Ok(()),
        None => Err(KafkaError::AdminOp(RDKafkaErrorCode::Fail)),
    }
}

fn admin_client(servers: &str) -> Result<AdminClient<DefaultClientContext>, KafkaError> {
    config(servers).create()
}

pub(super) fn config(bootstrap_servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap_servers)
        .set("allow.auto.create.topics", "false")
        // A broker that is starting is asked again soon.
        .set("reconnect.backoff.max.ms", "100")
        .set("log.connection.close", "false");
    config
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(DEADLINE))
        .operation_timeout(Some(DEADLINE))
}
