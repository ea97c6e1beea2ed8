//! What the settings are by default, what is wrong with wrong ones, and that the manual says so.

use std::{collections::BTreeSet, ffi::OsString, fs, path::Path, time::Duration};

use identity::{Algorithm, ClientKind, Scope, openid::Provider};
use service_kit::config::{Manual, ServiceSettings as _};
use sql_kit::Migrate;

use super::Settings;

const MANUAL: Manual = Manual {
    program: "auth-service",
    commands: env!("CARGO_PKG_NAME"),
    config_file_variable: Settings::CONFIG_FILE_VARIABLE,
    example: "CODE_LIFE",
};
const CLIENTS: &str = r#"
[[clients]]
id = "stats-site"
name = "Statistics"
kind = "web"
redirect_uris = ["https://stats.example/back"]
scopes = ["profile:read", "draft:read"]
origins = ["https://stats.example"]

[[clients]]
id = "overlay"
name = "Overlay"
kind = "native"
redirect_uris = ["http://127.0.0.1/back", "example.overlay:/back"]
scopes = []
"#;
/// What must be given.
const GIVEN: [(&str, &str); 3] = [
    ("DATABASE_URL", "postgresql://u:zQz@db.example/auth"),
    ("AUTH_ISSUER", "https://login.example"),
    ("AUTH_KEY_ENCRYPTION_KEY", KEY),
];
const KEY: &str = "elF6AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=";

/// A variable, texts that are right for it, and texts that are wrong whatever else is set.
struct Case(
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// In the order of the manual. What several services have is tested with the first of them.
const CASES: &[Case] = &[
    Case(
        "DATABASE_URL",
        &["postgresql://db/a"],
        &["", "mysql://u:zQz@db/a"],
    ),
    Case("DATABASE_CONNECTIONS_MAX", &["1"], &["", "0"]),
    Case("DATABASE_TIMEOUT", &["10ms"], &["", "0"]),
    Case("DATABASE_STATEMENT_TIMEOUT", &["10ms"], &["", "0"]),
    Case("DATABASE_MIGRATE", &["refuse"], &["", "yes"]),
    Case(
        "AUTH_ISSUER",
        &["https://login.example:8443", "http://127.0.0.1:8082"],
        &[
            "",
            "http://login.example",
            "https://login.example/a",
            "login.example",
        ],
    ),
    Case("AUTH_AUDIENCE", &["a"], &["", "two words"]),
    Case("AUTH_CLOCK_SKEW", &["0"], &["", "6m"]),
    Case(
        "AUTH_SIGNING_ALGORITHM",
        &["es256", "EdDSA", "RS256"],
        &["", "HS256", "none"],
    ),
    Case(
        "AUTH_KEY_ENCRYPTION_KEY",
        &[KEY],
        &[
            "",
            "zQz",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "elF6AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==",
        ],
    ),
    Case("AUTH_KEY_ROTATION", &["2h", "400d"], &["", "59m", "401d"]),
    Case(
        "AUTH_KEY_PUBLISH_AHEAD",
        &["1m", "29d"],
        &["", "59s", "30d", "31d"],
    ),
    Case(
        "AUTH_CLIENTS_FILE",
        &["clients.toml", "./clients.toml"],
        &["", "nowhere.toml"],
    ),
    Case(
        "AUTH_ADMINS",
        &[
            "",
            "76561198046967340",
            "76561198046967340, 76561198000000001",
        ],
        &["admin", "76561198046967340,", "103582791429521412"],
    ),
    Case("ACCESS_TOKEN_LIFE", &["1s", "1h"], &["", "0", "61m"]),
    Case("CODE_LIFE", &["1s", "10m"], &["", "0", "11m"]),
    Case("REFRESH_IDLE", &["1s", "90d"], &["", "0", "91d"]),
    Case("REFRESH_ABSOLUTE", &["30d", "400d"], &["", "0", "401d"]),
    Case("REFRESH_GRACE", &["0", "5m"], &["", "6m"]),
    Case(
        "STEAM_OPENID_ENDPOINT",
        &[Provider::STEAM_ENDPOINT],
        &[
            "",
            "https://steam.example/openid/login",
            "http://steamcommunity.com/openid/login",
        ],
    ),
    Case(
        "STEAM_CLAIMED_ID_PREFIX",
        &[Provider::STEAM_CLAIMED_ID_PREFIX],
        &["", "https://steam.example/openid/id/"],
    ),
    Case("STEAM_SIMULATED", &["true", "false"], &["", "yes"]),
    Case(
        "STEAM_OPENID_HEADERS",
        &["", "Origin: https://a.example"],
        &["Origin"],
    ),
    Case("STEAM_API_URL", &["http://127.0.0.1:1"], &["", "ftp://a"]),
    Case("STEAM_API_KEY", &["0123456789ABCDEF"], &["", "zQz zQz"]),
    Case("RATE_AUTHORIZE", &["1/s", "30/m"], &["", "often", "0/m"]),
    Case("RATE_TOKEN", &["100/h"], &["", "60"]),
    Case("RATE_FAILURES", &["1/m"], &["", "-1/m"]),
    Case(
        "REDIS_URL",
        &["redis://u:p@r:6379/1", "redis+sentinel://a:1,b:2/m"],
        &["", "http://r", "rediss://:zQz@r"],
    ),
    Case("REDIS_KEY_PREFIX", &["", "prod:"], &["a b"]),
    Case("API_HOST", &["::"], &["", "a b"]),
    Case("API_PORT", &["0"], &["", "65536"]),
    Case("API_TOKEN", &["a/b=="], &["", "zQz zQz"]),
    Case(
        "API_CORS_ALLOWED_ORIGINS",
        &["", "https://a.example"],
        &["a.example"],
    ),
    Case("REQUEST_TIMEOUT", &["500ms", "1m"], &["", "0"]),
    Case("TRUSTED_PROXIES", &["", "10.0.0.0/8"], &["proxy"]),
    Case("LOG_LEVEL", &["Warn"], &["", "loud"]),
    Case("LOG_FORMAT", &["TEXT"], &["", "xml"]),
    Case("SERVICE_NAME", &["a \"name\" ü"], &["", "a\tb"]),
    Case("SHUTDOWN_TIMEOUT", &["1h"], &["", "25"]),
];

fn load_from(clients: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("clients.toml"), clients).expect("a file");
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
fn load_with(given: &[(&str, &str)]) -> Result<Settings, String> {
    let is_other = |name: &str| given.iter().all(|(other, _)| *other != name);
    let others = GIVEN.into_iter().filter(|(name, _)| is_other(name));
    let variables: Vec<_> = others.chain(given.iter().copied()).collect();
    load_from(CLIENTS, &variables)
}

#[test]
fn config_md_is_what_the_declarations_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/auth/CONFIG.md");
    MANUAL
        .check(&file, &Settings::declarations())
        .unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn defaults_are_short_lives_for_what_travels_and_steam_itself() {
    let settings = load_with(&[]).expect("nothing else is needed");
    let database = &settings.database;
    assert_eq!(database.timeout, Duration::from_secs(1));
    assert_eq!(database.statement_timeout, Duration::from_secs(2));
    assert_eq!(
        (database.connections_max, database.migrate),
        (10, Migrate::Auto)
    );
    let day = Duration::from_hours(24);
    let signing = settings.signing.as_ref().expect("it is given");
    assert_eq!(signing.schedule.algorithm(), Algorithm::Es256);
    let access = &settings.access;
    assert_eq!(access.token_life, Duration::from_mins(5));
    assert_eq!(access.code_life, Duration::from_mins(1));
    let life = access.session_life;
    assert_eq!((life.idle, life.absolute), (30 * day, 90 * day));
    assert_eq!(life.grace, Duration::from_secs(10));
    assert_eq!(access.admins, BTreeSet::new());
    assert!(settings.sign_in.provider.is_steam());
    assert!(settings.redis.is_none());
    assert_eq!(settings.api.port, 8082);
    assert_eq!(settings.service_name, "auth-service");
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(25));
    let application = settings.application().expect("there is an issuer");
    assert_eq!(application.terms.audience, "match-platform");
    let rules = settings.rules().expect("there is an issuer");
    assert_eq!(rules.skew, Duration::from_secs(30));
    let shown = format!("{settings:?}");
    assert!(!shown.contains("zQz") && !shown.contains(KEY));
}

#[test]
fn what_must_be_given_is_named_when_it_is_not() {
    let wrong = load_from(CLIENTS, &[]).expect_err("all are missing");
    for (variable, _) in GIVEN {
        assert!(wrong.contains(variable), "{wrong}");
        let others: Vec<_> = GIVEN
            .into_iter()
            .filter(|(name, _)| *name != variable)
            .collect();
        let wrong = load_from(CLIENTS, &others).expect_err(variable);
        assert!(wrong.contains(variable), "{wrong}");
        assert!(!wrong.contains("zQz") && !wrong.contains(KEY), "{wrong}");
        assert!(
            !others.iter().any(|(other, _)| wrong.contains(other)),
            "{wrong}"
        );
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
            let refused = load_with(&[(variable, text)]).err();
            assert_eq!(refused, None, "{variable}={text}");
        }
        for text in *wrong {
            let loaded = load_with(&[(variable, text)]).map(|_| "it was taken");
            let error = loaded.expect_err(&format!("{variable}={text}"));
            let beginning = format!("wrong settings:\n  {variable} ");
            assert!(error.starts_with(&beginning), "{variable}={text}: {error}");
            assert!(!error.contains("zQz"), "{variable}={text}: {error}");
        }
    }
}

#[test]
fn somebody_else_may_play_steam_if_that_is_said() {
    let simulated = [
        ("STEAM_OPENID_ENDPOINT", "http://127.0.0.1:9/openid/login"),
        ("STEAM_CLAIMED_ID_PREFIX", "http://127.0.0.1:9/openid/id/"),
    ];
    let wrong = load_with(&simulated).expect_err("nobody said so");
    assert!(
        simulated.iter().all(|(name, _)| wrong.contains(name)),
        "{wrong}"
    );
    let said = [simulated[0], simulated[1], ("STEAM_SIMULATED", "true")];
    let settings = load_with(&said).expect("it was said");
    assert!(!settings.sign_in.provider.is_steam());
}

#[test]
fn clients_are_what_the_file_lists() {
    let settings = load_with(&[]).expect("it is right");
    let clients: Vec<_> = settings.access.clients.iter().collect();
    let [overlay, site] = clients[..] else {
        panic!("there are two: {clients:?}");
    };
    assert_eq!(
        (overlay.id().as_str(), overlay.kind()),
        ("overlay", ClientKind::Native)
    );
    assert!(overlay.redirect_uri("http://127.0.0.1:4711/back").is_some());
    assert!(overlay.scopes().is_empty() && overlay.origins().is_empty());
    assert_eq!(
        (site.id().as_str(), site.kind()),
        ("stats-site", ClientKind::Web)
    );
    assert!(site.scopes().contains(Scope::DraftRead));
    assert_eq!(site.origins(), ["https://stats.example"]);
}

#[test]
fn a_file_of_clients_that_is_wrong_says_where() {
    let check = |clients: &str, words: &[&str]| {
        let wrong = load_from(clients, &GIVEN).expect_err(clients);
        let beginning = "wrong settings:\n  AUTH_CLIENTS_FILE ";
        assert!(wrong.starts_with(beginning), "{wrong}");
        assert!(words.iter().all(|word| wrong.contains(word)), "{wrong}");
    };
    let with = |old: &str, new: &str| CLIENTS.replacen(old, new, 1);
    check("", &["names no client", "[[clients]]"]);
    check("[[clients", &["line 1"]);
    check(&with("name =", "nome ="), &["clients.0", "nome"]);
    check(&format!("colour = 1\n{CLIENTS}"), &["colour"]);
    check(&with("\"native\"", "\"tv\""), &["clients.1.kind", "tv"]);
    check(
        &with("draft:read", "draft:rule"),
        &["client 1", "stats-site", "draft:rule", "draft:read"],
    );
    check(
        &with("https://stats.example/back", "http://stats.example/back"),
        &["client 1", "is not https"],
    );
    check(
        &with("http://127.0.0.1/back", "http://localhost/back"),
        &["client 2", "127.0.0.1"],
    );
    check(
        &with("\"overlay\"", "\"stats-site\""),
        &["two clients stats-site"],
    );
    check(&with("id = \"overlay\"\n", ""), &["clients.1", "id"]);
}
