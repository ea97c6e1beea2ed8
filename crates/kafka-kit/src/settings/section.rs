//! The settings of a client, as a section.

use service_kit::config::{
    Declaration, FilePath, HostPorts, OneOf, Parsed, Properties, SecretText, Section, Setting,
    SettingsReader, Unset,
};

use super::{
    client::{ClientSettings, SaslMechanism, SecurityProtocol},
    properties::Reserved,
};

/// The settings that fill [`ClientSettings`].
pub struct ClientSection {
    bootstrap_servers: Setting<HostPorts>,
    security_protocol: Setting<OneOf<SecurityProtocol>>,
    sasl_mechanism: Setting<OneOf<SaslMechanism>, Unset>,
    sasl_username: Setting<Parsed<String>, Unset>,
    sasl_password: Setting<SecretText, Unset>,
    ssl_ca_location: Setting<FilePath, Unset>,
    ssl_certificate_location: Setting<FilePath, Unset>,
    ssl_key_location: Setting<FilePath, Unset>,
    properties: Setting<Properties>,
    reserved: &'static [Reserved],
}

impl ClientSection {
    /// A broker on this machine, in the clear.
    pub const DEFAULT: Self = Self {
        bootstrap_servers: Setting {
            variable: "KAFKA_BOOTSTRAP_SERVERS",
            default: "localhost:9092",
            help: "Brokers to ask for the others",
            parser: HostPorts,
        },
        security_protocol: Setting {
            variable: "KAFKA_SECURITY_PROTOCOL",
            default: SecurityProtocol::Plaintext.as_str(),
            help: "How brokers are spoken to",
            parser: OneOf(&[
                (
                    SecurityProtocol::Plaintext.as_str(),
                    SecurityProtocol::Plaintext,
                ),
                (SecurityProtocol::Ssl.as_str(), SecurityProtocol::Ssl),
                (
                    SecurityProtocol::SaslPlaintext.as_str(),
                    SecurityProtocol::SaslPlaintext,
                ),
                (
                    SecurityProtocol::SaslSsl.as_str(),
                    SecurityProtocol::SaslSsl,
                ),
            ]),
        },
        sasl_mechanism: Setting {
            variable: "KAFKA_SASL_MECHANISM",
            default: Unset("(none)"),
            help: "How the service proves who it is; needed with sasl_plaintext and sasl_ssl",
            parser: OneOf(&[
                (SaslMechanism::Plain.as_str(), SaslMechanism::Plain),
                (
                    SaslMechanism::ScramSha256.as_str(),
                    SaslMechanism::ScramSha256,
                ),
                (
                    SaslMechanism::ScramSha512.as_str(),
                    SaslMechanism::ScramSha512,
                ),
            ]),
        },
        sasl_username: Setting {
            variable: "KAFKA_SASL_USERNAME",
            default: Unset("(none)"),
            help: "Name of the service's user; needed with sasl_plaintext and sasl_ssl",
            parser: NOT_EMPTY,
        },
        sasl_password: Setting {
            variable: "KAFKA_SASL_PASSWORD",
            default: Unset("(none)"),
            help: "Password of the service's user; needed with sasl_plaintext and sasl_ssl",
            parser: SecretText {
                allowed: NOT_EMPTY.allowed,
                accepts: |c| c != '\0',
            },
        },
        ssl_ca_location: Setting {
            variable: "KAFKA_SSL_CA_LOCATION",
            default: Unset("(the system's)"),
            help: "PEM file, or folder, of the authorities trusted to vouch for brokers",
            parser: FilePath,
        },
        ssl_certificate_location: Setting {
            variable: "KAFKA_SSL_CERTIFICATE_LOCATION",
            default: Unset("(none)"),
            help: "PEM file of the service's own certificate; goes with KAFKA_SSL_KEY_LOCATION",
            parser: FilePath,
        },
        ssl_key_location: Setting {
            variable: "KAFKA_SSL_KEY_LOCATION",
            default: Unset("(none)"),
            help: "PEM file of the service's own key; goes with KAFKA_SSL_CERTIFICATE_LOCATION",
            parser: FilePath,
        },
        properties: Setting {
            variable: "KAFKA_PROPERTIES",
            default: "",
            help: "Further properties of librdkafka; those the service's promises rest on, and \
                   those with a setting of their own, are refused by name",
            parser: Properties,
        },
        reserved: &[],
    };

    /// With further properties that are not open to change, as the promises of
    /// the service rest on them or settings of its own set them.
    #[must_use]
    pub const fn with_reserved(mut self, reserved: &'static [Reserved]) -> Self {
        self.reserved = reserved;
        self
    }

    /// What is in force, for a service of this name.
    pub fn read(&self, reader: &mut SettingsReader, service_name: &str) -> ClientSettings {
        let mut file = |setting: &Setting<FilePath, Unset>| {
            let path = reader.get_optional(setting)?;
            Some(reader.located(&path))
        };
        let ssl_ca_location = file(&self.ssl_ca_location);
        let ssl_certificate_location = file(&self.ssl_certificate_location);
        let ssl_key_location = file(&self.ssl_key_location);
        let settings = ClientSettings {
            bootstrap_servers: reader.get(&self.bootstrap_servers),
            security_protocol: reader.get(&self.security_protocol),
            sasl_mechanism: reader.get_optional(&self.sasl_mechanism),
            sasl_username: reader.get_optional(&self.sasl_username),
            sasl_password: reader.get_optional(&self.sasl_password),
            ssl_ca_location,
            ssl_certificate_location,
            ssl_key_location,
            properties: reader.get(&self.properties),
            reserved: self.reserved,
            client_id: service_name.to_owned(),
        };
        reader.refuse_all(settings.check());
        settings
    }
}

impl Section for ClientSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.bootstrap_servers,
            &self.security_protocol,
            &self.sasl_mechanism,
            &self.sasl_username,
            &self.sasl_password,
            &self.ssl_ca_location,
            &self.ssl_certificate_location,
            &self.ssl_key_location,
            &self.properties,
        ]
    }
}

/// The name of a topic, by the rule of Kafka's own `Topic.validate`.
pub const TOPIC_NAME: Parsed<String> = Parsed {
    allowed: "1 to 249 of letters, digits, dot, underscore and hyphen",
    parse: topic_name,
};

/// What may name a topic, or nothing for none.
pub const TOPIC_NAME_OR_NONE: Parsed<Option<String>> = Parsed {
    allowed: "nothing, or 1 to 249 of letters, digits, dot, underscore and hyphen",
    parse: |text| match text {
        "" => Ok(None),
        text => topic_name(text).map(Some),
    },
};

/// Any text with something in it.
pub const NOT_EMPTY: Parsed<String> = Parsed {
    allowed: "a text that is not empty",
    parse: not_empty,
};

fn topic_name(text: &str) -> Result<String, String> {
    let is_legal = (1..=249).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if is_legal {
        Ok(text.to_owned())
    } else {
        Err("no name of a Kafka topic".to_owned())
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("empty".to_owned());
    }
    Ok(text.to_owned())
}
