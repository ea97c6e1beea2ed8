//! A broker whose acknowledgements can be lost.

use std::ops::Deref;

use anyhow::Result;
use test_kit::ports::free_ports;

use super::{
    acknowledgement_thief::{AcknowledgementThief, Appetite, Stolen},
    cluster::{Further, FurtherListener, KafkaCluster},
};

const NAME: &str = "ROBBED";

/// One broker, and a thief between it and those who come by its
/// [`address`](Self::address). The plain listener is nobody's prey.
pub struct RobbedBroker {
    thief: AcknowledgementThief,
    cluster: KafkaCluster,
}

impl RobbedBroker {
    /// Starts it and waits until it answers; nothing is stolen yet. The same
    /// seed makes the same choices, as far as the same requests come.
    ///
    /// # Errors
    /// As [`KafkaCluster::start`].
    pub async fn start(seed: u64) -> Result<Self> {
        let port = free_ports(1)?[0];
        let thief = AcknowledgementThief::start(free_ports(1)?[0], port, seed).await?;
        let advertised = format!("127.0.0.1:{}", thief.port());
        let cluster = KafkaCluster::start_with(1, |_| {
            let mut further = Further::default();
            further.listeners.push(FurtherListener {
                name: NAME.to_owned(),
                port,
                advertised: advertised.clone(),
                protocol: "PLAINTEXT",
            });
            Ok(further)
        });
        Ok(Self {
            cluster: cluster.await?,
            thief,
        })
    }

    /// Where to reach it past the thief: `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.thief.port())
    }

    /// From now on answers are stolen: a stolen one and all that follow it on
    /// its connection are dropped, and a moment later the connection is cut.
    pub fn steal(&self, appetite: Appetite) {
        self.thief.steal(appetite);
    }

    /// What has been stolen so far.
    #[must_use]
    pub fn stolen(&self) -> Stolen {
        self.thief.stolen()
    }
}

impl Deref for RobbedBroker {
    type Target = KafkaCluster;

    fn deref(&self) -> &KafkaCluster {
        &self.cluster
    }
}
