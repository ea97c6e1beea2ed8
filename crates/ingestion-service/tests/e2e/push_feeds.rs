//! The push feeds in all their forms: the formats of the stream, and the log.

use std::{collections::BTreeSet, net::SocketAddr};

use anyhow::{Context as _, Result};
use feed_simulator::{
    Config, MessageFormat, World,
    logs::{LogsConfig, LogsUpstream},
    upstream::UpstreamServer,
};

use test_kit::secrets::assert_no_secret_was_said;

use crate::{
    dead_letters::{Commands, TOKEN},
    support::{Service, Topics, assert_all_delivered_once, feed, wait_until, wait_until_finished},
};

/// A feed in this format, with all there can be in it, its dead letters, and their way back.
async fn check_format(format: MessageFormat, name: &str) -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(3_000),
        format,
        duplicate_fraction: 0.05,
        invalid_fraction: 0.05,
        aside_fraction: 0.1,
        fragmented_fraction: 0.05,
        ..Config::default()
    })
    .await?;
    let settings = [("OPENDOTA_STREAM_FORMAT", name), ("API_TOKEN", TOKEN)];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    wait_until_finished(&feed).await;
    assert_all_delivered_once(&feed, &topics).await?;
    let sent = feed.truth().sent;
    let invalid = sent.invalid_total();
    service.wait_for_figure("dead_lettered", invalid).await;
    for (reason, count) in &sent.invalid {
        let series = format!(
            r#"ingestion_dead_lettered_total{{reason="{}"}}"#,
            reason.as_str()
        );
        assert_eq!(service.metric(&series).await?, *count, "{series}");
    }
    let series = r#"ingestion_passed_over_total{source="opendota_stream"}"#;
    assert_eq!(service.metric(series).await?, sent.other);
    assert_eq!(sent.other > 0, format == MessageFormat::Envelope);

    // Judged anew as the feed judged them, all of them come back.
    let commands = Commands::beside(&topics, service.address())?;
    let said = commands
        .said_with(&["redrive"], &[("OPENDOTA_STREAM_FORMAT", name)])
        .await?;
    service.wait_for_figure("dead_lettered", 2 * invalid).await;
    for (reason, count) in &sent.invalid {
        let series = format!(
            r#"ingestion_dead_lettered_total{{reason="{}"}}"#,
            reason.as_str()
        );
        assert_eq!(
            service.metric(&series).await?,
            2 * count,
            "{series}: {said}"
        );
    }
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_in_envelopes_are_published_and_other_envelopes_passed_over() -> Result<()> {
    check_format(MessageFormat::Envelope, "envelope").await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_message_is_a_frame() -> Result<()> {
    check_format(MessageFormat::Lines, "lines").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_of_matches_and_its_dead_letters_come_back() -> Result<()> {
    let topics = Topics::create().await?;
    let logs = LogsUpstream::new(LogsConfig {
        matches: 80_000,
        speed: 20,
        ..LogsConfig::new(World::new(1))
    });
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = UpstreamServer::start(logs.clone(), address).await?;
    let url = format!("{}/logs?api_key=zQzLogsKey", server.origin());
    let settings = [
        ("INGESTION_SOURCES", "opendota-logs"),
        ("OPENDOTA_LOGS_URL", url.as_str()),
        ("API_TOKEN", TOKEN),
    ];
    let service = Service::start("ws://127.0.0.1:9", &topics, &settings).await?;
    wait_until("matches are told of", async || logs.told().len() > 1_000).await;
    // An upstream that ends its answer is asked again.
    logs.end_answers();
    wait_until("it is asked again", async || logs.figures().answers == 2).await;
    wait_until("more is told", async || logs.told().len() > 2_000).await;
    logs.set_silent(true);
    logs.say("data: [t] [inserter] [insert: api] [ended: now] undefined\n\n");

    service.wait_for_figure("dead_lettered", 1).await;
    let told: BTreeSet<i64> = logs.told().iter().map(|id| id.get()).collect();
    service
        .wait_for_figure("published", told.len() as u64)
        .await;
    let published = topics.published_ids(told.len()).await?;
    let once: BTreeSet<i64> = published.iter().copied().collect();
    assert_eq!((published.len(), &once), (told.len(), &told), "each once");
    let figures = logs.figures();
    let received = r#"ingestion_received_total{source="opendota_logs"}"#;
    assert_eq!(service.metric(received).await?, figures.told + 1);
    let passed_over = r#"ingestion_passed_over_total{source="opendota_logs"}"#;
    assert_eq!(service.metric(passed_over).await?, figures.others);
    let ended =
        r#"ingestion_source_reconnects_total{source="opendota_logs",reason="closed_by_upstream"}"#;
    assert_eq!(service.metric(ended).await?, 1);

    let (_, health) = service.health().await?;
    let checks = health["checks"].as_array().context("checks")?;
    let check = checks.iter().find(|it| it["name"] == "feed.opendota_logs");
    assert_eq!(check.context("a check of the feed")?["status"], "healthy");

    let letters = topics.dead_lettered(1).await?;
    assert_eq!(
        letters[0].value[..],
        b"[t] [inserter] [insert: api] [ended: now] undefined"[..]
    );
    let commands = Commands::beside(&topics, service.address())?;
    commands.said(&["redrive"]).await?;
    service.wait_for_figure("dead_lettered", 2).await;
    let reason = r#"ingestion_dead_lettered_total{reason="match_id_invalid"}"#;
    assert_eq!(service.metric(reason).await?, 2);
    assert_no_secret_was_said(&service.log(), &service.errors())?;
    service.stop().await
}
