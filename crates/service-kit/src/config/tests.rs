//! Layers, secrets in files, and what is said when something is wrong.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

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
    variable: "QUEUE_PUBLISH_NAME",
    default: "raw",
    help: "What it is called",
    parser: Parsed {
        allowed: "anything | but <secrets>",
        parse: |text| Ok(text.to_owned()),
    },
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
        allowed: "letters and digits",
        accepts: |c| c.is_ascii_alphanumeric(),
    },
};
const ALL: &[&dyn Declaration] = &[&LINGER, &NAME, &PORT, &PASSWORD];

/// What each layer says.
#[derive(Clone, Default)]
struct Layers {
    toml: Option<&'static str>,
    env_file: Option<&'static str>,
    environment: Vec<(&'static str, &'static str)>,
    arguments: Vec<(&'static str, String)>,
    secret_file: Option<&'static str>,
}

#[derive(Debug, PartialEq)]
struct Values {
    linger: Duration,
    name: String,
    port: u16,
    password: Option<String>,
}

fn toml(text: &'static str) -> Layers {
    Layers {
        toml: Some(text),
        ..Layers::default()
    }
}

fn env_file(text: &'static str) -> Layers {
    Layers {
        env_file: Some(text),
        ..Layers::default()
    }
}

fn environment(texts: &[(&'static str, &'static str)]) -> Layers {
    Layers {
        environment: texts.to_vec(),
        ..Layers::default()
    }
}

fn argument(variable: &'static str, text: impl Into<String>) -> Layers {
    Layers {
        arguments: vec![(variable, text.into())],
        ..Layers::default()
    }
}

impl Layers {
    /// The values and the report, or the message, with the folder left out.
    fn read(self) -> Result<(Values, String), String> {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let write = |name: &str, text: Option<&str>| {
            let path = folder.path().join(name);
            if let Some(text) = text {
                fs::write(&path, text).expect("a file can be written there");
            }
            text.is_some()
        };
        let config_file = write("service.toml", self.toml).then(|| PathBuf::from("service.toml"));
        write(".env", self.env_file);
        write("secret", self.secret_file);
        let os = |text: &str| OsString::from(text);
        let mut reader = SettingsReader::new(
            ALL.to_vec(),
            &Sources {
                arguments: &self.arguments,
                environment: self
                    .environment
                    .iter()
                    .map(|(k, v)| (os(k), os(v)))
                    .collect(),
                config_file,
                config_file_variable: "SAMPLE_CONFIG",
                working_dir: folder.path(),
            },
        );
        let values = Values {
            linger: reader.get(&LINGER),
            name: reader.get(&NAME),
            port: reader.get(&PORT),
            password: reader
                .get_optional(&PASSWORD)
                .map(|p| p.expose_secret().to_owned()),
        };
        let prefix = format!("{}/", folder.path().display());
        match reader.finish() {
            Ok(report) => Ok((values, report.to_string().replace(&prefix, ""))),
            Err(wrong) => Err(wrong.to_string().replace(&prefix, "")),
        }
    }
}

#[track_caller]
fn check_report(layers: Layers, expected: &str) {
    let (_, report) = layers.read().expect("the settings are right");
    assert!(
        report.lines().any(|line| line == expected),
        "{expected}\nnot in\n{report}"
    );
}

#[track_caller]
fn check_wrong(layers: Layers, expected: &[&str]) {
    let message = layers.read().expect_err("the settings are wrong");
    let expected: Vec<String> = expected.iter().map(|line| format!("  {line}")).collect();
    assert_eq!(message, format!("wrong settings:\n{}", expected.join("\n")));
}

#[test]
fn every_layer_wins_over_those_before_it() {
    let mut layers = Layers::default();
    let check = |layers: &Layers, line: &str| check_report(layers.clone(), line);
    check(&layers, "QUEUE_LINGER=10ms (default)");
    layers.toml = Some("[queue]\nlinger = '1s'\n");
    check(&layers, "QUEUE_LINGER=1s (service.toml, [queue] linger)");
    layers.env_file = Some("QUEUE_LINGER=2s\n");
    check(&layers, "QUEUE_LINGER=2s (.env)");
    layers.environment = vec![("QUEUE_LINGER", "3s"), ("PATH", "/bin")];
    check(&layers, "QUEUE_LINGER=3s (environment)");
    layers.arguments = vec![("QUEUE_LINGER", "4s".to_owned())];
    check(&layers, "QUEUE_LINGER=4s (command line)");
}

#[test]
fn the_config_file_can_be_named_by_a_variable() {
    let absent = |origin: &str| {
        format!(
            "absent.toml (named by SAMPLE_CONFIG in {origin}): No such file or directory (os error 2)"
        )
    };
    let named = environment(&[("SAMPLE_CONFIG", "absent.toml")]);
    check_wrong(named, &[&absent("environment")]);
    check_wrong(env_file("SAMPLE_CONFIG=absent.toml"), &[&absent(".env")]);
    // Empty is a value: the working directory itself, and that is no file.
    check_wrong(
        environment(&[("SAMPLE_CONFIG", "")]),
        &[" (named by SAMPLE_CONFIG in environment): Is a directory (os error 21)"],
    );
}

#[test]
fn texts_stay_texts_and_empty_is_a_value() {
    let check = |layers: Layers, expected: &str| {
        let (values, _) = layers.read().expect("any name is right");
        assert_eq!(values.name, expected);
    };
    for text in ["123", "true", "[1]", "{a=1}", "\"quoted\"", " blank ", ""] {
        check(environment(&[("QUEUE_PUBLISH_NAME", text)]), text);
        check(argument("QUEUE_PUBLISH_NAME", text), text);
    }
    check(env_file("QUEUE_PUBLISH_NAME=123"), "123");
    check(
        env_file("QUEUE_PUBLISH_NAME=a\nexport QUEUE_PUBLISH_NAME=true # yes"),
        "true",
    );
    check(env_file("QUEUE_PUBLISH_NAME='p$1 #2'"), "p$1 #2");
    check(env_file("\nQUEUE_PUBLISH_NAME=\n"), "");
}

#[test]
fn toml_may_write_a_value_in_its_own_types() {
    let port = "API_PORT=81 (service.toml, [api] port)";
    check_report(toml("[api]\nport = 81"), port);
    check_report(toml("[api]\nport = '81'"), port);
    let check = |value: &'static str, expected: &str| {
        let line = format!("QUEUE_PUBLISH_NAME={expected} (service.toml, [queue] publish_name)");
        check_report(toml(value), &line);
    };
    check("queue.publish_name = true", "true");
    check("queue.publish_name = ['a', 'b']", "a,b");
    check("queue.publish_name = []", "(none)");
    check("queue.publish_name = ''", "(none)");
}

#[test]
fn every_wrong_key_of_the_toml_file_is_named() {
    let text = "linger = 1\napi = 3\n[queue]\nlingr = 'a'\npublish_name = 1.5\n\
                publish_name_file = 'x'\n[quueue]\nlinger = '1s'\n";
    check_wrong(
        toml(text),
        &[
            "service.toml (named by --config): api: not a table; write [api]",
            "service.toml (named by --config): linger: unknown key outside of a section",
            "service.toml (named by --config): [queue] lingr: unknown key; did you mean linger?",
            "service.toml (named by --config): [queue] publish_name: neither a string, an integer, a boolean nor an array of strings",
            "service.toml (named by --config): [queue] publish_name_file: unknown key; did you mean publish_name?",
            "service.toml (named by --config): [quueue]: unknown section; did you mean queue?",
        ],
    );
    check_wrong(
        toml("[queue]\nzzz = 1"),
        &["service.toml (named by --config): [queue] zzz: unknown key"],
    );
}

#[test]
fn every_wrong_value_is_named_at_once() {
    let layers = Layers {
        toml: Some("[api]\nport = 10000"),
        ..environment(&[("QUEUE_LINGER", "soon\n"), ("API_PASSWORD", "s3cret!")])
    };
    check_wrong(
        layers,
        &[
            "QUEUE_LINGER is \"soon\\n\" (environment): not a duration with a unit; allowed: a duration from 0s to 9s, written like 250ms, 30s or 5m",
            "API_PORT is \"10000\" (service.toml, [api] port): too large; allowed: an integer from 1 to 9999",
            "API_PASSWORD is \"***\" (environment): holds a character that is not allowed; allowed: letters and digits",
        ],
    );
}

#[test]
fn a_secret_can_come_from_a_file() {
    for secret in ["s3cret\n", "s3cret\r\n", "s3cret"] {
        let layers = Layers {
            env_file: Some("API_PASSWORD=weaker"),
            secret_file: Some(secret),
            ..environment(&[("API_PASSWORD_FILE", "secret")])
        };
        let (values, report) = layers.read().expect("the secret is right");
        assert_eq!(values.password.as_deref(), Some("s3cret"));
        let line = "API_PASSWORD=*** (secret, named by API_PASSWORD_FILE in environment)";
        assert!(report.contains(line), "{report}");
    }
    // A file that nobody needs is not opened.
    let layers = Layers {
        toml: Some("[api]\npassword_file = 'absent'"),
        ..environment(&[("API_PASSWORD", "stronger")])
    };
    check_report(layers, "API_PASSWORD=*** (environment)");
}

#[test]
fn a_secret_file_that_cannot_be_used_is_named() {
    let absent = |origin: &str| {
        format!(
            "API_PASSWORD is not read (absent, named by API_PASSWORD_FILE in {origin}): \
             No such file or directory (os error 2); allowed: a readable file"
        )
    };
    let origin = "service.toml, [api] password_file";
    check_wrong(toml("[api]\npassword_file = 'absent'"), &[&absent(origin)]);
    check_wrong(
        argument("API_PASSWORD_FILE", "absent"),
        &[&absent("command line")],
    );
    let layers = Layers {
        secret_file: Some("s3cret"),
        ..environment(&[("API_PASSWORD_FILE", "secret"), ("API_PASSWORD", "s3cret")])
    };
    check_wrong(
        layers,
        &[
            "API_PASSWORD is \"***\" (environment): API_PASSWORD_FILE is given in the same place; allowed: one of the two",
        ],
    );
    let layers = Layers {
        secret_file: Some("s3\ncret\n\n"),
        ..environment(&[("API_PASSWORD_FILE", "secret")])
    };
    check_wrong(
        layers,
        &[
            "API_PASSWORD is \"***\" (secret, named by API_PASSWORD_FILE in environment): holds a character that is not allowed; allowed: letters and digits",
        ],
    );
}

#[test]
fn a_byte_order_mark_in_front_of_a_file_is_not_part_of_its_text() {
    let layers = Layers {
        toml: Some("\u{feff}[queue]\npublish_name = 'a'\n"),
        env_file: Some("\u{feff}API_PORT=1\nAPI_PASSWORD_FILE=secret\n"),
        secret_file: Some("\u{feff}s3cret\n"),
        ..Layers::default()
    };
    let (values, _) = layers.read().expect("every file is read");
    assert_eq!((values.name.as_str(), values.port), ("a", 1));
    assert_eq!(values.password.as_deref(), Some("s3cret"));
}

#[test]
fn a_file_in_another_encoding_is_named() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = folder.path().join("file");
    for (bytes, reason) in [
        (&b"\xff\xfeA\0"[..], "UTF-16; save it as UTF-8"),
        (b"\xfe\xff\0A", "UTF-16; save it as UTF-8"),
        (b"A=\xff", "not UTF-8"),
    ] {
        fs::write(&file, bytes).expect("a file can be written there");
        let error = read_text(&file).expect_err("it is no UTF-8");
        assert_eq!(error.to_string(), reason);
    }
}

#[test]
fn a_service_link_is_known_for_one() {
    let hint = ", but a Kubernetes service link: set enableServiceLinks: false in the pod, or give \
                the Service another name; allowed: an integer from 1 to 9999";
    let expected =
        format!("API_PORT is \"tcp://10.0.0.1:8000\" (environment): not an integer in range{hint}");
    let layers = environment(&[("API_PORT", "tcp://10.0.0.1:8000")]);
    check_wrong(layers, &[&expected]);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let text: &'static str = "#".repeat(1024 * 1024 + 1).leak();
    check_wrong(
        toml(text),
        &["service.toml (named by --config): larger than 1 MiB"],
    );
}

#[test]
fn what_cannot_be_parsed_is_not_shown() {
    let check = |text: &'static str, reason: &str| {
        let file = "service.toml (named by --config)";
        check_wrong(
            toml(text),
            &[&format!("{file}: TOML parse error at {reason}")],
        );
    };
    check(
        "[api]\npassword = s3cret",
        "line 2, column 12: invalid string, expected `\"`, `'`",
    );
    check(
        "[api]\npassword 's3cret'",
        "line 2, column 10: expected `.`, `=`",
    );
    check(
        "[api]\npassword = 's3cret",
        "line 2, column 19: invalid literal string",
    );
    check(
        "a = 1\n[api]\na=\"s3\\cret\"",
        "line 3, column 8: invalid escape sequence, expected `b`, `f`, `n`, `r`, `t`, `u`, `U`, `\\`, `\"`",
    );
    check(
        "[api]\nport = 1\nport = 's3cret'",
        "line 3, column 1: duplicate key `port` in table `api`",
    );
    let reason = "is not NAME=value; a value with blanks or special characters needs quotes";
    check_wrong(
        env_file("# fine\nAPI_PORT=81\n\nAPI_PASSWORD=s3 cret\n1=s3cret\n"),
        &[
            &format!(".env: line 4 {reason}"),
            &format!(".env: line 5 {reason}"),
        ],
    );
}

#[test]
fn text_that_is_not_utf8_is_named_only_where_it_is_a_setting() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let bytes = || OsString::from_vec(vec![b'a', 0xff]);
    let variables: [OsString; 3] = [bytes(), "OTHER".into(), "API_PORT".into()];
    let sources = Sources {
        arguments: &[],
        environment: variables.map(|variable| (variable, bytes())).to_vec(),
        config_file: None,
        config_file_variable: "SAMPLE_CONFIG",
        working_dir: folder.path(),
    };
    let read = SettingsReader::new(ALL.to_vec(), &sources).finish();
    assert_eq!(
        read.expect_err("API_PORT is wrong").to_string(),
        "wrong settings:\n  API_PORT is \"a\u{fffd}\" (environment): not UTF-8; allowed: an integer from 1 to 9999"
    );
}

#[test]
fn reports_keep_every_setting_on_its_line_and_change_nothing_else() {
    let line = r#"QUEUE_PUBLISH_NAME=(the 'system\'s' "ü")\n\u{1b}[0m (environment)"#;
    let text = "(the 'system\\'s' \"ü\")\n\u{1b}[0m";
    check_report(environment(&[("QUEUE_PUBLISH_NAME", text)]), line);
}

#[test]
fn long_values_are_cut() {
    let read = argument("API_PORT", "ü".repeat(1000)).read();
    let message = read.expect_err("no port");
    assert!(
        message.contains(&format!("\"{}…\"", "ü".repeat(200))),
        "{message}"
    );
}

#[test]
fn flags_and_tables_follow_from_the_declarations() {
    let flags = flags(ALL);
    let names: Vec<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "queue-linger",
            "queue-publish-name",
            "api-port",
            "api-password",
            "api-password-file"
        ]
    );
    assert_eq!(flags[4].variable, "API_PASSWORD_FILE");
    assert_eq!(
        flags[2].help,
        "Where to listen [default: 8000] [allowed: an integer from 1 to 9999]"
    );
    assert_eq!(
        super::documentation::tables(&[&NAME, &PASSWORD]),
        "\n## [queue]\n\n| variable | default | allowed | what it does |\n|---|---|---|---|\n\
         | `QUEUE_PUBLISH_NAME` | raw | anything \\| but \\<secrets> | What it is called |\n\
         \n## [api]\n\n| variable | default | allowed | what it does |\n|---|---|---|---|\n\
         | `API_PASSWORD`<br>or `API_PASSWORD_FILE` | (none) | letters and digits | Who may come in |\n"
    );
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(text in "\\PC{0,40}|(API_PORT|\\[api\\]|port|=|'|\"|\\$\\{|\\}|\\$|\\\\|#|\n| ){0,20}") {
        let folder = TempDir::new().expect("a temporary folder can be made");
        fs::write(folder.path().join(".env"), &text).expect("a file can be written there");
        fs::write(folder.path().join("a.toml"), &text).expect("a file can be written there");
        let sources = Sources {
            arguments: &[],
            environment: Vec::new(),
            config_file: Some("a.toml".into()),
            config_file_variable: "SAMPLE_CONFIG",
            working_dir: folder.path(),
        };
        let _ = SettingsReader::new(ALL.to_vec(), &sources).finish();
    }
}
