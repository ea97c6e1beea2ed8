//! What holds for every file and environment, whatever is in it; fuzzed by
//! `crates/fuzz`, too.

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt, path::Path, time::Duration};

use service_kit::config::{
    Declaration, DurationBetween, FilePath, Headers, HostPorts, Integer, OneOf, Origins, Parsed,
    Properties, Report, SecretText, Setting, SettingsReader, SizeBetween, Sources, Unset, Url,
    WrongSettings,
};
use tempfile::TempDir;

const LINGER: Setting<DurationBetween> = Setting {
    variable: "QUEUE_LINGER",
    default: "10ms",
    help: "How long to wait",
    parser: DurationBetween {
        min: Duration::ZERO,
        max: Duration::from_secs(9),
    },
};
const NAME: Setting<Parsed<String>> = Setting {
    variable: "QUEUE_NAME",
    default: "raw",
    help: "What it is called",
    parser: Parsed {
        allowed: "up to nine characters",
        parse: |text| match text.chars().nth(9) {
            None => Ok(text.to_owned()),
            Some(_) => Err("too long".to_owned()),
        },
    },
};
const SIZE: Setting<SizeBetween> = Setting {
    variable: "QUEUE_SIZE",
    default: "1MiB",
    help: "How much it holds",
    parser: SizeBetween {
        min: 1,
        max: 1 << 40,
    },
};
const SERVERS: Setting<HostPorts> = Setting {
    variable: "QUEUE_SERVERS",
    default: "localhost:9092",
    help: "Where it is",
    parser: HostPorts,
};
const PROPERTIES: Setting<Properties> = Setting {
    variable: "QUEUE_PROPERTIES",
    default: "",
    help: "What else is so",
    parser: Properties,
};
const ADDRESS: Setting<Url, Unset> = Setting {
    variable: "FEED_URL",
    default: Unset("(none)"),
    help: "Where matches come from",
    parser: Url {
        schemes: &["ws", "wss"],
    },
};
const HEADERS: Setting<Headers> = Setting {
    variable: "FEED_HEADERS",
    default: "",
    help: "What is sent along",
    parser: Headers,
};
const AUTHORITIES: Setting<FilePath, Unset> = Setting {
    variable: "FEED_CA_FILE",
    default: Unset("(none)"),
    help: "Who is trusted",
    parser: FilePath,
};
const PORT: Setting<Integer<u16>> = Setting {
    variable: "API_PORT",
    default: "8000",
    help: "Where to listen",
    parser: Integer { min: 1, max: 9999 },
};
const PASSWORD: Setting<SecretText, Unset> = Setting {
    variable: "API_PASSWORD",
    default: Unset("(none)"),
    help: "Who may come in",
    parser: SecretText {
        allowed: "ASCII",
        accepts: |c| c.is_ascii(),
    },
};
const ORIGINS: Setting<Origins> = Setting {
    variable: "API_ORIGINS",
    default: "*",
    help: "Which pages may ask",
    parser: Origins,
};
const FORMAT: Setting<OneOf<u8>> = Setting {
    variable: "LOG_FORMAT",
    default: "json",
    help: "How lines look",
    parser: OneOf(&[("json", 1), ("text", 2)]),
};
/// One of every kind.
const ALL: &[&dyn Declaration] = &[
    &LINGER,
    &NAME,
    &SIZE,
    &SERVERS,
    &PROPERTIES,
    &ADDRESS,
    &HEADERS,
    &AUTHORITIES,
    &PORT,
    &PASSWORD,
    &ORIGINS,
    &FORMAT,
];

/// Stands in every planted secret, and nowhere else.
const PLANTED: &str = "zQz-zQz";
/// A value, its origin and what is allowed, for each problem: what is shown of
/// a value is limited, and so are paths.
const MESSAGE_BYTES_PER_INPUT_BYTE_MAX: usize = 64;
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Loads settings from the parts of `bytes`, parted by NUL: TOML file, `.env`,
/// environment (a line each), and a text that becomes part of secrets; without
/// that nothing is planted.
///
/// # Panics
/// When a rule is broken.
pub(crate) fn check(bytes: &[u8]) {
    if bytes
        .windows(PLANTED.len())
        .any(|part| part == PLANTED.as_bytes())
    {
        return;
    }
    let mut parts = bytes.split(|byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let [toml, env_file, environment, spice] = [next(), next(), next(), next()];
    let environment = variables(environment);
    if spice.is_empty() {
        let messages = load(toml, env_file, environment);
        let limit = MESSAGE_BYTES_MAX + bytes.len() * MESSAGE_BYTES_PER_INPUT_BYTE_MAX;
        assert!(messages.len() <= limit, "{} bytes", messages.len());
        return;
    }
    let spice = String::from_utf8_lossy(spice);
    let secret = format!("{spice}{PLANTED}{spice}");
    let in_environment = environment.into_iter().chain(secret_variables(&secret));
    hides(&load(toml, env_file, in_environment.collect()));

    // What stands before could make it part of something that is no secret.
    let plain: String = (spice.chars())
        .filter(|c| !matches!(c, '\'' | '\n' | '\r' | '$'))
        .collect();
    let toml = behind(format!("[api]\npassword = '{plain}{PLANTED}'\n"), toml);
    let env_file = if env_file.contains(&b'$') {
        // A reference gives the secret to another variable, as it was asked to.
        env_file.to_owned()
    } else {
        behind(format!("API_PASSWORD='{plain}{PLANTED}'\n"), env_file)
    };
    hides(&load(&toml, &env_file, Vec::new()));
}

fn behind(beginning: String, rest: &[u8]) -> Vec<u8> {
    let mut all = beginning.into_bytes();
    all.extend(rest);
    all
}

fn hides(messages: &str) {
    assert!(!messages.contains(PLANTED), "a secret shows: {messages}");
}

/// The secret in every setting that may hold one.
fn secret_variables(secret: &str) -> Vec<(OsString, OsString)> {
    // Behind a separator begins another header, and its name is shown.
    let value = secret.replace([',', '\n'], " ");
    [
        ("API_PASSWORD", secret.to_owned()),
        ("FEED_URL", format!("wss://user:{secret}@h/x")),
        ("FEED_HEADERS", format!("Authorization: {value}")),
        ("QUEUE_PROPERTIES", format!("sasl.password={secret}")),
    ]
    .map(|(variable, text)| (variable.into(), text.into()))
    .into()
}

/// Lines `NAME=value`, as bytes: an environment need not be UTF-8.
fn variables(lines: &[u8]) -> Vec<(OsString, OsString)> {
    let os = |bytes: &[u8]| OsString::from_vec(bytes.to_owned());
    let lines = lines.split(|byte| *byte == b'\n');
    let pairs = lines.filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b'=')?;
        Some((os(&line[..at]), os(&line[at + 1..])))
    });
    pairs.collect()
}

thread_local! {
    /// Made once: a fuzzer does nothing else otherwise.
    static FOLDER: TempDir = tempfile::tempdir().expect("a temporary folder can be made");
}

/// Everything that is said of these settings, right or wrong.
fn load(toml: &[u8], env_file: &[u8], environment: Vec<(OsString, OsString)>) -> String {
    let result = FOLDER.with(|folder| {
        let write = |name: &str, content: &[u8]| {
            fs::write(folder.path().join(name), content).expect("a file can be written there");
        };
        write("service.toml", toml);
        write(".env", env_file);
        write("secret", PLANTED.as_bytes());
        read(folder.path(), environment)
    });
    match result {
        Ok(report) => {
            let shown = report.to_string();
            assert_eq!(shown.lines().count(), ALL.len(), "a line each: {shown}");
            format!("{shown}{report:?}")
        }
        Err(wrong) => format!("{wrong}{wrong:?}"),
    }
}

fn read(folder: &Path, environment: Vec<(OsString, OsString)>) -> Result<Report, WrongSettings> {
    let sources = Sources {
        arguments: &[],
        environment,
        config_file: Some("service.toml".into()),
        config_file_variable: "SAMPLE_CONFIG",
        working_dir: folder,
    };
    let mut reader = SettingsReader::new(ALL.to_vec(), &sources);
    reader.get(&LINGER);
    reader.get(&NAME);
    reader.get(&SIZE);
    reader.get(&SERVERS);
    reader.get(&PROPERTIES);
    reader.get_optional(&ADDRESS);
    reader.get(&HEADERS);
    reader.get_optional(&AUTHORITIES);
    reader.get(&PORT);
    reader.get_optional(&PASSWORD);
    reader.get(&ORIGINS);
    reader.get(&FORMAT);
    reader.finish()
}
