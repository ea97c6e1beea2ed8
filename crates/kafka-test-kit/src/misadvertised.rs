//! A broker that sends clients astray.

use std::ops::Deref;

use anyhow::Result;
use test_kit::ports::free_ports;

use super::cluster::{Further, FurtherListener, KafkaCluster};

const NAME: &str = "ASTRAY";

/// One broker, which tells those who come by its [`address`](Self::address)
/// to go somewhere else. The plain listener sends nobody away.
pub struct MisadvertisedBroker {
    cluster: KafkaCluster,
    port: u16,
}

impl MisadvertisedBroker {
    /// Starts one that calls itself `advertised`, `host:port`, and waits until it answers.
    ///
    /// # Errors
    /// As [`KafkaCluster::start`].
    pub async fn start(advertised: &str) -> Result<Self> {
        let port = free_ports(1)?[0];
        let cluster = KafkaCluster::start_with(1, |_| {
            let mut further = Further::default();
            further.listeners.push(FurtherListener {
                name: NAME.to_owned(),
                port,
                advertised: advertised.to_owned(),
                protocol: "PLAINTEXT",
            });
            Ok(further)
        });
        Ok(Self {
            cluster: cluster.await?,
            port,
        })
    }

    /// Where it answers the first question: `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Deref for MisadvertisedBroker {
    type Target = KafkaCluster;

    fn deref(&self) -> &KafkaCluster {
        &self.cluster
    }
}
