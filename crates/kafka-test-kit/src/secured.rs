//! A broker that does not let everybody in.

use std::{fs, ops::Deref, path::Path};

use anyhow::{Context as _, Result};
use test_kit::{certificates::Identity, ports::free_ports};

use super::cluster::{Further, FurtherListener, KafkaCluster};

/// A listener beside the plain one.
#[derive(Default)]
pub struct Listener<'a> {
    /// What the test calls it: capital letters, one of a kind.
    pub name: &'a str,
    /// With an identity it speaks TLS and shows this one; without, plain text.
    pub identity: Option<&'a Identity>,
    /// Clients must show a certificate of this authority, here as PEM.
    pub client_authority: Option<String>,
    /// Clients must be one of the users and prove it by SCRAM-SHA-512.
    pub asks_for_password: bool,
}

/// Somebody whom a listener with passwords knows.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// Who it is.
    pub name: &'a str,
    /// Without spaces, quotes, commas and brackets.
    pub password: &'a str,
}

/// One broker with several listeners and an authorizer, which keeps
/// transactions open for a minute at most.
///
/// Through its plain listener, and through one that asks for nobody's name,
/// everything is allowed: there the tests themselves make topics and read
/// them. Everybody else may do only what [`allow`](Self::allow) has allowed.
pub struct SecuredBroker {
    cluster: KafkaCluster,
    /// Names of listeners and where to reach them.
    addresses: Vec<(String, String)>,
}

impl SecuredBroker {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// As [`KafkaCluster::start`].
    pub async fn start(listeners: &[Listener<'_>], users: &[User<'_>]) -> Result<Self> {
        let ports = free_ports(listeners.len())?;
        let cluster = KafkaCluster::start_with(1, |folder| {
            let mut further = Further {
                properties: [AUTHORIZER, SHORT_TRANSACTIONS].concat(),
                ..Further::default()
            };
            for (listener, port) in listeners.iter().zip(&ports) {
                further.listeners.push(FurtherListener {
                    name: listener.name.to_owned(),
                    port: *port,
                    advertised: format!("127.0.0.1:{port}"),
                    protocol: listener.protocol(),
                });
                further.properties += &listener.properties(folder)?;
            }
            let users = users.iter().map(|User { name, password }| {
                format!("--add-scram SCRAM-SHA-512=[name={name},password={password}]")
            });
            further.format_options = users.collect::<Vec<_>>().join(" ");
            Ok(further)
        });
        let addresses = listeners.iter().zip(&ports).map(|(listener, port)| {
            let address = format!("127.0.0.1:{port}");
            (listener.name.to_owned(), address)
        });
        Ok(Self {
            addresses: addresses.collect(),
            cluster: cluster.await?,
        })
    }

    /// Where to reach the listener of this name: `127.0.0.1:port`.
    ///
    /// # Errors
    /// When there is none.
    pub fn address(&self, listener: &str) -> Result<&str> {
        let found = self.addresses.iter().find(|(name, _)| name == listener);
        let (_, address) = found.with_context(|| format!("no listener is called {listener}"))?;
        Ok(address)
    }
}

impl Deref for SecuredBroker {
    type Target = KafkaCluster;

    fn deref(&self) -> &KafkaCluster {
        &self.cluster
    }
}

/// Those without a name are the tests, and the broker itself.
const AUTHORIZER: &str = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
     super.users=User:ANONYMOUS\n";

/// A quarter of an hour is what brokers allow by default.
const SHORT_TRANSACTIONS: &str = "transaction.max.timeout.ms=60000\n";

const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

impl Listener<'_> {
    fn protocol(&self) -> &'static str {
        match (self.identity, self.asks_for_password) {
            (None, false) => "PLAINTEXT",
            (Some(_), false) => "SSL",
            (None, true) => "SASL_PLAINTEXT",
            (Some(_), true) => "SASL_SSL",
        }
    }

    /// Its lines in the configuration; what they name is written to `folder`.
    fn properties(&self, folder: &Path) -> Result<String> {
        let name = self.name.to_lowercase();
        let file = |ending: &str, text: String| -> Result<String> {
            let file = folder.join(name.clone() + ending);
            fs::write(&file, text)?;
            Ok(file.display().to_string())
        };
        let mut properties = Vec::new();
        if let Some(Identity { certificate, key }) = self.identity {
            let file = file(".pem", format!("{key}{certificate}"))?;
            properties.push("ssl.keystore.type=PEM".to_owned());
            properties.push(format!("ssl.keystore.location={file}"));
        }
        if let Some(authority) = &self.client_authority {
            let file = file("-clients.pem", authority.clone())?;
            properties.push("ssl.client.auth=required".to_owned());
            properties.push("ssl.truststore.type=PEM".to_owned());
            properties.push(format!("ssl.truststore.location={file}"));
        }
        if self.asks_for_password {
            properties.push("sasl.enabled.mechanisms=SCRAM-SHA-512".to_owned());
            properties.push(format!("scram-sha-512.sasl.jaas.config={SCRAM} required;"));
        }
        let lines = properties
            .iter()
            .map(|property| format!("listener.name.{name}.{property}"));
        Ok(lines.collect::<Vec<_>>().join("\n") + "\n")
    }
}
