//! Past ranges: from a file, and from the topic.

use std::{
    fmt::Write as _,
    fs::File,
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use command_kit::rfc3339;
use domain::Timestamp;
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    summaries::{Summaries, SummariesConfig},
    upstream::{Limits, Upstream, UpstreamConfig, UpstreamServer},
};
use kafka_test_kit::shared_broker;
use serde_json::json;
use tempfile::TempDir;
use test_kit::{
    service_process::{Finished, run_to_end, send_signal},
    waiting::wait_until,
};

use crate::support::{DEADLINE, Service, Topics, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_etl-service");

/// So many matches, a line each.
fn lines(count: u64) -> Result<String> {
    let mut lines = String::new();
    for record in Summaries::try_new(SummariesConfig::new(World::new(5), count))? {
        writeln!(lines, "{}", String::from_utf8(record.value)?)?;
    }
    Ok(lines)
}

/// How many matches the facts have, by the days built from them.
async fn matches(folder: &TempDir) -> Result<u64> {
    let days = ["rebuild", "--from", "2000-01-01", "--to", "2100-01-01"];
    let rebuilt = run(&days, folder).await?;
    ensure!(rebuilt.exit_code == Some(0), "{rebuilt:?}");
    let of_day = |line: &str| line.split(' ').nth(1)?.parse::<u64>().ok();
    Ok(rebuilt.stdout.lines().filter_map(of_day).sum())
}

async fn load_file(folder: &TempDir, settings: &[(&str, &str)]) -> Result<Finished> {
    let arguments = ["backfill", "--file", "past.jsonl"];
    run_to_end(PROGRAM, &arguments, settings, folder.path()).await
}

#[tokio::test]
async fn a_file_is_loaded_bad_lines_are_named_and_twice_is_as_good_as_once() -> Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path().join("past.jsonl");
    let good = lines(300)?;
    let (first, rest) = good.split_once('\n').context("there are lines")?;
    std::fs::write(&path, format!("{first}\nno\n\n{{\"match_id\":7}}\n{rest}"))?;
    for _ in 0..2 {
        let loaded = load_file(&folder, &[]).await?;
        assert_eq!(loaded.exit_code, Some(0), "{loaded:?}");
        let expected = "300 records loaded, 2 not";
        assert!(loaded.stdout.contains(expected), "{loaded:?}");
        for named in [
            "line 2 is not loaded: not_json",
            "line 4 is not loaded: start_time_invalid",
        ] {
            assert!(loaded.stderr.contains(named), "{named} in {loaded:?}");
        }
        assert_eq!(matches(&folder).await?, 300);
    }
    let piped = Command::new(PROGRAM)
        .args(["backfill", "--file", "-"])
        .current_dir(folder.path())
        .stdin(File::open(&path)?)
        .output()?;
    assert!(piped.status.success(), "{piped:?}");
    assert_eq!(matches(&folder).await?, 300);
    let verified = run(&["verify"], &folder).await?;
    assert!(verified.stdout.contains(" 0 differences"), "{verified:?}");

    let listed = run(&["backfill", "list"], &folder).await?.stdout;
    let finished: Vec<_> = listed.lines().collect();
    assert_eq!(finished.len(), 3, "{listed}");
    assert!(
        finished.iter().all(|line| line.contains("finished")),
        "{listed}"
    );
    let id = finished[0].split(' ').next().context("it has an id")?;
    let shown = run(&["backfill", "show", id], &folder).await?;
    assert!(shown.stdout.contains("origin    --file -"), "{shown:?}");
    let cancelled = run(&["backfill", "cancel", id], &folder).await?;
    assert!(cancelled.stdout.contains("is finished"), "{cancelled:?}");
    Ok(())
}

/// Small batches and long rests, so that there is time to end it.
const SLOW: [(&str, &str); 2] = [("WAREHOUSE_BATCH_ROWS", "500"), ("BACKFILL_SHARE", "10%")];

/// Begins to load, and waits until something more than `records` is loaded.
async fn begin(folder: &TempDir, records: u64) -> Result<Child> {
    let log = folder.path().join("begun.log");
    let mut child = Command::new(PROGRAM)
        .args(["backfill", "--file", "past.jsonl"])
        .current_dir(folder.path())
        .envs(SLOW)
        .stdout(Stdio::piped())
        .stderr(File::create(&log)?)
        .spawn()?;
    let mut has_ended = false;
    wait_until(DEADLINE, "something is loaded", async || {
        has_ended = child.try_wait().is_ok_and(|ended| ended.is_some());
        let listed = run(&["backfill", "list"], folder).await;
        has_ended || listed.is_ok_and(|listed| loaded(&listed.stdout) > records)
    })
    .await?;
    ensure!(!has_ended, "it ended: {}", std::fs::read_to_string(&log)?);
    Ok(child)
}

/// The records of the first backfill of a list.
fn loaded(listed: &str) -> u64 {
    let mut words = listed.split_whitespace();
    let records = words.position(|word| word == "records");
    let before = records.and_then(|place| listed.split_whitespace().nth(place - 1));
    before.and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_ended_goes_on_where_its_last_batch_ended() -> Result<()> {
    const COUNT: u64 = 20_000;
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("past.jsonl"), lines(COUNT)?)?;

    let asked = begin(&folder, 0).await?;
    send_signal(asked.id(), "INT")?;
    let asked = asked.wait_with_output()?;
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    let said = String::from_utf8_lossy(&asked.stdout);
    assert!(
        said.contains("to go on: etl-service backfill --file '/"),
        "{said}"
    );
    let listed = run(&["backfill", "list"], &folder).await?.stdout;
    assert!(listed.contains("running"), "{listed}");

    let mut killed = begin(&folder, loaded(&listed)).await?;
    killed.kill()?;
    killed.wait()?;
    let before = loaded(&run(&["backfill", "list"], &folder).await?.stdout);
    assert!(before < COUNT, "it was killed in the middle");

    let ended = load_file(&folder, &[("BACKFILL_SHARE", "100%")]).await?;
    assert_eq!(ended.exit_code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains(" goes on: "), "{ended:?}");
    let expected = format!("{COUNT} records loaded, 0 not");
    assert!(ended.stdout.contains(&expected), "{ended:?}");
    let listed = run(&["backfill", "list"], &folder).await?.stdout;
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert_eq!(matches(&folder).await?, COUNT);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topic_is_read_again_and_the_group_begins_where_it_was() -> Result<()> {
    const COUNT: u64 = 3000;
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics
        .fill(SummariesConfig::new(World::new(6), COUNT))
        .await?;
    let folder = Arc::new(TempDir::new()?);
    let settings = topics.settings();

    let begins = ["backfill", "--topic", "--from", "1h"];
    let mut killed = Command::new(PROGRAM)
        .args(begins)
        .current_dir(folder.path())
        .envs(settings.iter().chain(&SLOW).copied())
        .stderr(Stdio::null())
        .spawn()?;
    wait_until(DEADLINE, "something is loaded", async || {
        let listed = run(&["backfill", "list"], &folder).await;
        listed.is_ok_and(|listed| loaded(&listed.stdout) > 0)
    })
    .await?;
    killed.kill()?;
    killed.wait()?;
    let listed = run(&["backfill", "list"], &folder).await?.stdout;
    assert!(
        loaded(&listed) < COUNT,
        "it was killed in the middle: {listed}"
    );
    // An hour ago is another moment now; the list names the one that was meant.
    let (_, range) = listed.split_once(" records ").context("it has a range")?;
    let goes_on = [
        &["backfill"],
        &range.split_whitespace().collect::<Vec<_>>()[..],
    ]
    .concat();
    let ended = run_to_end(PROGRAM, &goes_on, &settings, folder.path()).await?;
    assert_eq!(ended.exit_code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains(" goes on: "), "{ended:?}");
    let expected = format!("{COUNT} records loaded, 0 not");
    assert!(ended.stdout.contains(&expected), "{ended:?}");
    assert_eq!(matches(&folder).await?, COUNT);

    // Of another time there is nothing.
    let earlier = ["backfill", "--topic", "--from", "20d", "--to", "10d"];
    let nothing = run_to_end(PROGRAM, &earlier, &settings, folder.path()).await?;
    assert!(
        nothing.stdout.contains("0 records loaded, 0 not"),
        "{nothing:?}"
    );

    let service = Service::start(&topics, &folder, &[]).await?;
    service.wait_until_loaded(&sent).await?;
    assert_eq!(service.figure("consumed").await?, COUNT);
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_goes_on_with_its_backfills_when_it_starts_again() -> Result<()> {
    const COUNT: u64 = 3000;
    const TOKEN: &str = "a-token-of-a-test";
    let topics = Topics::create_on(shared_broker().await?).await?;
    topics
        .fill(SummariesConfig::new(World::new(7), COUNT))
        .await?;
    let folder = Arc::new(TempDir::new()?);
    // What is there already is left to the backfill.
    let further = [("API_TOKEN", TOKEN), ("KAFKA_START", "latest")];
    let slow: Vec<_> = further.into_iter().chain(SLOW).collect();
    let service = Service::start(&topics, &folder, &slow).await?;
    let range = json!({ "origin": "topic", "from": "2020-01-01T00:00:00Z" });
    let begun = service.post("/api/v1/backfills", TOKEN, &range).await?;
    let id = begun["id"].as_str().context("it has an id")?.to_owned();
    wait_until(DEADLINE, "something is loaded", async || {
        let etl = service.json("/api/v1/etl").await;
        etl.is_ok_and(|etl| etl["backfills"][0]["records"].as_u64() > Some(0))
    })
    .await?;
    let folder = service.kill().await?;
    let shown = async || {
        let shown = run(&["backfill", "show", &id], &folder).await;
        shown.map(|shown| shown.stdout)
    };
    assert!(shown().await?.contains("state     running"));

    let service = Service::start(&topics, &folder, &further).await?;
    wait_until(DEADLINE, "it is finished", async || {
        shown()
            .await
            .is_ok_and(|shown| shown.contains("state     finished"))
    })
    .await?;
    service.stop().await?;
    let shown = shown().await?;
    assert!(shown.contains(&format!("loaded    {COUNT}\n")), "{shown}");
    assert_eq!(matches(&folder).await?, COUNT);
    Ok(())
}

#[tokio::test]
async fn pages_of_an_upstream_are_loaded_by_the_command() -> Result<()> {
    let world = World::new(8);
    let begin = world.begin().unix_seconds();
    let at = |seconds: i64| Timestamp::from_unix_seconds(begin + seconds);
    let upstream = Upstream::new(UpstreamConfig {
        // The pages of this test come within a minute.
        limits: Limits {
            per_minute: 10_000,
            per_day: None,
        },
        ..UpstreamConfig::new(world.clone(), at(4 * 3_600))
    });
    let server = UpstreamServer::start(upstream.clone(), (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let (from, to) = (at(3_600), at(3_630));
    let written = |at: Timestamp| rfc3339(at.as_unix_ms());
    let (from_text, to_text, url) = (written(from), written(to), server.url());
    let settings = [("OPENDOTA_API_URL", url.as_str())];
    let arguments = [
        "backfill", "--source", "opendota", "--from", &from_text, "--to", &to_text,
    ];
    let folder = TempDir::new()?;
    upstream.script([Some("refuse:502".parse()?)]);
    let loaded = run_to_end(PROGRAM, &arguments, &settings, folder.path()).await?;
    assert_eq!(loaded.exit_code, Some(0), "{loaded:?}");
    let expected = u64::try_from(world.first_id_at(to).get() - world.first_id_at(from).get())?;
    assert_eq!(matches(&folder).await?, expected, "{loaded:?}");
    let said = format!("{expected} records loaded, ");
    assert!(
        loaded.stdout.contains(&said) && loaded.stdout.contains(" calls"),
        "{loaded:?}"
    );
    assert!(loaded.stderr.contains("answered 502"), "{loaded:?}");
    let verified = run(&["verify"], &folder).await?;
    assert!(verified.stdout.contains(" 0 differences"), "{verified:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_sequence_is_loaded_by_the_command_and_by_the_service() -> Result<()> {
    const KEY: &str = "zQzSteamKey";
    const TOKEN: &str = "open";
    let steam = SteamUpstream::new(SteamConfig {
        matches: 3_000,
        limits: SteamLimits::NONE,
        keys: vec![KEY.to_owned()],
        ..SteamConfig::new(World::new(9))
    });
    steam.advance_to_end();
    let exposed = steam.exposed();
    let server = UpstreamServer::start(steam.clone(), (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let url = server.origin();
    let (from, to) = (exposed[500].0, exposed[900].0);
    let (from_text, to_text) = (from.to_string(), to.to_string());
    let arguments = [
        "backfill",
        "--source",
        "steam",
        "--from-seq",
        &from_text,
        "--to-seq",
        &to_text,
    ];
    let folder = Arc::new(TempDir::new()?);
    let unkeyed = run(&arguments, &folder).await?;
    assert_eq!(unkeyed.exit_code, Some(78), "{unkeyed:?}");
    assert!(unkeyed.stderr.contains("STEAM_API_KEYS"), "{unkeyed:?}");
    let topics = Topics::create_on(shared_broker().await?).await?;
    let range =
        json!({ "origin": "steam", "from_seq": exposed[850].0, "to_seq": exposed[1_000].0 });
    let service = Service::start(&topics, &folder, &[("API_TOKEN", TOKEN)]).await?;
    let refused = service.post("/api/v1/backfills", TOKEN, &range).await;
    let refused = refused.expect_err("there is no key").to_string();
    assert!(
        refused.contains("409") && refused.contains("STEAM_API_KEYS"),
        "{refused}"
    );
    service.stop().await?;

    let settings = [("STEAM_API_URL", url.as_str()), ("STEAM_API_KEYS", KEY)];
    steam.script([Some("refuse:502".parse()?)]);
    for _ in 0..2 {
        let loaded = run_to_end(PROGRAM, &arguments, &settings, folder.path()).await?;
        assert_eq!(loaded.exit_code, Some(0), "{loaded:?}");
        assert!(
            loaded.stdout.contains("400 records loaded, 0 not"),
            "{loaded:?}"
        );
        let said = [loaded.stdout.as_str(), loaded.stderr.as_str()].concat();
        assert!(!said.contains(KEY), "{said}");
        assert_eq!(matches(&folder).await?, 400);
    }

    let further = [settings[0], settings[1], ("API_TOKEN", TOKEN)];
    let service = Service::start(&topics, &folder, &further).await?;
    let begun = service.post("/api/v1/backfills", TOKEN, &range).await?;
    let id = begun["id"].as_str().context("it has an id")?.to_owned();
    wait_until(DEADLINE, "it is finished", async || {
        let shown = run(&["backfill", "show", &id], &folder).await;
        shown.is_ok_and(|shown| shown.stdout.contains("state     finished"))
    })
    .await?;
    service.stop().await?;
    assert_eq!(matches(&folder).await?, 500);
    let verified = run(&["verify"], &folder).await?;
    assert!(verified.stdout.contains(" 0 differences"), "{verified:?}");
    Ok(())
}

#[tokio::test]
async fn brokers_that_do_not_answer_end_it_with_69() -> Result<()> {
    let folder = TempDir::new()?;
    let settings = [("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")];
    let arguments = ["backfill", "--topic", "--from", "1h"];
    let ended = run_to_end(PROGRAM, &arguments, &settings, folder.path()).await?;
    assert_eq!(ended.exit_code, Some(69), "{ended:?}");
    assert!(
        ended.stderr.contains("KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1"),
        "{ended:?}"
    );
    let listed = run(&["backfill", "list"], &folder).await?;
    assert!(listed.stdout.contains("cancelled"), "{listed:?}");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_meant_or_read_ends_with_2_and_changes_nothing() -> Result<()> {
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("array.json"), "[{\"match_id\":1}]")?;
    for (arguments, said) in [
        (&["backfill"][..], "--file FILE"),
        (&["backfill", "--topic"], "--from"),
        (&["backfill", "--source", "steam"], "--from-seq"),
        (&["backfill", "--file", "nowhere"], "cannot read"),
        (&["backfill", "--file", "array.json"], "JSON array"),
        (&["backfill", "show", "7"], "not an id"),
        (
            &["backfill", "cancel", "019ad1f2-6c00-7000-8000-000000000000"],
            "there is no backfill 019ad1f2",
        ),
    ] {
        let ended = run(arguments, &folder).await?;
        assert_eq!(ended.exit_code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{said} in {ended:?}");
    }
    let listed = run(&["backfill", "list"], &folder).await?;
    assert!(
        listed.stdout.contains("there are no backfills"),
        "{listed:?}"
    );
    Ok(())
}
