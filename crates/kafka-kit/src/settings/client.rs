//! How to reach Kafka, and the properties librdkafka gets from that.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use rdkafka::{ClientConfig, error::KafkaError};
use secrecy::{ExposeSecret, SecretString};
use service_kit::config::{
    Broken,
    pem::{certificates, check_key},
};
use thiserror::Error;

use super::properties::{Reserved, check_property, reason_of};

/// How to reach Kafka.
#[derive(Clone)]
pub struct ClientSettings {
    /// Where to start looking for brokers: `host:port,host:port`.
    pub bootstrap_servers: String,
    /// How brokers are spoken to.
    pub security_protocol: SecurityProtocol,
    /// How we prove who we are.
    pub sasl_mechanism: Option<SaslMechanism>,
    /// Who we are, for SASL.
    pub sasl_username: Option<String>,
    /// The proof, for SASL.
    pub sasl_password: Option<SecretString>,
    /// PEM file, or folder, of the authorities trusted to sign a broker's certificate.
    pub ssl_ca_location: Option<PathBuf>,
    /// PEM file of our own certificate.
    pub ssl_certificate_location: Option<PathBuf>,
    /// PEM file of our private key.
    pub ssl_key_location: Option<PathBuf>,
    /// Further properties of librdkafka, by name; they may hold secrets.
    pub properties: Vec<(String, String)>,
    /// Which of them are not open to change, beside those that no client opens.
    pub reserved: &'static [Reserved],
    /// What the brokers call us in their logs and quotas.
    pub client_id: String,
}

/// How brokers are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// In the clear.
    Plaintext,
    /// Over TLS.
    Ssl,
    /// In the clear, after we have proved who we are.
    SaslPlaintext,
    /// Over TLS, after we have proved who we are.
    SaslSsl,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// By its password, which the broker sees.
    Plain,
    /// By the knowledge of its password (RFC 7677).
    ScramSha256,
    /// Likewise, with a longer hash.
    ScramSha512,
}

/// Why these settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// Rules that settings break.
    #[error("wrong settings: {}", listed(.0))]
    Broken(Vec<Broken>),
    /// Properties that are wrong together, or that the machine does not allow.
    #[error("the Kafka client cannot be made: {reason}")]
    ClientRefused {
        /// What librdkafka says, without the value of a secret.
        reason: String,
    },
}

/// What every client gets.
const CLIENT_PROPERTIES: [(&str, &str); 9] = [
    // Topics are the operator's.
    ("allow.auto.create.topics", "false"),
    // Back within a second or two of the brokers.
    ("reconnect.backoff.max.ms", "1000"),
    ("retry.backoff.max.ms", "1000"),
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "5000"),
    ("socket.keepalive.enable", "true"),
    ("topic.metadata.refresh.interval.ms", "60000"),
    // Nothing is sent that nobody asked for, and nothing said that health says better.
    ("enable.metrics.push", "false"),
    ("log.connection.close", "false"),
];

impl ClientSettings {
    /// The rules these settings break beside each other, at librdkafka and in
    /// the world; files are looked into, nothing is connected.
    ///
    /// What the protocol does not use has no effect, and is not looked at.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        if self.security_protocol.uses_sasl() {
            broken.extend(self.check_sasl());
        }
        if self.security_protocol.uses_tls() {
            broken.extend(self.check_tls());
        }
        broken.extend(self.check_properties());
        broken
    }

    /// The properties of a client with these settings and its `own`, which the
    /// user's properties may overrule.
    #[must_use]
    pub fn client_config(&self, own: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in CLIENT_PROPERTIES.iter().chain(own) {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", &self.client_id)
            .set("security.protocol", self.security_protocol.as_str());
        let mechanism = self.sasl_mechanism.map(|one| one.as_str().to_owned());
        let password = self
            .sasl_password
            .as_ref()
            .map(|secret| secret.expose_secret().to_owned());
        let path = |path: &Option<PathBuf>| Some(path.as_ref()?.to_string_lossy().into_owned());
        for (name, value) in [
            ("sasl.mechanism", mechanism),
            ("sasl.username", self.sasl_username.clone()),
            ("sasl.password", password),
            ("ssl.ca.location", path(&self.ssl_ca_location)),
            (
                "ssl.certificate.location",
                path(&self.ssl_certificate_location),
            ),
            ("ssl.key.location", path(&self.ssl_key_location)),
        ] {
            if let Some(value) = value {
                config.set(name, value);
            }
        }
        config
    }

    fn check_sasl(&self) -> impl Iterator<Item = Broken> {
        let protocol = self.security_protocol.as_str();
        [
            ("KAFKA_SASL_MECHANISM", self.sasl_mechanism.is_some()),
            ("KAFKA_SASL_USERNAME", self.sasl_username.is_some()),
            ("KAFKA_SASL_PASSWORD", self.sasl_password.is_some()),
        ]
        .into_iter()
        .filter(|(_, is_given)| !is_given)
        .map(move |(variable, _)| {
            Broken::new(
                variable,
                format!("needed with KAFKA_SECURITY_PROTOCOL={protocol}"),
            )
        })
    }

    fn check_tls(&self) -> Vec<Broken> {
        const CERTIFICATE: &str = "KAFKA_SSL_CERTIFICATE_LOCATION";
        const KEY: &str = "KAFKA_SSL_KEY_LOCATION";
        let certificate = &self.ssl_certificate_location;
        let key = &self.ssl_key_location;
        let files: [(_, _, CheckFile); 3] = [
            (
                "KAFKA_SSL_CA_LOCATION",
                &self.ssl_ca_location,
                check_authorities,
            ),
            (CERTIFICATE, certificate, check_certificates),
            (KEY, key, check_key),
        ];
        let mut broken = Vec::new();
        for (variable, path, check) in files {
            let Some(path) = path else { continue };
            if let Err(reason) = check(path) {
                broken.push(Broken::new(variable, reason));
            }
        }
        match (certificate, key) {
            (Some(_), None) => broken.push(Broken::new(KEY, "needed with a certificate")),
            (None, Some(_)) => broken.push(Broken::new(CERTIFICATE, "needed with a key")),
            _ => {}
        }
        broken
    }

    fn check_properties(&self) -> Option<Broken> {
        let refused: Vec<_> = self
            .properties
            .iter()
            .filter_map(|(name, value)| check_property(name, value, self.reserved).err())
            .collect();
        (!refused.is_empty()).then(|| Broken::new("KAFKA_PROPERTIES", refused.join("; ")))
    }
}

impl SecurityProtocol {
    /// Its name, for librdkafka and in `KAFKA_SECURITY_PROTOCOL`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    const fn uses_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    const fn uses_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

impl SaslMechanism {
    /// Its name, for brokers and in `KAFKA_SASL_MECHANISM`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("security_protocol", &self.security_protocol)
            .field("sasl_mechanism", &self.sasl_mechanism)
            .field("sasl_username", &self.sasl_username)
            .field("sasl_password", &self.sasl_password)
            .field("ssl_ca_location", &self.ssl_ca_location)
            .field("ssl_certificate_location", &self.ssl_certificate_location)
            .field("ssl_key_location", &self.ssl_key_location)
            .field("properties", &names)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl SettingsError {
    /// The error of these rules, if there are any.
    ///
    /// # Errors
    /// [`SettingsError::Broken`] unless `rules` is empty.
    pub fn unless_empty(rules: Vec<Broken>) -> Result<(), Self> {
        if rules.is_empty() {
            return Ok(());
        }
        Err(Self::Broken(rules))
    }
}

impl From<KafkaError> for SettingsError {
    /// What librdkafka says against a configuration.
    fn from(error: KafkaError) -> Self {
        let reason = reason_of(error);
        Self::ClientRefused { reason }
    }
}

/// What is wrong with the file at a path.
type CheckFile = fn(&Path) -> Result<(), String>;

/// A folder of authorities is looked through only when a broker is met.
fn check_authorities(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return fs::read_dir(path)
            .map(|_| ())
            .map_err(|error| error.to_string());
    }
    check_certificates(path)
}

fn check_certificates(path: &Path) -> Result<(), String> {
    certificates(path).map(|_| ())
}

fn listed(rules: &[Broken]) -> String {
    let rules: Vec<_> = rules.iter().map(Broken::to_string).collect();
    rules.join("; ")
}
