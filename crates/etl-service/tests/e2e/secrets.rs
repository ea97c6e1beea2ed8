//! Secrets go where they belong, and nowhere else.

use std::{net::Ipv4Addr, sync::Arc};

use anyhow::Result;
use clickhouse_test_kit::shared_clickhouse;
use domain::Timestamp;
use feed_simulator::{
    World,
    summaries::SummariesConfig,
    upstream::{Upstream, UpstreamConfig, UpstreamServer},
};
use http_test_kit::secrets::assert_no_secret_is_answered;
use kafka_test_kit::{shared_broker, unique_topic};
use tempfile::TempDir;
use test_kit::{
    secrets::{assert_no_secret, assert_no_secret_was_said},
    service_process::run_to_end,
    waiting::wait_until,
};

use crate::support::{DEADLINE, Service, Topics};

const PROGRAM: &str = env!("CARGO_BIN_EXE_etl-service");
const TOKEN: &str = "zQz-api-token";
/// Every secret there is, planted.
const SECRETS: [(&str, &str); 6] = [
    ("WAREHOUSE_PASSWORD", "zQz-warehouse"),
    ("KAFKA_SASL_PASSWORD", "zQz-sasl"),
    (
        "KAFKA_PROPERTIES",
        "ssl.key.password=zQz-property,sasl.oauthbearer.config=zQz-config",
    ),
    ("API_TOKEN", TOKEN),
    ("OPENDOTA_API_KEY", "zQz-upstream"),
    ("STEAM_API_KEYS", "zQz-steam"),
];
const DETAILS: [(&str, &str); 2] = [("DETAILS_FOR", "sample=100%"), ("DETAILS_GRACE", "0s")];
const SASL: [(&str, &str); 3] = [
    ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"),
    ("KAFKA_SASL_MECHANISM", "PLAIN"),
    ("KAFKA_SASL_USERNAME", "etl"),
];
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";
const NO_UPSTREAM: (&str, &str) = ("OPENDOTA_API_URL", NOWHERE);

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_show_nowhere() -> Result<()> {
    while_everything_works().await?;
    while_everything_refuses_them().await?;
    in_what_commands_print().await
}

async fn while_everything_works() -> Result<()> {
    let engine = shared_clickhouse().await?;
    let topics = Topics::create_on(shared_broker().await?).await?;
    let world = World::new(5);
    topics
        .fill(SummariesConfig {
            invalid_fraction: 0.1,
            ..SummariesConfig::new(world.clone(), 200)
        })
        .await?;
    let day_later = Timestamp::from_unix_ms(world.begin().as_unix_ms() + 86_400_000);
    let upstream = Upstream::new(UpstreamConfig::new(world, day_later));
    let server = UpstreamServer::start(upstream.clone(), (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let upstream_url = server.url();
    let folder = Arc::new(TempDir::new()?);
    let database = unique_topic("dota").replace(['-', '.'], "_");
    let mut settings = vec![
        ("WAREHOUSE_URL", engine.url()),
        ("WAREHOUSE_DATABASE", &database),
        ("OPENDOTA_API_URL", &upstream_url),
        ("LOG_LEVEL", "TRACE"),
    ];
    // Without SASL nobody asks for its password.
    let secrets = SECRETS.into_iter();
    settings.extend(secrets.filter(|(variable, _)| *variable != "KAFKA_SASL_PASSWORD"));
    settings.extend(DETAILS);
    let migrated = run_to_end(PROGRAM, &["migrate"], &settings, folder.path()).await?;
    assert_eq!(migrated.exit_code, Some(0), "{migrated:?}");
    assert_no_secret("migrate", &(migrated.stdout + &migrated.stderr));

    let service = Service::start(&topics, &folder, &settings).await?;
    wait_until(DEADLINE, "it has loaded and asked", async || {
        let loaded = service.figure("loaded").await;
        loaded.is_ok_and(|loaded| loaded > 0) && upstream.calls().calls > 0
    })
    .await?;
    assert_no_secret_is_answered(service.site(), TOKEN).await;
    wait_until(DEADLINE, "it has told all it can", async || {
        let log = service.process.log();
        log.iter().any(|line| line.contains(r#""level":"DEBUG""#))
    })
    .await?;
    assert_no_secret_was_said(&service.process.log(), &service.process.errors())?;
    service.stop().await
}

/// Brokers that do not speak SASL, with librdkafka at its most talkative, and
/// no warehouse.
async fn while_everything_refuses_them() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let folder = Arc::new(TempDir::new()?);
    let properties = format!("{},debug=all", SECRETS[2].1);
    let mut settings = vec![
        ("WAREHOUSE_URL", NOWHERE),
        NO_UPSTREAM,
        ("LOG_LEVEL", "TRACE"),
    ];
    settings.extend(SECRETS);
    settings.extend(SASL);
    settings.extend(DETAILS);
    settings.push(("KAFKA_PROPERTIES", &properties));
    let service = Service::start(&topics, &folder, &settings).await?;
    wait_until(DEADLINE, "librdkafka speaks of SASL", async || {
        let log = service.process.log();
        log.iter()
            .any(|line| line.contains("librdkafka") && line.contains("SASL"))
    })
    .await?;
    assert_no_secret_is_answered(service.site(), TOKEN).await;
    assert_no_secret_was_said(&service.process.log(), &service.process.errors())
}

async fn in_what_commands_print() -> Result<()> {
    let folder = TempDir::new()?;
    let mut from_files = Vec::new();
    for (variable, text) in SECRETS {
        std::fs::write(folder.path().join(variable), text)?;
        from_files.push((format!("{variable}_FILE"), variable));
    }
    let from_files: Vec<(&str, &str)> = from_files
        .iter()
        .map(|(name, file)| (name.as_str(), *file))
        .collect();
    let wrong = [
        ("WAREHOUSE_PASSWORD", "zQz\u{1}"),
        ("KAFKA_SASL_PASSWORD", "zQz\u{1}"),
        (
            "KAFKA_PROPERTIES",
            "acks=1,sasl.oauthbearer.client.secret=zQz,no.such.property=zQz",
        ),
        ("API_TOKEN", "zQz two words"),
        ("OPENDOTA_API_KEY", "zQz two words"),
    ];
    let nowhere = [
        ("WAREHOUSE_URL", NOWHERE),
        NO_UPSTREAM,
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"),
        ("API_PORT", "1"),
    ];
    for (arguments, secrets, code) in [
        (&["validate"][..], &SECRETS[..], 0),
        (&["validate"], &from_files, 0),
        (&["validate"], &wrong, 78),
        (&["healthcheck"], &SECRETS, 69),
        (&["verify"], &SECRETS, 69),
        (&["migrate"], &SECRETS, 69),
        (&["doctor"], &SECRETS, 69),
    ] {
        let settings = [secrets, &SASL, &DETAILS, &nowhere].concat();
        let ended = run_to_end(PROGRAM, arguments, &settings, folder.path()).await?;
        assert_eq!(ended.exit_code, Some(code), "{arguments:?}: {ended:?}");
        let printed = ended.stdout + &ended.stderr;
        assert!(!printed.is_empty(), "{arguments:?}");
        assert_no_secret(arguments[0], &printed);
    }
    Ok(())
}
