//! The settings of the feed, as a section: `[opendota]`.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use secrecy::SecretString;
use service_kit::config::{
    Declaration, DurationBetween, FilePath, Headers, MASK, OneOf, Section, Setting, SettingsReader,
    SizeBetween, Unset, Urls, ValueParser,
};

use super::{format::StreamFormat, settings::StreamSettings};

/// Variables by which other clients find their proxy.
const PROXY_VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Short enough for a test, and never so long that a dead feed goes unnoticed for a day.
const INTERVAL: DurationBetween = DurationBetween {
    min: Duration::from_millis(10),
    max: Duration::from_hours(1),
};

/// The settings that fill [`StreamSettings`].
pub struct StreamSection {
    urls: Setting<Urls>,
    format: Setting<OneOf<StreamFormat>>,
    subscribe: Setting<Subscription>,
    headers: Setting<Headers>,
    ca_file: Setting<FilePath, Unset>,
    heartbeat: Setting<DurationBetween>,
    connect_timeout: Setting<DurationBetween>,
    idle_timeout: Setting<DurationBetween>,
    backoff_min: Setting<DurationBetween>,
    backoff_max: Setting<DurationBetween>,
    message_size_max: Setting<SizeBetween>,
}

impl StreamSection {
    /// The feed of `OpenDota`, with patience for a busy one.
    pub const DEFAULT: Self = Self {
        urls: Setting {
            variable: "OPENDOTA_STREAM_URL",
            default: "wss://stream.opendota.com/matches",
            help: "The feed: one address or several, the preferred one first, each of which steps in \
                   when those before it fail or are silent",
            parser: Urls {
                schemes: &["ws", "wss"],
                entries_max: 8,
            },
        },
        format: Setting {
            variable: "OPENDOTA_STREAM_FORMAT",
            default: "object",
            help: "How matches stand in messages: one object each, an envelope \
                   `{\"type\":\"MATCH\",\"message\":{\"match\":{…}}}` each, or one object a line",
            parser: OneOf(&[
                ("object", StreamFormat::Object),
                ("envelope", StreamFormat::Envelope),
                ("lines", StreamFormat::Lines),
            ]),
        },
        subscribe: Setting {
            variable: "OPENDOTA_STREAM_SUBSCRIBE",
            default: "",
            help: "Text that is sent after each connect, for feeds that wait for one",
            parser: Subscription,
        },
        headers: Setting {
            variable: "OPENDOTA_STREAM_HEADERS",
            default: "",
            help: "Further headers of the request that opens the feed; of the subprotocols in \
                   `Sec-WebSocket-Protocol`, which may be given several times, the feed may choose one",
            parser: Headers,
        },
        ca_file: Setting {
            variable: "OPENDOTA_STREAM_CA_FILE",
            default: Unset("(none)"),
            help: "PEM file of authorities trusted beside the public ones",
            parser: FilePath,
        },
        heartbeat: Setting {
            variable: "OPENDOTA_STREAM_HEARTBEAT",
            default: "30s",
            help: "Time between pings; one that stays unanswered for as long means to reconnect",
            parser: INTERVAL,
        },
        connect_timeout: Setting {
            variable: "OPENDOTA_STREAM_CONNECT_TIMEOUT",
            default: "10s",
            help: "Time for DNS, TCP, TLS and upgrade together",
            parser: INTERVAL,
        },
        idle_timeout: Setting {
            variable: "OPENDOTA_STREAM_IDLE_TIMEOUT",
            default: "60s",
            help: "Time without a data frame that means to reconnect; pings are no data",
            parser: INTERVAL,
        },
        backoff_min: Setting {
            variable: "OPENDOTA_STREAM_BACKOFF_MIN",
            default: "500ms",
            help: "Shortest wait before reconnecting; it grows until the feed has proved itself with data",
            parser: INTERVAL,
        },
        backoff_max: Setting {
            variable: "OPENDOTA_STREAM_BACKOFF_MAX",
            default: "30s",
            help: "Longest wait before reconnecting, unless the feed itself asks for a longer one",
            parser: INTERVAL,
        },
        message_size_max: Setting {
            variable: "OPENDOTA_STREAM_MESSAGE_SIZE_MAX",
            default: "16MiB",
            help: "Largest message; a larger one costs the connection, not the service",
            parser: SizeBetween {
                min: 1024,
                max: 1024 * 1024 * 1024,
            },
        },
    };

    /// What is in force, in a process with this environment.
    pub fn read(
        &self,
        reader: &mut SettingsReader,
        environment: &[(OsString, OsString)],
    ) -> StreamSettings {
        let message_size_max = reader.get(&self.message_size_max);
        let urls = reader.get(&self.urls);
        let ca_file = reader.get_optional(&self.ca_file);
        let settings = StreamSettings {
            urls: urls.into_iter().map(SecretString::from).collect(),
            format: reader.get(&self.format),
            subscribe: reader.get(&self.subscribe),
            headers: reader.get(&self.headers),
            ca_file: ca_file.map(|path| reader.located(&path)),
            heartbeat: reader.get(&self.heartbeat),
            connect_timeout: reader.get(&self.connect_timeout),
            idle_timeout: reader.get(&self.idle_timeout),
            backoff_min: reader.get(&self.backoff_min),
            backoff_max: reader.get(&self.backoff_max),
            message_size_max: usize::try_from(message_size_max).unwrap_or(usize::MAX),
            proxy_variables: proxy_variables(environment),
        };
        reader.refuse_all(settings.check());
        settings
    }
}

impl Section for StreamSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.urls,
            &self.format,
            &self.subscribe,
            &self.headers,
            &self.ca_file,
            &self.heartbeat,
            &self.connect_timeout,
            &self.idle_timeout,
            &self.backoff_min,
            &self.backoff_max,
            &self.message_size_max,
        ]
    }
}

/// More than any feed wants to be told, and it fits the buffer for what is written.
const SUBSCRIPTION_BYTES_MAX: usize = 8 * 1024;

/// A text for the feed, or none. It often holds a token, so it is masked.
struct Subscription;

impl ValueParser for Subscription {
    type Value = Option<SecretString>;

    fn parse(&self, text: &str) -> Result<Self::Value, String> {
        if text.len() > SUBSCRIPTION_BYTES_MAX {
            return Err("too long".to_owned());
        }
        Ok((!text.is_empty()).then(|| text.into()))
    }

    fn allowed(&self) -> String {
        "a text of at most 8 KiB".to_owned()
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, text: &str) -> String {
        if text.is_empty() { "" } else { MASK }.to_owned()
    }
}

/// The variables that name a proxy.
fn proxy_variables(environment: &[(OsString, OsString)]) -> Vec<String> {
    let is_set = |name: &str| {
        environment
            .iter()
            .any(|(variable, value)| variable == OsStr::new(name) && !value.is_empty())
    };
    let set = PROXY_VARIABLES.into_iter().filter(|name| is_set(name));
    set.map(str::to_owned).collect()
}
