//! Wrong settings end the process at once and are all named; `validate` shows the right ones.

use std::{net::TcpListener, time::Duration};

use anyhow::Result;
use tempfile::TempDir;

use crate::support::{Finished, run_to_end};

/// Wrong settings are known within this time.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(2);
const WRONG_SETTINGS: i32 = 78;

/// Longer than what is said to a feed.
const TOO_LONG: &str = match str::from_utf8(&[b'x'; 8 * 1024 + 1]) {
    Ok(text) => text,
    Err(_) => panic!("letters are text"),
};

/// Every variable with a text that is wrong, and what is shown of it.
const WRONG: &[(&str, &str, &str)] = &[
    ("INGESTION_SOURCES", "no-feed", "no-feed"),
    ("INGESTION_STANDBY", "perhaps", "perhaps"),
    ("KAFKA_BOOTSTRAP_SERVERS", "broker", "broker"),
    ("KAFKA_SECURITY_PROTOCOL", "tls", "tls"),
    ("KAFKA_SASL_MECHANISM", "GSSAPI", "GSSAPI"),
    ("KAFKA_SASL_USERNAME", "", ""),
    ("KAFKA_SASL_PASSWORD", "", "***"),
    ("KAFKA_SSL_CA_LOCATION", "", ""),
    ("KAFKA_SSL_CERTIFICATE_LOCATION", "", ""),
    ("KAFKA_SSL_KEY_LOCATION", "", ""),
    (
        "KAFKA_PROPERTIES",
        "acks=1,no.such.property=1",
        "acks=1,no.such.property=1",
    ),
    ("KAFKA_PUBLISH_TOPIC", "a b", "a b"),
    ("KAFKA_DEAD_LETTER_TOPIC", "", ""),
    ("KAFKA_MATCH_SUMMARY_TOPIC", "a b", "a b"),
    ("KAFKA_GROUP_ID", "", ""),
    ("KAFKA_DELIVERY", "at_most_once", "at_most_once"),
    ("KAFKA_TRANSACTIONAL_ID", "", ""),
    ("KAFKA_LINGER", "10", "10"),
    ("KAFKA_COMPRESSION", "rar", "rar"),
    (
        "OPENDOTA_STREAM_URL",
        "https://user:pass@feed/?api_key=k",
        "https://***@feed/?api_key=***",
    ),
    ("OPENDOTA_STREAM_FORMAT", "json", "json"),
    ("OPENDOTA_STREAM_SUBSCRIBE", TOO_LONG, "***"),
    ("OPENDOTA_STREAM_HEADERS", "Host: elsewhere", "Host: ***"),
    ("OPENDOTA_STREAM_CA_FILE", "absent.pem", "absent.pem"),
    ("OPENDOTA_STREAM_HEARTBEAT", "0s", "0s"),
    ("OPENDOTA_STREAM_CONNECT_TIMEOUT", "soon", "soon"),
    ("OPENDOTA_STREAM_IDLE_TIMEOUT", "-1s", "-1s"),
    ("OPENDOTA_STREAM_BACKOFF_MIN", "30", "30"),
    ("OPENDOTA_STREAM_BACKOFF_MAX", "", ""),
    (
        "OPENDOTA_STREAM_MESSAGE_SIZE_MAX",
        "16 big ones",
        "16 big ones",
    ),
    ("OPENDOTA_LOGS_URL", "wss://x", "wss://x"),
    ("OPENDOTA_API_URL", "wss://x", "wss://x"),
    ("OPENDOTA_API_KEY", "two words", "***"),
    ("OPENDOTA_API_RESERVE", "30", "30"),
    ("OPENDOTA_PAGES", "live", "live"),
    ("STEAM_API_URL", "wss://x", "wss://x"),
    ("STEAM_API_KEYS", "one,", "***"),
    ("STEAM_START", "oldest", "oldest"),
    ("DEDUP_WINDOW_SIZE", "0", "0"),
    ("JOURNAL_DIR", "", ""),
    ("JOURNAL_SIZE_MAX", "all", "all"),
    ("API_HOST", "not a host", "not a host"),
    ("API_PORT", "65536", "65536"),
    ("API_TOKEN", "two words", "***"),
    ("API_CORS_ALLOWED_ORIGINS", "example.org", "example.org"),
    ("REQUEST_TIMEOUT", "0s", "0s"),
    ("TRUSTED_PROXIES", "10.0.0.0/33", "10.0.0.0/33"),
    ("LOG_LEVEL", "LOUD", "LOUD"),
    ("LOG_FORMAT", "xml", "xml"),
    ("SERVICE_NAME", "", ""),
    ("SHUTDOWN_TIMEOUT", "0s", "0s"),
];

/// Runs the service in a folder with these files.
async fn run_with(
    arguments: &[&str],
    environment: &[(&str, &str)],
    files: &[(&str, &str)],
) -> Result<Finished> {
    let folder = TempDir::new()?;
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content)?;
    }
    run_to_end(arguments, environment, folder.path()).await
}

#[track_caller]
fn assert_refused(finished: &Finished) {
    assert_eq!(finished.exit_code, Some(WRONG_SETTINGS), "{finished:?}");
    assert_eq!(finished.stdout, "", "only standard error speaks");
    assert!(finished.took < REFUSAL_TIME_MAX, "{finished:?}");
}

/// Asserts that standard error names the variable, its value, its origin and what is allowed.
#[track_caller]
fn assert_named(finished: &Finished, variable: &str, shown: &str, origin: &str) {
    let beginning = format!("  {variable} is \"{shown}\" ({origin}): ");
    let mut named = finished
        .stderr
        .lines()
        .filter(|line| line.starts_with(&beginning));
    let line = named
        .next()
        .unwrap_or_else(|| panic!("no {beginning:?} in\n{}", finished.stderr));
    assert!(line.contains("; allowed: "), "{line}");
    assert_eq!(named.next(), None, "it is named once");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_setting_is_refused_by_name() -> Result<()> {
    for (variable, text, shown) in WRONG {
        let finished = run_with(&[], &[(variable, text)], &[]).await?;
        assert_refused(&finished);
        assert_named(&finished, variable, shown, "environment");
        assert_eq!(finished.stderr.lines().count(), 2, "{}", finished.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_settings_are_named_at_once() -> Result<()> {
    let environment: Vec<_> = WRONG
        .iter()
        .map(|(variable, text, _)| (*variable, *text))
        .collect();
    for command in [
        &[][..],
        &["run"],
        &["validate"],
        &["healthcheck"],
        &["demo"],
    ] {
        let finished = run_with(command, &environment, &[]).await?;
        assert_refused(&finished);
        for (variable, _, shown) in WRONG {
            assert_named(&finished, variable, shown, "environment");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_shows_every_setting_with_its_origin() -> Result<()> {
    let environment = [
        ("API_PORT", "1"),
        ("KAFKA_LINGER", "1ms"),
        ("KAFKA_COMPRESSION", "gzip"),
        ("DEDUP_WINDOW_SIZE", "1"),
        ("INGESTION_CONFIG", "settings.toml"),
        ("KAFKA_NO_SUCH_SETTING", "is ignored"),
        ("SERVICE", "is ignored"),
        ("API_TOKEN_FILE", "token"),
    ];
    let toml = "[kafka]\nlinger = \"2ms\"\npublish_topic = \"from_toml\"\n\n[log]\nlevel = \"WARN\"\n\n[api]\nport = 2\n";
    let files = [
        ("settings.toml", toml),
        (".env", "KAFKA_COMPRESSION=zstd\nLOG_LEVEL=ERROR\n"),
        ("token", "zQz\n"),
    ];
    let arguments = [
        "validate",
        "--dedup-window-size",
        "2",
        "--opendota-stream-headers=A: zQz",
    ];
    let finished = run_with(&arguments, &environment, &files).await?;
    assert_eq!(
        (finished.exit_code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    let lines: Vec<&str> = finished.stdout.lines().collect();
    for expected in [
        "API_PORT=1 (environment)",
        "KAFKA_LINGER=1ms (environment)",
        "KAFKA_COMPRESSION=gzip (environment)",
        "KAFKA_PUBLISH_TOPIC=from_toml (./settings.toml, [kafka] publish_topic)",
        "LOG_LEVEL=ERROR (./.env)",
        "DEDUP_WINDOW_SIZE=2 (command line)",
        "OPENDOTA_STREAM_HEADERS=A: *** (command line)",
        "API_TOKEN=*** (./token, named by API_TOKEN_FILE in environment)",
        "SHUTDOWN_TIMEOUT=25s (default)",
        "KAFKA_SSL_CA_LOCATION=(the system's) (default)",
        "KAFKA_PROPERTIES=(none) (default)",
        "KAFKA_TRANSACTIONAL_ID=ingestion-service.from_toml (default)",
    ] {
        assert!(
            lines.contains(&expected),
            "no {expected} in\n{}",
            finished.stdout
        );
    }
    let variables: Vec<&str> = lines
        .iter()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    let known: Vec<&str> = WRONG.iter().map(|(variable, ..)| *variable).collect();
    assert_eq!(variables, known, "these tests know every setting");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_in_the_toml_file_is_refused_with_a_suggestion() -> Result<()> {
    let toml = "[kafka]\npublish_topics = \"a\"\n[kafak]\nlinger = \"1ms\"\n[api]\nport = 65536\n";
    let finished = run_with(
        &["--config", "settings.toml"],
        &[],
        &[("settings.toml", toml)],
    )
    .await?;
    assert_refused(&finished);
    for expected in [
        "./settings.toml (named by --config): [kafka] publish_topics: unknown key; did you mean publish_topic?",
        "./settings.toml (named by --config): [kafak]: unknown section; did you mean kafka?",
    ] {
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    assert_named(
        &finished,
        "API_PORT",
        "65536",
        "./settings.toml, [api] port",
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_here_is_a_wrong_setting_too() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let here = [("API_HOST", "127.0.0.1"), ("API_PORT", port.as_str())];
    let anywhere = [("API_HOST", "127.0.0.1"), ("API_PORT", "0")];
    let broken = [
        ("KAFKA_SECURITY_PROTOCOL", "ssl"),
        ("KAFKA_SSL_CA_LOCATION", "broken.pem"),
    ];
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let property = [("KAFKA_PROPERTIES", "no.such.property=1")];
    let url = [("OPENDOTA_STREAM_URL", "wss://-no-name-/")];
    for (environment, expected) in [
        (
            &here[..],
            &[
                "API_HOST=127.0.0.1",
                &format!("API_PORT={port}"),
                "another process has this port",
            ][..],
        ),
        (&[("API_HOST", "192.0.2.1")], &["API_HOST=192.0.2.1"]),
        (&[anywhere, broken].concat(), &["KAFKA_", "ssl.ca.location"]),
        (
            &[&anywhere[..], &url].concat(),
            &["OPENDOTA_STREAM_URL", "no certificate can prove"],
        ),
        (
            &property,
            &[
                "KAFKA_PROPERTIES",
                "No such configuration property: \"no.such.property\"",
            ],
        ),
    ] {
        let finished = run_with(&[], environment, &[("broken.pem", no_certificate)]).await?;
        assert_refused(&finished);
        for part in expected {
            assert!(
                finished.stderr.contains(part),
                "no {part} in {}",
                finished.stderr
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_looks_into_the_files_that_settings_name() -> Result<()> {
    for variable in [
        "KAFKA_SSL_CA_LOCATION",
        "KAFKA_SSL_CERTIFICATE_LOCATION",
        "KAFKA_SSL_KEY_LOCATION",
    ] {
        let environment = [("KAFKA_SECURITY_PROTOCOL", "ssl"), (variable, "junk.pem")];
        let files = [("junk.pem", "root:x:0:0:root")];
        let finished = run_with(&["validate"], &environment, &files).await?;
        assert_refused(&finished);
        assert_named(&finished, variable, "junk.pem", "environment");
    }
    Ok(())
}
