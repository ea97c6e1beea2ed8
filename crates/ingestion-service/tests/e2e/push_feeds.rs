//! The push feeds in all their forms: the formats of the stream, several addresses, and the log.

use std::{collections::BTreeSet, net::SocketAddr};

use anyhow::{Context as _, Result};
use feed_simulator::{
    Config, Fault, MessageFormat, UpgradeFault, World,
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

#[tokio::test(flavor = "multi_thread")]
async fn the_next_address_steps_in_and_the_preferred_one_comes_back() -> Result<()> {
    let topics = Topics::create().await?;
    let both = || Config {
        rate: 500.0,
        // The same matches over both.
        seed: 7,
        ..Config::default()
    };
    let (first, second) = (feed(both()).await?, feed(both()).await?);
    let urls = format!("{},{}", first.websocket_url(), second.websocket_url());
    let settings = [
        ("OPENDOTA_STREAM_BACKOFF_MIN", "100ms"),
        ("OPENDOTA_STREAM_BACKOFF_MAX", "200ms"),
        ("OPENDOTA_STREAM_IDLE_TIMEOUT", "2s"),
    ];
    let service = Service::start(&urls, &topics, &settings).await?;
    wait_until("the first is in use", async || {
        first.truth().ids_proved > 200
    })
    .await;
    assert_eq!(in_use(&service).await?, Some(1));

    first.refuse(UpgradeFault::Refuse {
        status: 503,
        retry_after: None,
    });
    first.cut(Fault::Reset);
    wait_until("the second is in use", async || {
        second.truth().ids_proved > 200
    })
    .await;
    assert_eq!(in_use(&service).await?, Some(2));
    let (status, health) = service.health().await?;
    let told = health.to_string();
    assert_eq!(status, 200, "{told}");
    assert!(told.contains(", 2 of 2 by preference"), "{told}");

    first.accept_again();
    wait_until("the first is in use again", async || {
        in_use(&service).await.is_ok_and(|place| place == Some(1))
    })
    .await;
    assert_eq!(service.reconnects("preferred_again").await?, 1);

    // Connected, and silent: that is no better.
    first.pause();
    wait_until("the second is in use again", async || {
        in_use(&service).await.is_ok_and(|place| place == Some(2))
    })
    .await;
    assert_eq!(service.reconnects("idle_timeout").await?, 1);
    second.pause();
    wait_until("all is proved", async || {
        [&first, &second]
            .iter()
            .all(|feed| feed.truth().frames_unproved == 0)
    })
    .await;
    let told: BTreeSet<i64> = [&first, &second]
        .iter()
        .flat_map(|feed| feed.ids_proved())
        .collect();
    service
        .wait_for_figure("published", told.len() as u64)
        .await;
    let published = topics.published_ids(told.len()).await?;
    let once: BTreeSet<i64> = published.iter().copied().collect();
    assert_eq!((published.len(), once), (told.len(), told), "each once");
    assert!(
        service.figure("duplicates").await? > 0,
        "both told of the same"
    );
    service.stop().await
}

/// The place of the address that is in use.
async fn in_use(service: &Service) -> Result<Option<u64>> {
    let (_, body) = service.get("/api/v1/ingestion").await?;
    let answer: serde_json::Value = serde_json::from_str(&body)?;
    Ok(answer["sources"][0]["upstream"]["preference"].as_u64())
}
