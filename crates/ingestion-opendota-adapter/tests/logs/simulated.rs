//! Against the simulated log, which knows what it told.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use feed_simulator::{
    UpgradeFault, World,
    logs::{LogsConfig, LogsUpstream},
    upstream::{CallFault, UpstreamServer},
};
use ingestion_application::ports::{DisconnectReason, FeedEvent, FeedReader as _};
use ingestion_opendota_adapter::logs::{LogsSettings, MatchLogs};

use crate::common::{connected, ended, feed, next, settings};

async fn served(config: LogsConfig) -> (LogsUpstream, UpstreamServer, String) {
    let logs = LogsUpstream::new(config);
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = UpstreamServer::start(logs.clone(), address).await;
    let server = server.expect("a free port");
    let url = format!("{}/logs", server.origin());
    (logs, server, url)
}

fn config() -> LogsConfig {
    LogsConfig {
        matches: 2_000,
        ..LogsConfig::new(World::new(1))
    }
}

/// A feed that is connected to a log.
async fn connected_to(
    config: LogsConfig,
    change: impl FnOnce(LogsSettings) -> LogsSettings,
) -> (LogsUpstream, UpstreamServer, MatchLogs) {
    let (logs, server, url) = served(config).await;
    let mut feed = feed(change(settings(&url)));
    connected(&mut feed).await;
    (logs, server, feed)
}

#[tokio::test]
async fn all_that_was_told_is_read_over_every_end_of_an_answer() {
    let (logs, _server, url) = served(LogsConfig {
        // More than begin within the hour that has passed.
        matches: 60_000,
        speed: 500,
        close_after: Duration::from_millis(200),
        ..config()
    })
    .await;
    let mut feed = feed(settings(&url));
    let (mut ids, mut frames, mut passed_over, mut ends) = (BTreeSet::new(), 0, 0, 0);
    let mut is_over = false;
    loop {
        match next(&mut feed).await {
            FeedEvent::Connected | FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {}
            FeedEvent::Received(batch) => {
                passed_over += batch.passed_over;
                frames += batch.frames.len() as u64;
                ids.extend(batch.frames.into_iter().map(|it| it.expect("valid").id()));
            }
            FeedEvent::Disconnected(_) if is_over => break,
            FeedEvent::Disconnected(end) => {
                assert_eq!(end.reason, DisconnectReason::ClosedByUpstream);
                ends += 1;
            }
        }
        if !is_over && ends >= 3 && logs.told().len() >= 3_000 {
            // What was told by now is read before the next end.
            is_over = true;
            logs.set_silent(true);
            logs.fail(CallFault::Empty);
            logs.end_answers();
        }
    }
    let told: BTreeSet<_> = logs.told().into_iter().collect();
    assert_eq!(ids, told, "no more, and no less");
    let figures = logs.figures();
    assert_eq!((frames, passed_over), (figures.told, figures.others));
    assert!(frames > told.len() as u64, "some are told more than once");
    let exposed = logs.exposed();
    assert!(
        told.len() <= exposed.len(),
        "what was said in a seam is missed"
    );
}

#[tokio::test]
async fn a_connection_is_renewed_in_its_time_without_a_pause() {
    let (logs, _server, mut feed) = connected_to(config(), |settings| LogsSettings {
        renew_after: Duration::from_millis(50),
        ..settings
    })
    .await;
    for _ in 0..3 {
        let end = ended(&mut feed, DisconnectReason::Renewed).await;
        assert_eq!(end.retry_in, Duration::ZERO);
        assert!(end.reason.is_planned());
        connected(&mut feed).await;
    }
    assert_eq!(logs.figures().answers, 4);
}

#[tokio::test]
async fn silence_is_left_and_any_line_breaks_it() {
    let (logs, _server, mut feed) = connected_to(config(), |settings| LogsSettings {
        idle_timeout: Duration::from_millis(400),
        ..settings
    })
    .await;
    logs.set_silent(true);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        logs.say("data: [t] [web] [queue: parse] 17\n\n");
        while !matches!(next(&mut feed).await, FeedEvent::Received(batch) if batch.passed_over == 1)
        {
        }
    }
    // A comment is no line of the log.
    logs.say(": nothing\n\n");
    ended(&mut feed, DisconnectReason::IdleTimeout).await;
    connected(&mut feed).await;
}

#[tokio::test]
async fn a_line_beyond_the_limit_costs_the_connection_and_nothing_before_it() {
    let (logs, _server, mut feed) = connected_to(config(), |settings| settings).await;
    logs.set_silent(true);
    let line = "x".repeat(70_000);
    logs.say(format!(
        "data: [insert: api] 1\n\ndata: [insert: api] 2\n\ndata: {line}"
    ));
    let mut ids = Vec::new();
    let end = loop {
        match next(&mut feed).await {
            FeedEvent::Received(batch) => {
                ids.extend(
                    batch
                        .frames
                        .into_iter()
                        .map(|it| it.expect("valid").id().get()),
                );
            }
            FeedEvent::Disconnected(end) => break end,
            FeedEvent::Connected | FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {
                panic!("it is connected")
            }
        }
    };
    assert_eq!(ids.split_off(ids.len() - 2), [1, 2]);
    assert_eq!(end.reason, DisconnectReason::MessageTooLarge);
    connected(&mut feed).await;
}

#[tokio::test]
async fn refusals_are_obeyed_and_pages_of_html_are_no_log() {
    let (logs, _server, url) = served(config()).await;
    let refuse = |status, retry_after: Option<&str>| {
        Some(CallFault::Connection(UpgradeFault::Refuse {
            status,
            retry_after: retry_after.map(str::to_owned),
        }))
    };
    logs.script([
        refuse(503, None),
        refuse(429, Some("0")),
        Some(CallFault::Empty),
        Some(CallFault::Connection(UpgradeFault::AcceptThenClose)),
        None,
    ]);
    let mut feed = feed(settings(&url));
    let end = ended(&mut feed, DisconnectReason::Refused).await;
    assert!(
        end.detail.ends_with("answered with status 503"),
        "{}",
        end.detail
    );
    assert!(!end.detail.contains('<'), "no page is repeated");
    assert!(end.retry_in <= Duration::from_millis(50));
    ended(&mut feed, DisconnectReason::Refused).await;
    let end = ended(&mut feed, DisconnectReason::ProtocolError).await;
    assert!(end.detail.contains("text/html"), "{}", end.detail);
    ended(&mut feed, DisconnectReason::ConnectFailed).await;
    connected(&mut feed).await;

    logs.script([refuse(503, Some("120")), refuse(503, Some("99999"))]);
    for expected in [120, 3_600] {
        let mut another = crate::common::feed(settings(&url));
        let end = ended(&mut another, DisconnectReason::Refused).await;
        assert_eq!(end.retry_in, Duration::from_secs(expected));
    }
}

#[tokio::test]
async fn what_had_been_read_is_handed_over_at_the_end() {
    let (logs, _server, mut feed) = connected_to(config(), |settings| settings).await;
    logs.set_silent(true);
    let lines: Vec<_> = (1..=1_000)
        .map(|id| format!("data: [insert: api] {id}\n\n"))
        .collect();
    logs.say(lines.concat());
    let mut ids = Vec::new();
    // What was told before the silence comes first.
    while !ids.contains(&1) {
        let FeedEvent::Received(batch) = next(&mut feed).await else {
            panic!("nothing ends it");
        };
        ids.extend(
            batch
                .frames
                .into_iter()
                .map(|it| it.expect("valid").id().get()),
        );
    }
    let first = ids.iter().position(|id| *id == 1).expect("it is there");
    ids.drain(..first);
    while let Some(batch) = feed.close().await {
        ids.extend(
            batch
                .frames
                .into_iter()
                .map(|it| it.expect("valid").id().get()),
        );
    }
    let count = ids.len();
    assert!(
        ids.into_iter().eq((1..=1_000).take(count)),
        "in order and without a hole"
    );
    assert!(count > 256, "a batch that was read and not handed over");
}
