//! Dead letters that are looked through and come back.

use std::path::Path;

use anyhow::{Context as _, Result};
use feed_simulator::{Config, RunningSimulator};
use kafka_test_kit::shared_broker;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Finished, PARTITIONS, Service, Topics, feed, run_to_end};

pub(crate) const TOKEN: &str = "zQz-redrive-token";

/// What the feed sends, invalid in three ways.
const INVALID: [(&str, &[u8]); 4] = [
    ("not_json", b"PING"),
    ("match_id_invalid", br#"{"match_id":-1}"#),
    ("not_utf8", b"\xff\x00\n"),
    ("not_json", b"PONG"),
];

/// A service whose dead letters these are.
async fn service_with_dead_letters(topics: &Topics) -> Result<(RunningSimulator, Service)> {
    let feed = feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await?;
    for (_, frame) in INVALID {
        assert!(feed.send_binary(frame));
    }
    let settings = [("API_TOKEN", TOKEN)];
    let service = Service::start(&feed.websocket_url(), topics, &settings).await?;
    service
        .wait_for_figure("dead_lettered", INVALID.len() as u64)
        .await;
    Ok((feed, service))
}

pub(crate) struct Commands<'a> {
    topics: &'a Topics,
    folder: TempDir,
    host: &'a str,
    port: &'a str,
}

impl<'a> Commands<'a> {
    pub(crate) fn beside(topics: &'a Topics, address: &'a str) -> Result<Self> {
        let (host, port) = address.split_once(':').context("host:port")?;
        Ok(Self {
            topics,
            folder: TempDir::new()?,
            host,
            port,
        })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Finished> {
        self.run_in(arguments, &[], self.folder.path()).await
    }

    async fn run_in(
        &self,
        arguments: &[&str],
        further: &[(&str, &str)],
        folder: &Path,
    ) -> Result<Finished> {
        let mut settings = vec![
            (
                "KAFKA_BOOTSTRAP_SERVERS",
                self.topics.bootstrap_servers.as_str(),
            ),
            ("KAFKA_PUBLISH_TOPIC", self.topics.publish.as_str()),
            ("KAFKA_DEAD_LETTER_TOPIC", self.topics.dead_letter.as_str()),
            ("API_HOST", self.host),
            ("API_PORT", self.port),
            ("API_TOKEN", TOKEN),
        ];
        settings.extend(further);
        let arguments = [&["dead-letters"], arguments].concat();
        let finished = run_to_end(&arguments, &settings, folder).await?;
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(!said.contains("zQz"), "a secret shows: {said}");
        Ok(finished)
    }

    /// Runs it to a good end; what it said.
    pub(crate) async fn said(&self, arguments: &[&str]) -> Result<String> {
        self.said_with(arguments, &[]).await
    }

    /// As [`said`](Self::said), with further settings.
    pub(crate) async fn said_with(
        &self,
        arguments: &[&str],
        further: &[(&str, &str)],
    ) -> Result<String> {
        let folder = self.folder.path();
        let finished = self.run_in(arguments, further, folder).await?;
        assert_eq!(finished.exit_code, Some(0), "{finished:?}");
        Ok(finished.stdout)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_for_people_and_for_programs() -> Result<()> {
    let topics = Topics::create().await?;
    let (_feed, service) = service_with_dead_letters(&topics).await?;
    let commands = Commands::beside(&topics, service.address())?;

    let table = commands.said(&["list"]).await?;
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 1 + INVALID.len(), "{table}");
    assert!(rows[0].starts_with("RECEIVED"), "{table}");
    for (row, (reason, _)) in rows[1..].iter().zip(INVALID) {
        assert!(
            row.contains(reason) && row.contains("opendota_stream"),
            "{row}"
        );
    }
    assert!(rows[1].ends_with(" | PING"), "{table}");

    let lines = commands.said(&["list", "--json"]).await?;
    let lines: Vec<Value> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(lines.len(), INVALID.len());
    assert_eq!(lines[1]["payload"], r#"{"match_id":-1}"#);
    assert_eq!(lines[2]["payload_base64"], "/wAK");
    assert!(lines[3]["offset"].as_i64() > lines[0]["offset"].as_i64());

    for (arguments, count) in [
        (&["--reason", "not_json"][..], 2),
        (&["--reason", "not_json", "--reason", "not_utf8"], 3),
        (&["--reason", "not_json", "--limit", "1"], 1),
        (&["--limit", "0"], 0),
        (&["--since", "1h"], 4),
        (&["--until", "1h"], 0),
        (
            &[
                "--since",
                "2020-01-01T00:00:00Z",
                "--until",
                "2020-02-01T00:00:00Z",
            ],
            0,
        ),
    ] {
        let listed = commands
            .said(&[&["list", "--json"], arguments].concat())
            .await?;
        assert_eq!(listed.lines().count(), count, "{arguments:?}: {listed}");
    }
    for wrong in [
        &["list", "--reason", "bad_luck"][..],
        &["list", "--since", "yesterday"],
        &["list", "--limit", "-1"],
        &[],
    ] {
        let finished = commands.run(wrong).await?;
        assert_eq!(finished.exit_code, Some(2), "{finished:?}");
    }
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_invalid_comes_back_once_and_is_not_redriven_again() -> Result<()> {
    let topics = Topics::create().await?;
    let (_feed, service) = service_with_dead_letters(&topics).await?;
    let commands = Commands::beside(&topics, service.address())?;

    let tried = commands.said(&["redrive", "--dry-run"]).await?;
    assert_eq!(tried, "read 4, matched 4, 4 would be redriven, skipped 0\n");
    let limited = commands
        .said(&["redrive", "--reason", "not_json", "--limit", "1"])
        .await?;
    assert_eq!(
        limited,
        "read 1, matched 1, redriven 1, 1 of them still invalid, skipped 0\n"
    );
    service.wait_for_figure("dead_lettered", 5).await;
    let rest = commands.said(&["redrive"]).await?;
    assert_eq!(
        rest,
        "read 5, matched 5, redriven 3, 3 of them still invalid, skipped 2\n  \
         skipped 2: came back from an earlier redrive\n"
    );
    service.wait_for_figure("dead_lettered", 8).await;
    let nothing = commands.said(&["redrive"]).await?;
    assert!(
        nothing.starts_with("read 8, matched 8, redriven 0, "),
        "{nothing}"
    );

    let records = topics.dead_lettered(8).await?;
    let frames = INVALID.map(|(_, frame)| frame);
    let sources: Vec<_> = records
        .iter()
        .map(|record| {
            let mut headers = record.headers.iter();
            headers
                .find(|(name, _)| name == "source")
                .map(|(_, value)| &value[..])
        })
        .collect();
    assert_eq!(sources[..4], [Some(&b"opendota_stream"[..]); 4]);
    assert_eq!(sources[4..], [Some(&b"redrive"[..]); 4]);
    for (record, frame) in records[4..]
        .iter()
        .zip([frames[0], frames[1], frames[2], frames[3]])
    {
        assert_eq!(record.value, frame, "it is byte for byte as it was");
    }
    let again = commands
        .said(&["redrive", "--again", "--limit", "1"])
        .await?;
    assert!(again.contains("redriven 1, 1 of them"), "{again}");
    service.wait_for_figure("dead_lettered", 9).await;
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_matches_reach_the_topic_once_it_takes_them() -> Result<()> {
    let broker = shared_broker().await?;
    let small = Topics::named_only(broker.bootstrap_servers());
    // Too little for any record.
    let options = [("max.message.bytes", "100")];
    broker
        .create_topic(&small.publish, PARTITIONS, &options)
        .await?;
    broker.create_topic(&small.dead_letter, 1, &[]).await?;
    let feed = feed(Config {
        count: Some(200),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &small, &[]).await?;
    service.wait_for_figure("dead_lettered", 200).await;
    service.stop().await?;

    let topics = Topics {
        dead_letter: small.dead_letter.clone(),
        ..Topics::create().await?
    };
    // No port, no service: it does it itself.
    let commands = Commands::beside(&topics, "127.0.0.1:0")?;
    let said = commands
        .said(&["redrive", "--reason", "refused_by_kafka"])
        .await?;
    assert_eq!(
        said,
        "read 200, matched 200, redriven 200, 0 of them still invalid, skipped 0\n\
         published 200, duplicates 0, set aside 0\n"
    );
    let mut ids = feed.ids_sent();
    ids.sort_unstable();
    assert_eq!(topics.published_ids(200).await?, ids);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_cannot_be_read_is_named() -> Result<()> {
    let broker = shared_broker().await?;
    let topics = Topics::named_only(broker.bootstrap_servers());
    let commands = Commands::beside(&topics, "127.0.0.1:0")?;
    for arguments in [&["list"][..], &["redrive", "--dry-run"]] {
        let finished = commands.run(arguments).await?;
        assert_eq!(finished.exit_code, Some(69), "{finished:?}");
        let expected = format!("there is no topic {}", topics.dead_letter);
        assert!(finished.stderr.contains(&expected), "{}", finished.stderr);
    }
    Ok(())
}
