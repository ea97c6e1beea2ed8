//! What Kafka has not acknowledged survives whatever happens to the process.

use std::time::Duration;

use anyhow::Result;
use feed_simulator::{Config, Proof, ProvedFrame, RunningSimulator};
use kafka_test_kit::KafkaCluster;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::{
    DEADLINE, Service, Topics, assert_all_delivered_once, feed, run_to_end, wait_until,
    wait_until_within,
};

/// What has been received for so long survives a `kill -9`.
const SAFE_AFTER: Duration = Duration::from_secs(1);

/// A folder for a journal, which outlives the service.
fn journal_folder() -> Result<(TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("journal").display().to_string();
    Ok((folder, path))
}

async fn feed_of(count: u64) -> Result<RunningSimulator> {
    feed(Config {
        count: Some(count),
        ..Config::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_a_second_ago_survives_a_kill() -> Result<()> {
    const COUNT: u64 = 50_000;
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    cluster.kill(0)?;
    let feed = feed_of(COUNT).await?;
    let (_folder, dir) = journal_folder()?;
    let settings = [("JOURNAL_DIR", dir.as_str())];
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    service.wait_for_figure("pending", COUNT).await;
    sleep(SAFE_AFTER).await;
    service.signal("KILL")?;
    drop(service);

    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    service.wait_for_figure("pending", COUNT).await;
    assert_eq!(service.figure("received").await?, COUNT);
    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    service.wait_for_figure("published", COUNT).await;
    assert_all_delivered_once(&feed, &topics).await?;
    let bytes = service.metric("ingestion_journal_bytes").await?;
    assert!(
        bytes < 10_000,
        "what is settled leaves the disk: {bytes} bytes"
    );
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_again_and_again_publishes_everything_once() -> Result<()> {
    const KILLS: usize = 5;
    /// About two seconds of the feed, so that much is older than the last one.
    const PUBLISHED_MIN: u64 = 6000;
    let topics = Topics::create().await?;
    let feed = feed(Config {
        rate: 3000.0,
        duplicate_fraction: 0.1,
        record_proofs: true,
        ..Config::default()
    })
    .await?;
    let (_folder, dir) = journal_folder()?;
    let settings = [("JOURNAL_DIR", dir.as_str())];
    let mut kills = Vec::new();
    for _ in 0..KILLS {
        let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
        service
            .wait_for_figure_above("published", PUBLISHED_MIN)
            .await;
        kills.push(Kill::before(&feed));
        service.signal("KILL")?;
    }
    let service = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    service
        .wait_for_figure_above("published", PUBLISHED_MIN)
        .await;
    feed.pause();
    service.wait_for_figure("pending", 0).await;
    service.stop().await?;

    let due = proved_and_safe(&feed, &kills);
    assert!(due.len() > KILLS * 3000, "only {} are due", due.len());
    let mut found = topics.published_ids(due.len()).await?;
    let missing: Vec<_> = due
        .iter()
        .filter(|id| found.binary_search(id).is_err())
        .take(5)
        .collect();
    assert!(missing.is_empty(), "received and lost: {missing:?}");
    let records = found.len();
    found.dedup();
    assert_eq!(found.len(), records, "nothing is twice in the topic");
    Ok(())
}

/// The end of a service, as the feed sees it.
struct Kill {
    /// Connections until then.
    connections: u64,
    at_ms: u64,
}

impl Kill {
    /// To be called right before it.
    fn before(feed: &RunningSimulator) -> Self {
        let truth = feed.truth();
        Self {
            connections: truth.connections_opened,
            at_ms: truth.elapsed_ms,
        }
    }

    /// Whether what was read then had a second to reach the disk.
    fn spares(&self, proof: &Proof) -> bool {
        let safe_after_ms = SAFE_AFTER.as_millis();
        u128::from(proof.proved_ms) + safe_after_ms <= u128::from(self.at_ms)
    }
}

/// The distinct matches that the services have proved to have read, but for
/// those read within the last second before the process was killed.
fn proved_and_safe(feed: &RunningSimulator, kills: &[Kill]) -> Vec<i64> {
    let is_safe = |proof: &Proof| {
        let of_process = kills
            .iter()
            .find(|kill| u64::from(proof.connection) < kill.connections);
        of_process.is_none_or(|kill| kill.spares(proof))
    };
    let proofs = feed.proofs();
    let safe = proofs.iter().filter(|proof| is_safe(proof));
    let mut ids: Vec<_> = safe
        .filter_map(|proof| match proof.frame {
            ProvedFrame::Genuine(id) | ProvedFrame::Duplicate(id) => Some(id),
            ProvedFrame::Invalid(_) => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_outage_at_full_speed_costs_little_memory_and_is_soon_made_up() -> Result<()> {
    const COUNT: u64 = 1_000_000;
    /// Longer than the longest pause between two attempts to reach a broker.
    const OUTAGE: Duration = Duration::from_secs(20);
    /// 96 MB, of which 18 MB are left to the pages of the binary that ships.
    const KIB_MAX: u64 = 78_000_000 / 1024;
    const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(30);
    let cluster = KafkaCluster::start_alone(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    let feed = feed_of(COUNT).await?;
    feed.pause();
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_health(DEADLINE, 200).await;
    cluster.kill(0)?;
    let begun = Instant::now();
    feed.resume();
    service.wait_for_figure("received", COUNT).await;
    assert!(begun.elapsed() < OUTAGE, "all is read meanwhile");
    assert!(service.figure("pending").await? > COUNT / 2);
    sleep(OUTAGE.saturating_sub(begun.elapsed())).await;
    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    let took = wait_until_within(CAUGHT_UP_WITHIN, "all is made up for", async || {
        service
            .figure("pending")
            .await
            .is_ok_and(|pending| pending == 0)
    })
    .await;
    let peak = service.peak_memory_kib()?;
    println!("caught up in {took:?}, at most {peak} KiB resident");
    assert!(peak < KIB_MAX, "{peak} KiB");
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_belongs_to_one_process() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed_of(0).await?;
    let (_folder, dir) = journal_folder()?;
    let settings = [("JOURNAL_DIR", dir.as_str())];
    let first = Service::start(&feed.websocket_url(), &topics, &settings).await?;
    let elsewhere = tempfile::tempdir()?;
    let second = run_to_end(
        &["run"],
        &[settings[0], ("API_PORT", "0"), ("API_HOST", "127.0.0.1")],
        elsewhere.path(),
    )
    .await?;
    assert_eq!(second.exit_code, Some(78), "{second:?}");
    assert!(second.stderr.contains(&dir), "{}", second.stderr);
    assert!(
        second.stderr.contains("another process"),
        "{}",
        second.stderr
    );
    first.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_start_elsewhere_fences_the_earlier_one() -> Result<()> {
    let topics = Topics::create().await?;
    // A feed for each, or the earlier one would have nothing to write and
    // not be told; many of their matches are the same.
    let config = Config {
        rate: 500.0,
        ..Config::default()
    };
    let feeds = [
        feed(config.clone()).await?,
        feed(Config { seed: 2, ..config }).await?,
    ];
    let [url, other_url] = feeds.each_ref().map(RunningSimulator::websocket_url);
    let (_folder, dir) = journal_folder()?;
    let (_other_folder, other_dir) = journal_folder()?;
    let settings = [("JOURNAL_DIR", dir.as_str())];
    let other_settings = [("JOURNAL_DIR", other_dir.as_str())];
    let mut first = Service::start(&url, &topics, &settings).await?;
    first.wait_for_figure_above("published", 500).await;
    let mut second = Service::start(&other_url, &topics, &other_settings).await?;
    wait_until("one of the two has ended", async || {
        first.has_ended() || second.has_ended()
    })
    .await;
    // Should the first have had to open its producer anew in that very moment,
    // the second is shut out; there is one writer all the same.
    let (mut ended, going_on, left_in) = if first.has_ended() {
        (first, second, settings)
    } else {
        (second, first, other_settings)
    };
    let code = ended.exit_code().await?;
    assert_eq!(code, 70, "{:#?}", ended.log());
    let log = ended.log().join("\n");
    assert!(log.contains("another instance has taken over"), "{log}");
    let published = going_on.figure("published").await?;
    going_on
        .wait_for_figure_above("published", published + 500)
        .await;
    for feed in &feeds {
        feed.pause();
    }
    going_on.wait_for_figure("pending", 0).await;
    going_on.stop().await?;
    // What the fenced one still had is delivered from its journal.
    let third = Service::start(&url, &topics, &left_in).await?;
    wait_until("the window is restored", async || {
        third.health().await.is_ok_and(|(status, _)| status == 200)
    })
    .await;
    third.wait_for_figure("pending", 0).await;
    third.stop().await?;
    let mut proved: Vec<_> = feeds.iter().flat_map(|feed| feed.ids_proved()).collect();
    proved.sort_unstable();
    proved.dedup();
    let mut found = topics.published_ids(proved.len()).await?;
    let missing = proved.iter().find(|id| found.binary_search(id).is_err());
    assert_eq!(missing, None, "read and not in the topic");
    let records = found.len();
    found.dedup();
    assert_eq!(found.len(), records, "nothing is twice in the topic");
    Ok(())
}
