//! Every variable: what is right, what is wrong, and what is said about it.

use std::ffi::OsString;
use std::path::Path;

use secrecy::ExposeSecret;
use service_kit::config::{Loaded, WrongSettings};
use tempfile::TempDir;

use super::test_cases::CASES;
use super::*;

/// A self-signed authority.
pub(super) const AUTHORITY: &str = include_str!("test_authority.pem");

pub(super) fn load_in(
    folder: &Path,
    environment: &[(&str, &str)],
) -> Result<Loaded<Settings>, WrongSettings> {
    let environment = environment
        .iter()
        .map(|(variable, text)| (OsString::from(variable), OsString::from(text)));
    Settings::load(&[], None, environment, folder)
}

pub(super) fn load(environment: &[(&str, &str)]) -> Result<Loaded<Settings>, WrongSettings> {
    let folder = TempDir::new().expect("a temporary folder can be made");
    load_in(folder.path(), environment)
}

#[track_caller]
pub(super) fn check_wrong(environment: &[(&str, &str)], expected: &str) {
    let wrong = load(environment).expect_err("the settings are wrong");
    assert_eq!(wrong.to_string(), format!("wrong settings:\n  {expected}"));
}

#[test]
fn every_variable_takes_what_is_right_and_names_what_is_wrong() {
    let declared: Vec<&str> = Settings::declarations()
        .iter()
        .map(|d| d.variable())
        .collect();
    let tested: Vec<&str> = CASES.iter().map(|case| case.variable).collect();
    assert_eq!(declared, tested);
    for (case, declaration) in CASES.iter().zip(Settings::declarations()) {
        let variable = case.variable;
        for text in case.right {
            let loaded = load(&[(variable, text)]);
            assert!(
                loaded.is_ok(),
                "{variable}={text}: {}",
                loaded.expect_err("checked")
            );
        }
        for (text, shown) in case.wrong {
            let wrong = load(&[(variable, text)]).expect_err(&format!("{variable}={text}"));
            let message = wrong.to_string();
            let beginning = format!("wrong settings:\n  {variable} is \"{shown}\" (environment): ");
            assert!(
                message.starts_with(&beginning),
                "{message}\nnot\n{beginning}"
            );
            let end = format!("; allowed: {}", declaration.allowed());
            assert!(message.ends_with(&end), "{message}\nnot\n{end}");
        }
    }
}

#[test]
fn all_wrong_variables_are_named_at_once() {
    let environment: Vec<(&str, &str)> = CASES
        .iter()
        .map(|case| (case.variable, case.wrong[0].0))
        .collect();
    let message = load(&environment)
        .expect_err("everything is wrong")
        .to_string();
    for case in CASES {
        let beginning = format!(
            "\n  {} is \"{}\" (environment)",
            case.variable, case.wrong[0].1
        );
        assert_eq!(
            message.matches(&beginning).count(),
            1,
            "{beginning}\nin\n{message}"
        );
    }
    assert_eq!(message.lines().count(), CASES.len() + 1);
}

#[test]
fn without_anything_given_the_defaults_are_in_force() {
    let Loaded { settings, report } = load(&[]).expect("the defaults are right");
    assert_eq!(settings.kafka.client.client_id, "ingestion-service");
    assert_eq!(settings.opendota.message_size_max, 16 * 1024 * 1024);
    assert_eq!(settings.dedup_window_size, 1_000_000);
    assert_eq!(settings.api.port, 8000);
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(25));
    assert!(
        report.lines.iter().all(|line| line.origin == "default"),
        "{report}"
    );
    assert_eq!(report.lines.len(), CASES.len());
}

#[test]
fn the_feed_is_told_of_proxies_it_does_not_use() {
    let environment = [
        ("HTTPS_PROXY", "http://user:s3cret@proxy:3128"),
        ("all_proxy", "socks5://proxy"),
        ("HTTP_PROXY", ""),
        ("NO_PROXY", "localhost"),
    ];
    let Loaded { settings, .. } = load(&environment).expect("proxies are no settings");
    assert_eq!(
        settings.opendota.proxy_variables,
        ["HTTPS_PROXY", "all_proxy"]
    );
}

#[test]
fn the_journey_of_a_setting_through_all_layers() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let toml = "[kafka]\nlinger = '1ms'\npublish_topic = 'from_toml'\n[api]\nport = 1\n";
    std::fs::write(folder.path().join("a.toml"), toml).expect("a file can be written there");
    std::fs::write(
        folder.path().join(".env"),
        "KAFKA_LINGER=2ms\nAPI_PORT=2\nINGESTION_CONFIG=a.toml\n",
    )
    .expect("a file can be written there");
    let arguments = [("API_PORT", "4".to_owned())];
    let environment = [("API_PORT".into(), "3".into())];
    let loaded = Settings::load(&arguments, None, environment, folder.path());
    let settings = loaded.expect("the settings are right").settings;
    assert_eq!(settings.kafka.publish_topic, "from_toml");
    assert_eq!(settings.kafka.linger, Duration::from_millis(2));
    assert_eq!(settings.api.port, 4);
}

#[test]
fn values_are_judged_beside_each_other() {
    let topic = "; allowed: 1 to 249 of letters, digits, dot, underscore and hyphen";
    check_wrong(
        &[
            ("KAFKA_PUBLISH_TOPIC", "a"),
            ("KAFKA_DEAD_LETTER_TOPIC", "a"),
        ],
        &format!(
            "KAFKA_DEAD_LETTER_TOPIC is \"a\" (environment): the same as KAFKA_PUBLISH_TOPIC{topic}"
        ),
    );
    for (variable, other) in [
        ("KAFKA_PUBLISH_TOPIC", "KAFKA_PUBLISH_TOPIC"),
        ("KAFKA_DEAD_LETTER_TOPIC", "KAFKA_DEAD_LETTER_TOPIC"),
    ] {
        check_wrong(
            &[(variable, "a"), ("KAFKA_MATCH_SUMMARY_TOPIC", "a")],
            &format!(
                "KAFKA_MATCH_SUMMARY_TOPIC is \"a\" (environment): the same as {other}; allowed: \
                 nothing, or 1 to 249 of letters, digits, dot, underscore and hyphen"
            ),
        );
    }
    check_wrong(
        &[("OPENDOTA_STREAM_BACKOFF_MAX", "100ms")],
        "OPENDOTA_STREAM_BACKOFF_MIN is \"500ms\" (default): longer than OPENDOTA_STREAM_BACKOFF_MAX, \
         which is 100ms; allowed: a duration from 10ms to 1h, written like 250ms, 30s or 5m",
    );
    check_wrong(
        &[
            ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
            ("KAFKA_SASL_MECHANISM", "PLAIN"),
            ("KAFKA_SASL_PASSWORD", "s3cret"),
        ],
        "KAFKA_SASL_USERNAME is not given (default): needed with KAFKA_SECURITY_PROTOCOL=sasl_plaintext; \
         allowed: a text that is not empty",
    );
    check_wrong(
        &[
            ("KAFKA_SECURITY_PROTOCOL", "tls"),
            ("KAFKA_SASL_USERNAME", "me"),
            ("KAFKA_SSL_CA_LOCATION", "absent.pem"),
        ],
        "KAFKA_SECURITY_PROTOCOL is \"tls\" (environment): not one of the names; \
         allowed: plaintext, ssl, sasl_plaintext, sasl_ssl",
    );
    check_wrong(
        &[("KAFKA_DELIVERY", "at_most_once")],
        "KAFKA_DELIVERY is \"at_most_once\" (environment): not one of the names; \
         allowed: exactly_once, at_least_once",
    );
}

#[test]
fn the_authorities_of_the_feed_must_be_certificates() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let check = |content: &str, expected: Option<&str>| {
        std::fs::write(folder.path().join("ca.pem"), content).expect("a file can be written there");
        let loaded = load_in(folder.path(), &[("OPENDOTA_STREAM_CA_FILE", "ca.pem")]);
        let reason = loaded.err().map(|wrong| wrong.to_string());
        match (reason, expected) {
            (None, None) => {}
            (Some(reason), Some(expected)) => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{other:?}"),
        }
    };
    check(AUTHORITY, None);
    check(&format!("{AUTHORITY}\n{AUTHORITY}"), None);
    check("", Some("(environment): holds no PEM certificate"));
    check("not a certificate", Some("holds no PEM certificate"));
    let [begin, end] = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
    check(&format!("{begin}\nAAAA\n{end}\n"), Some("BadEncoding"));
    check(&format!("{begin}\nAAAA\n"), Some("without its end"));
}

#[test]
fn secrets_show_nowhere() {
    let secrets = [
        ("KAFKA_SASL_PASSWORD", "zQz1"),
        ("API_TOKEN", "zQz2"),
        (
            "OPENDOTA_STREAM_URL",
            "wss://zQz3:zQz4@h/x?api_key=zQz5&key=zQz6&token=zQz7",
        ),
        (
            "OPENDOTA_STREAM_HEADERS",
            "Authorization: Bearer zQz8,Cookie: zQz9",
        ),
        (
            "KAFKA_PROPERTIES",
            "ssl.key.password=zQz10,sasl.oauthbearer.config=zQz11",
        ),
    ];
    let sasl = [
        ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_USERNAME", "me"),
    ];
    let loaded = load(&[&secrets[..], &sasl].concat()).expect("the settings are right");
    let password = loaded
        .settings
        .kafka
        .client
        .sasl_password
        .as_ref()
        .map(ExposeSecret::expose_secret);
    assert_eq!(password, Some("zQz1"));
    for text in [loaded.report.to_string(), format!("{loaded:?}")] {
        assert!(!text.contains("zQz"), "{text}");
    }
    let spoilt = secrets.map(|(variable, text)| (variable, format!("{text}\0,\u{e9}")));
    let spoilt = spoilt
        .each_ref()
        .map(|(variable, text)| (*variable, text.as_str()));
    // The address becomes wrong by its scheme: the standard would escape the rest.
    let url = spoilt[2].1.replace("wss://", "https://");
    let spoilt = spoilt.map(|(variable, text)| match variable {
        "OPENDOTA_STREAM_URL" => (variable, url.as_str()),
        _ => (variable, text),
    });
    let wrong = load(&spoilt).expect_err("the settings are wrong");
    assert_eq!(wrong.problems.len(), secrets.len(), "{wrong}");
    for text in [wrong.to_string(), format!("{wrong:?}")] {
        assert!(!text.contains("zQz"), "{text}");
    }
}
