//! What the settings are by default, what is wrong with wrong ones, and that the manual says so.

use std::{ffi::OsString, path::Path, time::Duration};

use service_kit::config::{Manual, ServiceSettings as _};
use sql_kit::Migrate;

use super::Settings;

const MANUAL: Manual = Manual {
    program: "user-service",
    commands: env!("CARGO_PKG_NAME"),
    config_file_variable: Settings::CONFIG_FILE_VARIABLE,
    example: "DATABASE_TIMEOUT",
};
/// What must be given.
const GIVEN: [(&str, &str); 2] = [
    ("DATABASE_URL", "postgresql://u:zQz@db.example/users"),
    ("AUTH_ISSUER", "https://login.example"),
];

/// A variable, texts that are right for it, and texts that are wrong whatever else is set.
struct Case(
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// In the order of the manual.
const CASES: &[Case] = &[
    Case(
        "DATABASE_URL",
        &[
            "postgresql://db/a",
            "postgres://u:p@db:5433/a",
            "postgresql+psycopg2://db/a",
        ],
        &[
            "",
            "mysql://u:zQz@db/a",
            "sqlite:///a.db",
            "postgresql://db",
            "postgresql://u:zQz@/a",
        ],
    ),
    Case(
        "DATABASE_CONNECTIONS_MAX",
        &["1", "1000"],
        &["", "0", "1001", "ten"],
    ),
    Case("DATABASE_TIMEOUT", &["10ms", "1m"], &["", "0", "1", "2m"]),
    Case(
        "DATABASE_STATEMENT_TIMEOUT",
        &["10ms", "1m"],
        &["", "0", "1", "2m"],
    ),
    Case("DATABASE_MIGRATE", &["auto", "refuse"], &["", "yes"]),
    Case(
        "AUTH_ISSUER",
        &["https://login.example:8443", "http://127.0.0.1:8082"],
        &[
            "",
            "http://login.example",
            "https://login.example/",
            "login.example",
        ],
    ),
    Case(
        "AUTH_AUDIENCE",
        &["match-platform", "a"],
        &["", "two words"],
    ),
    Case(
        "AUTH_JWKS_URL",
        &["http://auth:8082/.well-known/jwks.json"],
        &["", "ftp://auth/keys", "http://u:zQz@auth/keys"],
    ),
    Case("AUTH_JWKS_CACHE_FILE", &["keys.json", "/var/a b"], &[""]),
    Case("AUTH_CLOCK_SKEW", &["0", "5m"], &["", "30", "6m"]),
    Case("API_HOST", &["::", "localhost"], &["", "a b", "[::1]"]),
    Case("API_PORT", &["0", "65535"], &["", "65536", "http"]),
    Case("API_TOKEN", &["a/b=="], &["", "zQz zQz"]),
    Case(
        "API_CORS_ALLOWED_ORIGINS",
        &["", "*", "https://a.example,http://b:1"],
        &["a.example", "https://a/x", "*,*"],
    ),
    Case("REQUEST_TIMEOUT", &["500ms", "1m"], &["", "0", "61s"]),
    Case(
        "TRUSTED_PROXIES",
        &["", "10.0.0.0/8"],
        &["10.0.0.0/33", "proxy"],
    ),
    Case("LOG_LEVEL", &["off", "Warn", "TRACE"], &["", "loud"]),
    Case("LOG_FORMAT", &["json", "TEXT"], &["", "xml"]),
    Case("SERVICE_NAME", &["a \"name\" ü"], &["", "a\tb"]),
    Case("SHUTDOWN_TIMEOUT", &["100ms", "1h"], &["", "25", "0s"]),
];

fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let variables: Vec<(OsString, OsString)> = variables
        .iter()
        .map(|(name, text)| (name.into(), text.into()))
        .collect();
    let loaded = Settings::load(&[], None, variables, Path::new(folder.path()));
    loaded
        .map(|loaded| loaded.settings)
        .map_err(|error| error.to_string())
}

/// With what must be given, unless it is given otherwise.
fn load_with(variable: &str, text: &str) -> Result<Settings, String> {
    let given = GIVEN.into_iter().filter(|(name, _)| *name != variable);
    load(&given.chain([(variable, text)]).collect::<Vec<_>>())
}

#[test]
fn config_md_is_what_the_declarations_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/user/CONFIG.md");
    MANUAL
        .check(&file, &Settings::declarations())
        .unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn defaults_are_those_of_a_service_whose_answers_are_for_users() {
    let settings = load(&GIVEN).expect("nothing else is needed");
    let database = &settings.database;
    assert_eq!(database.timeout, Duration::from_secs(1));
    assert_eq!(database.statement_timeout, Duration::from_secs(2));
    assert_eq!(
        (database.connections_max, database.migrate),
        (10, Migrate::Auto)
    );
    assert_eq!(settings.auth.audience, "match-platform");
    assert_eq!(settings.auth.skew, Duration::from_secs(30));
    assert!(settings.auth.key_file.ends_with("data/jwks.json"));
    let url = settings.auth.key_set_url();
    assert_eq!(
        url.as_deref(),
        Some("https://login.example/.well-known/jwks.json")
    );
    assert_eq!(settings.api.port, 8083);
    assert_eq!(settings.service_name, "user-service");
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(25));
    assert!(!format!("{settings:?}").contains("zQz"));
}

#[test]
fn database_and_issuer_must_be_given() {
    let wrong = load(&[]).expect_err("both are missing");
    assert!(
        wrong.contains("DATABASE_URL") && wrong.contains("AUTH_ISSUER"),
        "{wrong}"
    );
    for (variable, _) in GIVEN {
        let others: Vec<_> = GIVEN
            .into_iter()
            .filter(|(name, _)| *name != variable)
            .collect();
        let wrong = load(&others).expect_err(variable);
        assert!(
            wrong.contains(variable) && !wrong.contains("zQz"),
            "{wrong}"
        );
        assert!(!wrong.contains(others[0].0), "{wrong}");
    }
}

#[test]
fn every_variable_takes_what_is_right_and_names_what_is_wrong() {
    let declared = Settings::declarations();
    let declared: Vec<_> = declared.iter().map(|it| it.variable()).collect();
    let tested: Vec<_> = CASES.iter().map(|case| case.0).collect();
    assert_eq!(declared, tested);
    for Case(variable, right, wrong) in CASES {
        for text in *right {
            let refused = load_with(variable, text).err();
            assert_eq!(refused, None, "{variable}={text}");
        }
        for text in *wrong {
            let loaded = load_with(variable, text).map(|_| "it was taken");
            let error = loaded.expect_err(&format!("{variable}={text}"));
            let beginning = format!("wrong settings:\n  {variable} ");
            assert!(error.starts_with(&beginning), "{variable}={text}: {error}");
            assert!(!error.contains("zQz"), "{variable}={text}: {error}");
        }
    }
}
