//! `doctor`, with everything there and with nothing.

use std::net::Ipv4Addr;

use anyhow::Result;
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::{Upstream, UpstreamConfig, UpstreamServer},
};
use kafka_test_kit::{shared_broker, unique_topic};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::service_process::{Finished, run_to_end};

use crate::support::{PROGRAM, Topics};

async fn doctor(topics: &Topics, further: &[(&str, &str)]) -> Result<Finished> {
    doctor_in(&TempDir::new()?, topics, further).await
}

async fn doctor_in(
    folder: &TempDir,
    topics: &Topics,
    further: &[(&str, &str)],
) -> Result<Finished> {
    let mut settings = topics.settings();
    settings.extend(further);
    run_to_end(PROGRAM, &["doctor", "--json"], &settings, folder.path()).await
}

/// Names and outcomes, and the detail of one.
fn outcomes(finished: &Finished) -> Result<Vec<(String, String)>> {
    let report: Value = serde_json::from_str(&finished.stdout)?;
    let checks = report["checks"].as_array().expect("it has checks");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(checks
        .iter()
        .map(|check| (text(&check["name"]), text(&check["outcome"])))
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_there_is_found_and_left_as_it_is() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let world = World::new(1);
    let now = world.begin();
    let upstream = Upstream::new(UpstreamConfig::new(world, now));
    let server = UpstreamServer::start(upstream.clone(), (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let url = server.url();
    let asked = [
        ("DETAILS_FOR", "missing"),
        ("OPENDOTA_API_URL", url.as_str()),
    ];
    let folder = TempDir::new()?;
    let finished = doctor_in(&folder, &topics, &asked).await?;
    assert_eq!(finished.exit_code, Some(0), "{finished:?}");
    assert_eq!(upstream.calls().calls, 1);
    // Calls were set down that day: it asks all the same.
    let again = doctor_in(&folder, &topics, &asked).await?;
    assert_eq!((again.exit_code, upstream.calls().calls), (Some(0), 2));
    upstream.fail("refuse:429".parse()?);
    let limited = doctor_in(&folder, &topics, &asked).await?;
    assert_eq!(limited.exit_code, Some(0), "{limited:?}");
    let skipped = ("upstream.opendota".to_owned(), "skipped".to_owned());
    assert!(outcomes(&limited)?.contains(&skipped), "{limited:?}");
    assert!(
        limited.stdout.contains("permit no call before"),
        "{limited:?}"
    );
    upstream.recover();
    let names = [
        "settings".to_owned(),
        "kafka".to_owned(),
        format!("topic.{}", topics.summaries),
        format!("topic.{}", topics.ids),
        format!("topic.{}", topics.dead_letters),
        "group".to_owned(),
        "warehouse".to_owned(),
        "inserts".to_owned(),
        "disk".to_owned(),
        "clock".to_owned(),
        "upstream.opendota".to_owned(),
        "upstream.steam".to_owned(),
    ];
    let found = outcomes(&finished)?;
    let expected: Vec<_> = names
        .into_iter()
        .map(|name| {
            let is_skipped = ["clock", "upstream.steam"].contains(&name.as_str());
            let outcome = if is_skipped { "skipped" } else { "ok" };
            (name, outcome.to_owned())
        })
        .collect();
    assert_eq!(found, expected);
    let nobody = [asked[0], ("OPENDOTA_API_URL", "http://127.0.0.1:1/api")];
    let alone = doctor(&topics, &nobody).await?;
    assert_eq!(alone.exit_code, Some(69), "{alone:?}");
    assert!(
        alone.stdout.contains("see OPENDOTA_API_URL"),
        "{}",
        alone.stdout
    );

    let folder = TempDir::new()?;
    let (list, settings) = (["dead-letters", "list", "--json"], topics.settings());
    let listed = run_to_end(PROGRAM, &list, &settings, folder.path()).await?;
    assert_eq!(listed.stdout, "", "the topic is as it was");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn steam_is_asked_where_there_is_a_key() -> Result<()> {
    const KEY: &str = "zQzSteamKey";
    let topics = Topics::create_on(shared_broker().await?).await?;
    let steam = SteamUpstream::new(SteamConfig {
        matches: 100,
        limits: SteamLimits::NONE,
        keys: vec![KEY.to_owned()],
        ..SteamConfig::new(World::new(1))
    });
    steam.advance_to_end();
    let server = UpstreamServer::start(steam.clone(), (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let url = server.origin();
    let ask = async |url: &str, key: &str| {
        let asked = doctor(&topics, &[("STEAM_API_URL", url), ("STEAM_API_KEYS", key)]).await?;
        let said = [asked.stdout.as_str(), asked.stderr.as_str()].concat();
        assert!(!said.contains("zQz"), "{said}");
        Ok::<_, anyhow::Error>((asked.exit_code, said))
    };
    let (code, said) = ask(&url, KEY).await?;
    assert_eq!((code, steam.calls().answered), (Some(0), 1), "{said}");
    assert!(said.contains("the newest number of its sequence"), "{said}");

    let (code, said) = ask(&url, "zQzAnotherKey").await?;
    assert_eq!((code, steam.calls().forbidden), (Some(69), 1), "{said}");
    assert!(said.contains("see STEAM_API_KEYS"), "{said}");

    let (code, said) = ask("http://127.0.0.1:1", KEY).await?;
    assert_eq!(code, Some(69), "{said}");
    assert!(said.contains("see STEAM_API_URL"), "{said}");

    steam.fail("refuse:429".parse()?);
    let (code, said) = ask(&url, KEY).await?;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("somebody else calls"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_missing_is_told_at_once() -> Result<()> {
    let existing = Topics::create_on(shared_broker().await?).await?;
    let topics = Topics {
        dead_letters: unique_topic("etl_dead_letter"),
        ..existing
    };
    let nobody = [("WAREHOUSE_URL", "http://127.0.0.1:1")];
    let finished = doctor(&topics, &nobody).await?;
    assert_eq!(finished.exit_code, Some(69), "{finished:?}");
    let create = format!("--create --topic {}", topics.dead_letters);
    for expected in [&create, "see WAREHOUSE_URL"] {
        assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    }
    let found = outcomes(&finished)?;
    let of = |outcome: &str| found.iter().filter(|(_, one)| one == outcome).count();
    assert_eq!((of("failed"), of("skipped")), (2, 6), "{found:?}");
    Ok(())
}
