//! Files that are replayed, through the service and without one.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use feed_simulator::{Config, RunningSimulator};
use tempfile::TempDir;
use tokio::{net::TcpSocket, time::timeout};

use crate::support::{
    DEADLINE, Finished, Lines, Service, Topics, feed, run_to_end, send_signal, wait_until,
};

const TOKEN: &str = "zQz-replay-token";

/// A feed that sends nothing.
async fn silent_feed() -> Result<RunningSimulator> {
    feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await
}

/// A folder with a file of these lines.
fn file_of(lines: &[String]) -> Result<(TempDir, PathBuf)> {
    let folder = TempDir::new()?;
    let path = folder.path().join("matches.jsonl");
    fs::write(&path, lines.join("\n") + "\n")?;
    Ok((folder, path))
}

fn match_lines(ids: impl IntoIterator<Item = i64>) -> Vec<String> {
    let line = |id: i64| format!(r#"{{"match_id":{id},"radiant_win":true}}"#);
    ids.into_iter().map(line).collect()
}

/// A port at which nobody listens, as long as the socket is kept.
fn unused_port() -> Result<(TcpSocket, String)> {
    let reserved = TcpSocket::new_v4()?;
    reserved.bind("127.0.0.1:0".parse()?)?;
    let port = reserved.local_addr()?.port().to_string();
    Ok((reserved, port))
}

/// The settings of a command beside a service at `host:port`.
fn beside<'a>(topics: &'a Topics, address: &'a str) -> Result<Vec<(&'static str, &'a str)>> {
    let (host, port) = address.split_once(':').context("host:port")?;
    Ok(vec![
        ("KAFKA_BOOTSTRAP_SERVERS", topics.bootstrap_servers.as_str()),
        ("KAFKA_PUBLISH_TOPIC", topics.publish.as_str()),
        ("KAFKA_DEAD_LETTER_TOPIC", topics.dead_letter.as_str()),
        ("API_HOST", host),
        ("API_PORT", port),
    ])
}

async fn replay(file: &Path, settings: &[(&str, &str)], folder: &Path) -> Result<Finished> {
    let file = file.to_str().context("the path is text")?;
    let finished = run_to_end(&["replay", file], settings, folder).await?;
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!said.contains("zQz"), "a secret shows: {said}");
    Ok(finished)
}

/// A dead letter's value and source.
async fn dead_letters(topics: &Topics, count: usize) -> Result<Vec<(String, String)>> {
    let records = topics.dead_lettered(count).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(records
        .iter()
        .map(|record| {
            let mut headers = record.headers.iter();
            let source = headers.find(|(name, _)| name == "source");
            let source = source.map(|(_, value)| text(value)).unwrap_or_default();
            (text(&record.value), source)
        })
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_through_the_running_service_line_by_line() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = silent_feed().await?;
    let settings = [("API_TOKEN", TOKEN)];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    let mut lines = match_lines(1..=20_000);
    lines.insert(10_000, "no JSON".to_owned());
    lines.insert(10_001, lines[7].clone());
    let (folder, file) = file_of(&lines)?;

    let mut settings = beside(&topics, service.address())?;
    settings.push(("API_TOKEN", TOKEN));
    let finished = replay(&file, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(0), "{finished:?}");
    assert_eq!(
        finished.stdout,
        "20002 lines taken, 1 of them invalid and to be found among the dead letters\n"
    );
    service.wait_for_figure("published", 20_000).await;
    assert_eq!(service.figure("received").await?, 20_002);
    assert_eq!(service.figure("duplicates").await?, 1);
    let ids: Vec<i64> = (1..=20_000).collect();
    assert_eq!(topics.published_ids(20_000).await?, ids);
    let expected = ("no JSON".to_owned(), "replay".to_owned());
    assert_eq!(dead_letters(&topics, 1).await?, [expected]);
    let series = r#"ingestion_received_total{source="replay"}"#;
    assert_eq!(service.metric(series).await?, 20_002);
    assert!(!service.log().join("\n").contains("zQz"));
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_its_own_way_when_no_service_runs() -> Result<()> {
    let topics = Topics::create().await?;
    let (_reserved, port) = unused_port()?;
    let mut lines = match_lines(1..=20_000);
    lines.push(String::new());
    lines.push(format!("[{}]", "9".repeat(2 * 1024 * 1024)));
    lines.push(r#"{"match_id":20001}"#.to_owned());
    let (folder, file) = file_of(&lines)?;
    let address = format!("127.0.0.1:{port}");
    let settings = beside(&topics, &address)?;
    let finished = replay(&file, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(0), "{finished:?}");
    assert_eq!(
        finished.stdout,
        "20003 lines taken, 2 of them invalid and to be found among the dead letters\n\
         published 20001, duplicates 0, set aside 2\n"
    );
    let too_long = "line 20002 is longer than 1048576 bytes: its beginning is set aside";
    assert!(finished.stderr.contains(too_long), "{}", finished.stderr);
    let ids: Vec<i64> = (1..=20_001).collect();
    assert_eq!(topics.published_ids(20_001).await?, ids);
    // What is in the topic is not published again.
    let finished = replay(&file, &settings, folder.path()).await?;
    let again = "\npublished 0, duplicates 20001, set aside 2\n";
    assert!(finished.stdout.ends_with(again), "{finished:?}");
    assert_eq!(topics.published_ids(20_001).await?, ids);
    let mut letters = dead_letters(&topics, 4).await?;
    letters.sort();
    assert_eq!(letters[0], (String::new(), "replay".to_owned()));
    assert_eq!(letters[3].0.len(), 512 * 1024);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_cannot_take_waits_in_the_journal_for_the_next_start() -> Result<()> {
    let topics = Topics::create().await?;
    let (_nobody, nobody) = unused_port()?;
    let (_reserved, port) = unused_port()?;
    let (folder, file) = file_of(&match_lines(1..=1_000))?;
    let address = format!("127.0.0.1:{port}");
    let mut settings = beside(&topics, &address)?;
    let kafka_away = format!("127.0.0.1:{nobody}");
    settings[0].1 = &kafka_away;
    let finished = replay(&file, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(0), "{finished:?}");
    let safe = "\n1000 could not be published yet: they are safe in ";
    assert!(finished.stdout.contains(safe), "{}", finished.stdout);

    let (other_folder, nothing) = file_of(&match_lines([1_001]))?;
    let settings = beside(&topics, &address)?;
    let finished = replay(&nothing, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(0), "{finished:?}");
    let ids: Vec<i64> = (1..=1_001).collect();
    assert_eq!(topics.published_ids(1_001).await?, ids);
    drop(other_folder);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_takes_nothing_from_who_has_not_its_token() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = silent_feed().await?;
    let (folder, file) = file_of(&match_lines([1]))?;
    let settings = [("API_TOKEN", TOKEN), ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let open = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    let closed = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    for (service, token, expected) in [
        (
            &open,
            None,
            "and API_TOKEN is not set here: set it to the service's own",
        ),
        (&open, Some("zQz-wrong"), "refuses this API_TOKEN"),
        (
            &closed,
            Some(TOKEN),
            "takes nothing: start it with an API_TOKEN",
        ),
    ] {
        let mut settings = beside(&topics, service.address())?;
        settings.extend(token.map(|token| ("API_TOKEN", token)));
        let finished = replay(&file, &settings, folder.path()).await?;
        assert_eq!(finished.exit_code, Some(69), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        assert!(
            finished.stderr.contains(service.address()),
            "{}",
            finished.stderr
        );
        assert_eq!(service.figure("received").await?, 0);
    }
    let log = open.log().join("\n");
    for expected in [
        r#""message":"a token was refused""#,
        r#""client.network":"127.0.0.0/24""#,
    ] {
        assert_eq!(log.matches(expected).count(), 1, "{expected} in {log}");
    }
    open.stop().await?;
    closed.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_of_a_pipeline_of_its_own_is_named() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = silent_feed().await?;
    let (folder, file) = file_of(&match_lines([1]))?;
    // Another service, by its name, and something that is none.
    let other = [("SERVICE_NAME", "another-service")];
    let service = Service::start(&feed.websocket_url(), &topics, &other).await?;
    let mut settings = beside(&topics, service.address())?;
    settings.push(("API_TOKEN", TOKEN));
    let finished = replay(&file, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(69), "{finished:?}");
    let named = "is another-service, not ingestion-service";
    assert!(finished.stderr.contains(named), "{}", finished.stderr);

    let web_server = TcpListener::bind("127.0.0.1:0")?;
    let address = web_server.local_addr()?.to_string();
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut client, _) = web_server.accept()?;
        // The whole of a request is longer.
        client.read_exact(&mut [0; 20])?;
        client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
    });
    let settings = beside(&topics, &address)?;
    let finished = replay(&file, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(69), "{finished:?}");
    let named = "is no ingestion-service";
    assert!(finished.stderr.contains(named), "{}", finished.stderr);

    // One that accepts and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0")?;
    let mute_address = mute.local_addr()?.to_string();
    let settings = beside(&topics, &mute_address)?;
    let finished = replay(&file, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(69), "{finished:?}");
    assert!(
        finished.stderr.contains("cannot be told"),
        "{}",
        finished.stderr
    );
    service.stop().await?;

    let (_reserved, port) = unused_port()?;
    let journal = folder.path().join("journal").display().to_string();
    let holds = [("JOURNAL_DIR", journal.as_str())];
    let service = Service::start(&feed.websocket_url(), &topics, &holds).await?;
    let address = format!("127.0.0.1:{port}");
    let mut settings = beside(&topics, &address)?;
    settings.push(("JOURNAL_DIR", &journal));
    let finished = replay(&file, &settings, folder.path()).await?;
    assert_eq!(finished.exit_code, Some(69), "{finished:?}");
    let named = "no service answers at http://127.0.0.1:";
    assert!(finished.stderr.contains(named), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("in use by another process"),
        "{}",
        finished.stderr
    );
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_wrong_usage() -> Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path().display().to_string();
    for arguments in [
        &["replay", "no-such-file"][..],
        &["replay", &path],
        &["replay"],
    ] {
        let finished = run_to_end(arguments, &[], folder.path()).await?;
        assert_eq!(finished.exit_code, Some(2), "{finished:?}");
        assert!(!finished.stderr.is_empty(), "{finished:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_lines_of_json_is_refused_before_the_first() -> Result<()> {
    let folder = TempDir::new()?;
    let file = folder.path().join("matches");
    for (content, what) in [
        (&b"\xff\xfe{\0}\0"[..], "UTF-16"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "compressed by gzip"),
        (b"\xef\xbb\xbf[{\"match_id\":1}]", "a JSON array"),
    ] {
        std::fs::write(&file, content)?;
        // Neither a service nor Kafka is asked.
        let finished = run_to_end(&["replay", "matches"], &[], folder.path()).await?;
        assert_eq!(finished.exit_code, Some(2), "{finished:?}");
        let expected = format!("cannot read matches: {what}");
        assert!(finished.stderr.contains(&expected), "{finished:?}");
        assert!(finished.stdout.is_empty(), "{finished:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_to_end_says_how_far_it_came() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = silent_feed().await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[("API_TOKEN", TOKEN)]).await?;
    let folder = TempDir::new()?;
    let (_reserved, port) = unused_port()?;
    let nobody = format!("127.0.0.1:{port}");
    // Through the service, and without one; both publish what they were given.
    for (round, address) in [service.address(), &nobody].into_iter().enumerate() {
        let mut settings = beside(&topics, address)?;
        settings.push(("API_TOKEN", TOKEN));
        let mut child = Command::new(env!("CARGO_BIN_EXE_ingestion-service"))
            .args(["replay", "-"])
            .current_dir(folder.path())
            .env_clear()
            .envs(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (said, errors) = (
            Lines::of(child.stdout.take().context("it was asked to be piped")?),
            Lines::of(child.stderr.take().context("it was asked to be piped")?),
        );
        let mut input = child.stdin.take().context("it was asked to be piped")?;
        let first = i64::try_from(round)? * 10 + 1;
        input.write_all((match_lines(first..first + 3).join("\n") + "\n{\"match").as_bytes())?;
        let expected = (round + 1) * 3;
        timeout(DEADLINE, async {
            while topics.published_ids(expected).await?.len() < expected {}
            anyhow::Ok(())
        })
        .await??;
        send_signal(child.id(), "INT")?;
        let errors = errors.to_the_end().await?.join("\n");
        let status = child.wait()?;
        assert_eq!(status.code(), Some(0), "{errors}");
        let stopped =
            "stopped after line 3 of standard input: asked to end; to go on, replay from line 4 on";
        assert!(errors.contains(stopped), "{errors}");
        let said = said.to_the_end().await?.join("\n");
        assert!(said.contains("3 lines taken, 0 of them invalid"), "{said}");
        drop(input);
    }
    wait_until("all are published", async || {
        topics
            .published_ids(6)
            .await
            .is_ok_and(|ids| ids.len() == 6)
    })
    .await;
    service.stop().await
}
