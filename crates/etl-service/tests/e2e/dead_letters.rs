//! Dead letters that are looked through and consumed again.

use std::sync::Arc;

use anyhow::Result;
use feed_simulator::{World, summaries::SummariesConfig};
use kafka_test_kit::{shared_broker, unique_topic};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    service_process::{Finished, run_to_end},
    waiting::wait_until,
};

use crate::support::{DEADLINE, PROGRAM, Service, Topics};

struct Commands<'a> {
    topics: &'a Topics,
    folder: TempDir,
}

impl Commands<'_> {
    async fn run(&self, arguments: &[&str]) -> Result<Finished> {
        let arguments = [&["dead-letters"], arguments].concat();
        let settings = self.topics.settings();
        run_to_end(PROGRAM, &arguments, &settings, self.folder.path()).await
    }

    /// Runs it to a good end; what it said.
    async fn said(&self, arguments: &[&str]) -> Result<String> {
        let finished = self.run(arguments).await?;
        assert_eq!(finished.exit_code, Some(0), "{finished:?}");
        Ok(finished.stdout)
    }
}

async fn wait_until_set_aside(service: &Service, count: u64) -> Result<()> {
    wait_until(DEADLINE, "all of it is set aside", async || {
        service
            .figure("dead_lettered")
            .await
            .is_ok_and(|set_aside| set_aside == count)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wrong_settings_set_aside_is_loaded_after_a_redrive() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics
        .fill(SummariesConfig {
            invalid_fraction: 0.1,
            ..SummariesConfig::new(World::new(5), 100)
        })
        .await?;
    let folder = Arc::new(TempDir::new()?);
    // Summaries where ids are expected: only those that lie are right.
    let wrong = [
        ("KAFKA_MATCH_SUMMARY_TOPIC", ""),
        ("KAFKA_MATCH_ID_TOPIC", topics.summaries.as_str()),
    ];
    let service = Service::start(&topics, &folder, &wrong).await?;
    wait_until(DEADLINE, "all is consumed", async || {
        let (consumed, pending) = (service.figure("consumed"), service.figure("pending"));
        consumed.await.is_ok_and(|count| count == sent.records)
            && pending.await.is_ok_and(|count| count == 0)
    })
    .await?;
    let all = service.figure("dead_lettered").await?;
    let invalid = sent.invalid_total() - (sent.records - all);
    assert!(all > 0 && invalid > 0, "{sent:?}");
    service.stop().await?;

    let commands = Commands {
        topics: &topics,
        folder: TempDir::new()?,
    };
    let listed = commands.said(&["list", "--json"]).await?;
    let letters: Vec<Value> = listed
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(letters.len() as u64, all);
    assert_eq!(letters[0]["from"]["topic"], topics.summaries.as_str());
    let tried = commands.said(&["redrive", "--dry-run"]).await?;
    let expected = format!("read {all}, matched {all}, {all} would be redriven, skipped 0\n");
    assert_eq!(tried, expected);
    let redriven = commands.said(&["redrive"]).await?;
    let expected = format!("read {all}, matched {all}, redriven {all}, skipped 0\n");
    assert_eq!(redriven, expected);

    let service = Service::start(&topics, &folder, &[]).await?;
    service.wait_until_loaded(&sent).await?;
    wait_until_set_aside(&service, invalid).await?;
    // What was invalid is here twice now, and circles no more.
    let again = commands.said(&["redrive"]).await?;
    let (read, loaded, circling) = (all + invalid, all - invalid, 2 * invalid);
    let expected =
        format!("read {read}, matched {read}, redriven {loaded}, skipped {circling}\n  skipped");
    assert!(again.starts_with(&expected), "{again}");
    service.wait_until_loaded(&sent).await?;
    assert_eq!(service.figure("dead_lettered").await?, invalid);
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_by_reason_and_time() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics
        .fill(SummariesConfig {
            invalid_fraction: 0.9,
            ..SummariesConfig::new(World::new(6), 40)
        })
        .await?;
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &[]).await?;
    wait_until_set_aside(&service, sent.invalid_total()).await?;
    service.stop().await?;

    let commands = Commands {
        topics: &topics,
        folder: TempDir::new()?,
    };
    let table = commands.said(&["list"]).await?;
    assert_eq!(table.lines().count() as u64, 1 + sent.invalid_total());
    assert!(table.starts_with("SET ASIDE"), "{table}");
    let of_reason = sent.invalid["not_json"];
    for (arguments, count) in [
        (&["--reason", "not_json"][..], of_reason),
        (&["--reason", "refused_by_warehouse"], 0),
        (&["--limit", "2"], 2),
        (&["--since", "1h"], sent.invalid_total()),
        (&["--until", "1h"], 0),
    ] {
        let listed = commands
            .said(&[&["list", "--json"], arguments].concat())
            .await?;
        assert_eq!(
            listed.lines().count() as u64,
            count,
            "{arguments:?}: {listed}"
        );
    }
    for wrong in [
        &["list", "--reason", "bad_luck"][..],
        &["redrive", "--since", "yesterday"],
        &[],
    ] {
        let finished = commands.run(wrong).await?;
        assert_eq!(finished.exit_code, Some(2), "{finished:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_cannot_be_read_is_named() -> Result<()> {
    let topics = Topics {
        bootstrap_servers: shared_broker().await?.bootstrap_servers().to_owned(),
        summaries: "match_summaries".to_owned(),
        ids: "match_ids_raw".to_owned(),
        dead_letters: unique_topic("etl_dead_letter"),
        group: "etl-service".to_owned(),
    };
    let commands = Commands {
        topics: &topics,
        folder: TempDir::new()?,
    };
    for arguments in [&["list"][..], &["redrive"]] {
        let finished = commands.run(arguments).await?;
        assert_eq!(finished.exit_code, Some(69), "{finished:?}");
        let expected = format!("there is no topic {}", topics.dead_letters);
        assert!(finished.stderr.contains(&expected), "{}", finished.stderr);
    }
    Ok(())
}
