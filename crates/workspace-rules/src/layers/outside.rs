//! Which crates of others may be named by whom. What is listed here is used:
//! a permit that nobody needs any more is reported.

use super::shape::{Role, Shape};

/// A list of crates of others, and who may name them.
pub(super) struct Permit {
    pub(super) who: Who,
    pub(super) names: &'static [&'static str],
}

/// Those whom a permit is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    /// Everyone but the vocabularies, and the crate you are reading.
    AllButDomains,
    /// The crates with one of these roles.
    Roles(&'static [Role]),
    /// The kit of a technology, and the adapters that speak it.
    Technology(&'static str),
    /// The one crate of this name.
    Named(&'static str),
}

/// A crate of others that only its technology may name, with those crates of
/// others that name it too because they belong to it.
pub(super) struct SingleOwner {
    pub(super) name: &'static str,
    pub(super) through: &'static [&'static str],
}

/// The permits, the widest first.
#[rustfmt::skip]
pub(super) const PERMITS: &[Permit] = &[
    // Errors, logs and the runtime.
    permit(Who::AllButDomains, &[
        "async-trait", "bytes", "futures-util", "thiserror", "tokio", "tokio-util", "tracing",
    ]),
    permit(Who::Roles(&[Role::Domain]), &["thiserror", "uuid"]),
    // Who is who: hashes, comparisons in constant time, secrets that are wiped and not shown.
    permit(Who::Named("identity"), &["base64", "secrecy", "sha2", "subtle", "zeroize"]),
    // A profile is a JSON document: it is patched as one (RFC 7396), and what is wrong with it has a pointer (RFC 6901).
    permit(Who::Named("user-application"), &["jiff", "serde_json"]),
    permit(Who::Roles(&[Role::Contracts]), &["jiff", "serde", "serde_json"]),
    permit(Who::Roles(&[Role::Application]), &["slab", "uuid"]),
    // Times, secrets and JSON at a border.
    permit(Who::Roles(&[Role::Adapter, Role::Api]), &["jiff", "secrecy", "serde", "serde_json"]),
    permit(Who::Roles(&[Role::Commands, Role::Demo, Role::Service, Role::Platform]), &[
        "anyhow", "clap", "jiff", "reqwest", "secrecy", "serde", "serde_json",
    ]),
    permit(Who::Roles(&[Role::Demo, Role::Service]), &["tempfile"]),
    // When something begins by itself.
    permit(Who::Roles(&[Role::Commands]), &["croner"]),
    // A file that an analyst hands in.
    permit(Who::Roles(&[Role::Service]), &["csv"]),
    permit(Who::Roles(&[Role::Rules]), &["serde_json"]),

    // What takes access tokens: signatures, and extractors for handlers.
    permit(Who::Named("auth-kit"), &["actix-web", "base64", "ring", "serde", "serde_json", "utoipa"]),
    // Documents of heroes are held packed.
    permit(Who::Named("model-http-api"), &["lz4_flex"]),
    permit(Who::Technology("clickhouse"), &["clickhouse"]),
    permit(Who::Technology("client"), &[
        "http-body-util", "hyper", "hyper-rustls", "hyper-util", "jiff", "rand", "secrecy", "serde", "tokio-rustls", "webpki-roots",
    ]),
    permit(Who::Technology("command"), &["anyhow", "base64", "clap", "jiff", "reqwest", "serde", "serde_json"]),
    permit(Who::Technology("health"), &["hdrhistogram"]),
    permit(Who::Technology("http"), &[
        "actix-cors", "actix-http", "actix-server", "actix-service", "actix-web", "governor", "jiff", "prometheus-client",
        "secrecy", "serde", "serde_json", "subtle",
        "utoipa", "utoipa-actix-web", "utoipa-swagger-ui",
    ]),
    permit(Who::Technology("journal"), &["crc32fast", "rand", "roaring"]),
    permit(Who::Technology("kafka"), &["rdkafka", "secrecy", "slab"]),
    permit(Who::Technology("ledger"), &["sqlx"]),
    permit(Who::Technology("opendota"), &[
        "base64", "percent-encoding", "secrecy", "serde_json", "tokio-rustls", "tokio-tungstenite",
    ]),
    permit(Who::Technology("postgres"), &["sqlx"]),
    permit(Who::Technology("redis"), &["redis"]),
    permit(Who::Technology("service"), &[
        "bytesize", "dotenvy", "figment", "humantime", "jiff", "rustix", "rustls-pki-types", "secrecy", "serde", "serde_json",
        "strsim", "tracing-subscriber", "url",
    ]),
    permit(Who::Technology("sql"), &["sqlx"]),
    permit(Who::Technology("sqlite"), &["sqlx"]),
    permit(Who::Technology("steam"), &["percent-encoding", "secrecy", "serde", "serde_json"]),
    permit(Who::Technology("token"), &["aws-lc-rs", "base64", "zeroize"]),
    permit(Who::Technology("warehouse"), &[
        "clickhouse", "hyper-rustls", "hyper-util", "secrecy", "tokio-rustls", "webpki-roots",
    ]),
];

/// What stays with its owner, in the order of `.cargo/deny.toml`.
#[rustfmt::skip]
pub(super) const SINGLE_OWNERS: &[SingleOwner] = &[
    single_owner("actix-web", &["actix-cors", "utoipa-actix-web", "utoipa-swagger-ui"]),
    single_owner("aws-lc-rs", &[]),
    single_owner("clickhouse", &[]),
    single_owner("dotenvy", &["sqlx-postgres"]),
    single_owner("figment", &[]),
    single_owner("libloading", &[]),
    single_owner("prometheus-client", &[]),
    single_owner("rdkafka", &[]),
    single_owner("redis", &[]),
    single_owner("roaring", &[]),
    single_owner("sqlx", &[]),
    single_owner("tokio-tungstenite", &[]),
    single_owner("utoipa", &["utoipa-actix-web", "utoipa-swagger-ui"]),
];

const fn permit(who: Who, names: &'static [&'static str]) -> Permit {
    Permit { who, names }
}

const fn single_owner(name: &'static str, through: &'static [&'static str]) -> SingleOwner {
    SingleOwner { name, through }
}

impl Who {
    /// Whether a crate is meant.
    pub(super) fn includes(self, shape: &Shape<'_>) -> bool {
        match self {
            Self::AllButDomains => shape.role != Role::Domain && shape.role != Role::Rules,
            Self::Roles(roles) => roles.contains(&shape.role),
            Self::Named(name) => shape.name == name,
            Self::Technology(technology) => {
                let speaks = matches!(shape.role, Role::Kit | Role::Client) || shape.is_adapter();
                speaks && shape.technology == Some(technology)
            }
        }
    }
}

/// Whether a crate may name one of others.
pub(super) fn is_permitted(shape: &Shape<'_>, name: &str) -> bool {
    names_anything(shape)
        || PERMITS
            .iter()
            .any(|permit| permit.who.includes(shape) && permit.names.contains(&name))
}

/// Whether nobody asks which crates of others it names.
pub(super) fn names_anything(shape: &Shape<'_>) -> bool {
    shape.role == Role::Simulator || shape.is_for_tests() && shape.role != Role::Rules
}
