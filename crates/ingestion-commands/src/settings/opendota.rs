//! `[opendota]`: where matches come from.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use ingestion_opendota_adapter::stream::{SettingProblem, StreamSettings};
use service_kit::config::pem::certificates;
use service_kit::config::{
    Declaration, DurationBetween, FilePath, Headers, Setting, SettingsReader, SizeBetween, Unset,
    Url,
};

/// Variables by which other clients find their proxy.
const PROXY_VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[
    &URL,
    &HEADERS,
    &CA_FILE,
    &HEARTBEAT,
    &CONNECT_TIMEOUT,
    &IDLE_TIMEOUT,
    &BACKOFF_MIN,
    &BACKOFF_MAX,
    &MESSAGE_SIZE_MAX,
];

const URL: Setting<Url> = Setting {
    variable: "OPENDOTA_STREAM_URL",
    default: "wss://stream.opendota.com/matches",
    help: "The feed",
    parser: Url {
        schemes: &["ws", "wss"],
    },
};
const HEADERS: Setting<Headers> = Setting {
    variable: "OPENDOTA_STREAM_HEADERS",
    default: "",
    help: "Further headers of the request that opens the feed; of the subprotocols in \
           `Sec-WebSocket-Protocol`, which may be given several times, the feed may choose one",
    parser: Headers,
};
const CA_FILE: Setting<FilePath, Unset> = Setting {
    variable: "OPENDOTA_STREAM_CA_FILE",
    default: Unset("(none)"),
    help: "PEM file of authorities trusted beside the public ones",
    parser: FilePath,
};
const HEARTBEAT: Setting<DurationBetween> = Setting {
    variable: "OPENDOTA_STREAM_HEARTBEAT",
    default: "30s",
    help: "Time between pings; one that stays unanswered for as long means to reconnect",
    parser: INTERVAL,
};
const CONNECT_TIMEOUT: Setting<DurationBetween> = Setting {
    variable: "OPENDOTA_STREAM_CONNECT_TIMEOUT",
    default: "10s",
    help: "Time for DNS, TCP, TLS and upgrade together",
    parser: INTERVAL,
};
const IDLE_TIMEOUT: Setting<DurationBetween> = Setting {
    variable: "OPENDOTA_STREAM_IDLE_TIMEOUT",
    default: "60s",
    help: "Time without a data frame that means to reconnect; pings are no data",
    parser: INTERVAL,
};
const BACKOFF_MIN: Setting<DurationBetween> = Setting {
    variable: "OPENDOTA_STREAM_BACKOFF_MIN",
    default: "500ms",
    help: "Shortest wait before reconnecting; it grows until the feed has proved itself with data",
    parser: INTERVAL,
};
const BACKOFF_MAX: Setting<DurationBetween> = Setting {
    variable: "OPENDOTA_STREAM_BACKOFF_MAX",
    default: "30s",
    help: "Longest wait before reconnecting, unless the feed itself asks for a longer one",
    parser: INTERVAL,
};
const MESSAGE_SIZE_MAX: Setting<SizeBetween> = Setting {
    variable: "OPENDOTA_STREAM_MESSAGE_SIZE_MAX",
    default: "16MiB",
    help: "Largest message; a larger one costs the connection, not the service",
    parser: SizeBetween {
        min: 1024,
        max: 1024 * 1024 * 1024,
    },
};

/// Short enough for a test, and never so long that a dead feed goes unnoticed for a day.
const INTERVAL: DurationBetween = DurationBetween {
    min: Duration::from_millis(10),
    max: Duration::from_hours(1),
};

/// The variables of this environment that name a proxy.
pub(super) fn proxy_variables(environment: &[(OsString, OsString)]) -> Vec<String> {
    let is_set = |name: &str| {
        environment
            .iter()
            .any(|(variable, value)| variable == name && !value.is_empty())
    };
    let set = PROXY_VARIABLES.into_iter().filter(|name| is_set(name));
    set.map(str::to_owned).collect()
}

pub(super) fn read(
    reader: &mut SettingsReader,
    working_dir: &Path,
    proxy_variables: Vec<String>,
) -> StreamSettings {
    let message_size_max = reader.get(&MESSAGE_SIZE_MAX);
    let settings = StreamSettings {
        url: reader.get(&URL).into(),
        headers: reader.get(&HEADERS),
        ca_file: reader
            .get_optional(&CA_FILE)
            .map(|path| working_dir.join(path)),
        heartbeat: reader.get(&HEARTBEAT),
        connect_timeout: reader.get(&CONNECT_TIMEOUT),
        idle_timeout: reader.get(&IDLE_TIMEOUT),
        backoff_min: reader.get(&BACKOFF_MIN),
        backoff_max: reader.get(&BACKOFF_MAX),
        message_size_max: usize::try_from(message_size_max).unwrap_or(usize::MAX),
        proxy_variables,
    };
    // What is wrong with the file as PEM is said more exactly here.
    if let Some(Err(reason)) = settings.ca_file.as_deref().map(certificates) {
        reader.refuse(&CA_FILE, &reason);
    }
    if let Err(wrong) = settings.check() {
        for SettingProblem { setting, problem } in wrong.problems {
            let variable = format!("OPENDOTA_STREAM_{}", setting.to_uppercase());
            let declaration = DECLARATIONS
                .iter()
                .find(|declaration| declaration.variable() == variable)
                .expect("every setting of the feed is declared under its name");
            reader.refuse(*declaration, &problem);
        }
    }
    settings
}
