//! Secrets go where they belong, and nowhere else.

use anyhow::{Context as _, Result};
use feed_simulator::{
    Config, ConnectionPlan, Fault, FaultSchedule, World,
    steam::{SteamConfig, SteamUpstream},
    upstream::UpstreamServer,
};
use http_test_kit::client::Site;
use kafka_test_kit::{Listener, SecuredBroker, User};
use tempfile::TempDir;
use test_kit::{
    certificates::{Authority, Validity},
    secrets::{self, assert_no_secret},
};

use crate::{
    kafka_security::allow_all,
    support::{Service, Topics, feed, run_to_end, wait_until},
};

/// The user information of the feed's address in base64, as its header has it.
const USER_IN_BASE64: &str = "elF6LXVzZXI6elF6LXBhc3N3b3Jk";

const HEADERS: &str = "X-Api-Key: zQz-header, Cookie: session=zQz-cookie";
const PROPERTIES: &str = "ssl.key.password=zQz-property,sasl.oauthbearer.config=zQz-config";
const PASSWORD: &str = "zQz-sasl";
const TOKEN: &str = "zQz-api-token";
const OPENDOTA_KEY: &str = "zQz-opendota";
const STEAM_KEYS: &str = "zQz-steam-1,zQz-steam-2";

fn url_with_secrets(address: impl std::fmt::Display) -> String {
    format!("ws://zQz-user:zQz-password@{address}/m?api_key=zQz-1&league=7&key=zQz-2&token=zQz-3")
}

fn assert_no_secret_was_said(service: &Service) -> Result<()> {
    secrets::assert_no_secret_was_said(&service.log(), &service.errors())
}

async fn assert_no_secret_is_answered(service: &Service) -> Result<()> {
    let site = Site::at(service.address().parse()?);
    http_test_kit::secrets::assert_no_secret_is_answered(&site, TOKEN).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_show_nowhere() -> Result<()> {
    while_everything_works().await?;
    while_kafka_refuses_them().await?;
    while_passwords_are_tried().await?;
    in_what_commands_print().await?;
    in_complaints_about_files().await
}

async fn upstream_that_accepts_no_key() -> Result<UpstreamServer> {
    let steam = SteamUpstream::new(SteamConfig {
        matches: 0,
        keys: vec!["another".to_owned()],
        ..SteamConfig::new(World::new(1))
    });
    Ok(UpstreamServer::start(steam, ([127, 0, 0, 1], 0).into()).await?)
}

async fn while_everything_works() -> Result<()> {
    let topics = Topics::create().await?;
    let scripted = [
        ConnectionPlan::at_upgrade("refuse:401".parse()?),
        ConnectionPlan::at_upgrade("accept-then-close".parse()?),
        ConnectionPlan::after_frames(50, Fault::Reset),
    ];
    let faults = FaultSchedule {
        scripted: scripted.into(),
        ..FaultSchedule::default()
    };
    let feed = feed(Config {
        count: Some(200),
        invalid_fraction: 0.1,
        faults,
        ..Config::default()
    })
    .await?;
    let steam = upstream_that_accepts_no_key().await?;
    let steam_url = steam.origin();
    let settings = [
        (
            "INGESTION_SOURCES",
            "opendota-stream,opendota-pages,steam-sequence",
        ),
        ("OPENDOTA_API_URL", steam_url.as_str()),
        ("OPENDOTA_API_KEY", OPENDOTA_KEY),
        ("STEAM_API_URL", steam_url.as_str()),
        ("STEAM_API_KEYS", STEAM_KEYS),
        ("OPENDOTA_STREAM_HEADERS", HEADERS),
        ("OPENDOTA_STREAM_BACKOFF_MIN", "10ms"),
        ("KAFKA_PROPERTIES", PROPERTIES),
        ("API_TOKEN", TOKEN),
        ("LOG_LEVEL", "TRACE"),
    ];
    let url = url_with_secrets(feed.websocket_address());
    let service = Service::start(&url, &topics, &settings).await?;
    service.wait_for_figure("published", 200).await;

    let connections = feed.truth().connections;
    let last = connections.last().context("there are connections")?;
    assert_eq!(
        last.path.as_deref(),
        Some("/m?api_key=zQz-1&league=7&key=zQz-2&token=zQz-3")
    );
    assert_eq!(
        last.headers["authorization"],
        format!("Basic {USER_IN_BASE64}")
    );
    assert_eq!(
        (&*last.headers["x-api-key"], &*last.headers["cookie"]),
        ("zQz-header", "session=zQz-cookie")
    );
    assert_no_secret_is_answered(&service).await?;
    let levels: Vec<String> = service.log();
    assert!(
        levels
            .iter()
            .any(|line| line.contains(r#""level":"DEBUG""#)),
        "it tells all it can"
    );
    service.signal("TERM")?;
    wait_until("it has stopped", async || {
        service
            .log()
            .iter()
            .any(|line| line.contains(r#""stopped""#))
    })
    .await;
    assert_no_secret_was_said(&service)
}

/// Everything from files, towards a broker that does not speak SASL, with librdkafka at its most talkative.
async fn while_kafka_refuses_them() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await?;
    let folder = TempDir::new()?;
    let file = |name: &str, content: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{content}\n"))?;
        Ok(path.display().to_string())
    };
    let settings = [
        ("OPENDOTA_STREAM_HEADERS_FILE", &*file("headers", HEADERS)?),
        ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_USERNAME", "ingestion"),
        ("KAFKA_SASL_PASSWORD_FILE", &*file("password", PASSWORD)?),
        (
            "KAFKA_PROPERTIES_FILE",
            &*file("properties", &format!("{PROPERTIES},debug=all"))?,
        ),
        ("API_TOKEN_FILE", &*file("token", TOKEN)?),
        ("LOG_LEVEL", "TRACE"),
    ];
    let url = url_with_secrets(feed.websocket_address());
    let service = Service::start(&url, &topics, &settings).await?;
    wait_until("librdkafka speaks of SASL", async || {
        service
            .log()
            .iter()
            .any(|line| line.contains("librdkafka") && line.contains("SASL"))
    })
    .await;
    assert_no_secret_is_answered(&service).await?;
    assert_no_secret_was_said(&service)
}

/// By SCRAM and with a client's key, rightly and wrongly, towards a feed that is not there.
async fn while_passwords_are_tried() -> Result<()> {
    let authority = Authority::new("ours")?;
    let server = authority.server("127.0.0.1", Validity::InDate)?;
    let listener = Listener {
        name: "GUARDED",
        identity: Some(&server),
        client_authority: Some(authority.pem()),
        asks_for_password: true,
    };
    let user = User {
        name: "ingestion",
        password: PASSWORD,
    };
    let broker = SecuredBroker::start(&[listener], &[user]).await?;
    let topics = Topics::create_on(&broker).await?;
    allow_all(&broker, "User:ingestion", &topics).await?;

    let client = authority.client("ingestion")?;
    let folder = TempDir::new()?;
    let file = |name: &str, content: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path.display().to_string())
    };
    let properties = format!("{PROPERTIES},debug=all");
    let (ca, certificate, key) = (
        file("ca.pem", &authority.pem())?,
        file("certificate.pem", &client.certificate)?,
        file("key.pem", &client.key)?,
    );
    let line_of_key = client.key.lines().nth(1).context("a key has lines")?;
    let url = url_with_secrets("127.0.0.1:1");
    for (password, words) in [
        (PASSWORD, "each with a leader"),
        ("zQz-wrong", "Authentication failed"),
    ] {
        let password = file("password", password)?;
        let settings = [
            ("KAFKA_SECURITY_PROTOCOL", "sasl_ssl"),
            ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
            ("KAFKA_SASL_USERNAME", "ingestion"),
            ("KAFKA_SASL_PASSWORD_FILE", &*password),
            ("KAFKA_SSL_CA_LOCATION", &*ca),
            ("KAFKA_SSL_CERTIFICATE_LOCATION", &*certificate),
            ("KAFKA_SSL_KEY_LOCATION", &*key),
            ("KAFKA_PROPERTIES", &*properties),
            ("API_TOKEN", TOKEN),
            ("LOG_LEVEL", "DEBUG"),
        ];
        let address = broker.address("GUARDED")?;
        let service = Service::start(&url, &topics.at(address), &settings).await?;
        wait_until(&format!("health says: {words}"), async || {
            let health = service.health().await;
            health.is_ok_and(|(_, health)| {
                let health = health.to_string();
                health.contains(words) && health.contains("Connection refused")
            })
        })
        .await;
        assert_no_secret_is_answered(&service).await?;
        assert_no_secret_was_said(&service)?;
        let log = service.log().join("\n");
        assert!(log.contains("librdkafka") && log.contains("SCRAM"), "{log}");
        assert!(!log.contains(line_of_key), "the log shows the key");
    }
    Ok(())
}

async fn in_what_commands_print() -> Result<()> {
    let folder = TempDir::new()?;
    let url = url_with_secrets("127.0.0.1:1");
    let right = [
        ("OPENDOTA_STREAM_URL", url.as_str()),
        ("OPENDOTA_STREAM_HEADERS", HEADERS),
        ("KAFKA_SASL_PASSWORD", PASSWORD),
        ("KAFKA_PROPERTIES", PROPERTIES),
        ("OPENDOTA_API_KEY", OPENDOTA_KEY),
        ("STEAM_API_KEYS", STEAM_KEYS),
        ("API_TOKEN", TOKEN),
    ];
    let sasl = [
        ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_USERNAME", "ingestion"),
    ];
    let mut from_files = Vec::new();
    for (variable, text) in right {
        std::fs::write(folder.path().join(variable), text)?;
        from_files.push((format!("{variable}_FILE"), variable));
    }
    let from_files: Vec<(&str, &str)> = from_files
        .iter()
        .map(|(name, file)| (name.as_str(), *file))
        .collect();
    let wrong_url = url.replace("ws://", "https://");
    let wrong = [
        ("OPENDOTA_STREAM_URL", wrong_url.as_str()),
        (
            "OPENDOTA_STREAM_HEADERS",
            "Host: zQz-host, zQz-without-name",
        ),
        ("KAFKA_SASL_PASSWORD", "zQz\u{1}"),
        (
            "KAFKA_PROPERTIES",
            "acks=1,sasl.oauthbearer.client.secret=zQz,no.such.property=zQz,ssl.key.location=zQz",
        ),
        ("OPENDOTA_API_KEY", "zQz and more"),
        ("STEAM_API_KEYS", "zQz1,zQz2,zQz3"),
        ("API_TOKEN", "zQz two words"),
    ];
    for (settings, code) in [(&right[..], 0), (&from_files, 0), (&wrong, 78)] {
        let settings = [settings, &sasl].concat();
        let finished = run_to_end(&["validate"], &settings, folder.path()).await?;
        assert_eq!(finished.exit_code, Some(code), "{finished:?}");
        assert_no_secret(
            "validate",
            &format!("{}{}", finished.stdout, finished.stderr),
        );
    }
    let nobody_there = [&right[..], &sasl, &[("API_PORT", "1")]].concat();
    let finished = run_to_end(&["healthcheck"], &nobody_there, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(69), "{finished:?}");
    assert_no_secret(
        "healthcheck",
        &format!("{}{}", finished.stdout, finished.stderr),
    );
    Ok(())
}

/// Settings files that are wrong right where the secret is.
async fn in_complaints_about_files() -> Result<()> {
    let folder = TempDir::new()?;
    for (name, text) in [
        (".env", "API_TOKEN=zQz two words\n"),
        (".env", "API_TOKEN=\"zQz\n"),
        ("broken.toml", "[api]\ntoken = \"zQz\n"),
        ("broken.toml", "[api]\ntoken = zQz\n"),
        (
            "broken.toml",
            "[kafka]\nsasl_password = { zQz = \"zQz\" }\n",
        ),
        ("broken.toml", "[kafka]\nsasl_pasword = \"zQz\"\n"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        let config = [("INGESTION_CONFIG", "broken.toml")];
        let settings = if name == ".env" { &[] } else { &config[..] };
        let finished = run_to_end(&["run"], settings, folder.path()).await?;
        std::fs::remove_file(path)?;
        assert_eq!(finished.exit_code, Some(78), "{text:?}: {finished:?}");
        let printed = format!("{}{}", finished.stdout, finished.stderr);
        assert!(printed.contains(name), "{printed}");
        assert_no_secret(text, &printed);
    }
    Ok(())
}
