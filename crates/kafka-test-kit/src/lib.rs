//! Real Apache Kafka for tests, started by the tests themselves.
//!
//! A broker comes from Java 17 and the jars that Maven fetches once into the
//! user's cache, or else from Docker. [`shared_broker`] is for tests that
//! leave it as it is: it is one a test process, or the one that
//! `KAFKA_BOOTSTRAP_SERVERS_TEST` names. [`KafkaCluster::start`] is for tests
//! that kill and pause brokers, [`SecuredBroker`] for those that meet TLS,
//! passwords and permissions, [`RobbedBroker`] for those whose acknowledgements
//! are lost, [`MisadvertisedBroker`] for those that are sent astray. These wait
//! until there is room: only a few brokers run in a process at a time. With
//! nothing to start a broker from, tests fail and say what to install; they do
//! not skip.

use anyhow::Result;
use tokio::sync::OnceCell;

mod acknowledgement_thief;
mod batches;
mod broker;
mod class_archive;
mod cluster;
mod distribution;
mod misadvertised;
mod operations;
mod permissions;
mod places;
mod requests;
mod robbed;
mod secured;

pub use acknowledgement_thief::{Appetite, Stolen};
pub use batches::Batch;
pub use cluster::{KafkaCluster, unique_topic};
pub use distribution::java_client_partitions;
pub use misadvertised::MisadvertisedBroker;
pub use permissions::{Operation, Resource};
pub use places::Quiet;
pub use robbed::RobbedBroker;
pub use secured::{Listener, SecuredBroker, User};

/// The broker that all tests of this process share, each with topics of its own.
///
/// # Errors
/// When no broker can be started, with what to do about it.
pub async fn shared_broker() -> Result<&'static KafkaCluster> {
    /// Never dropped: when the process ends, however it does, the broker's
    /// supervisor notices and stops it.
    static SHARED: OnceCell<KafkaCluster> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            match std::env::var("KAFKA_BOOTSTRAP_SERVERS_TEST") {
                Ok(servers) => Ok(KafkaCluster::external(servers)),
                Err(_) => KafkaCluster::start_shared().await,
            }
        })
        .await
}
