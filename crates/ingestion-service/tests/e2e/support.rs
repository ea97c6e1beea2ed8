//! A service as a child process, and everything around it.

mod topics;

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use feed_simulator::{Config, RunningSimulator, Simulator};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    service_process::{self, ServiceProcess},
    waiting,
};
use tokio::time::Instant;

pub(crate) use self::topics::{PARTITIONS, Topics};
pub(crate) use test_kit::service_process::{Finished, Lines, send_signal};

/// Everything a test waits for comes within this time, or the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Waits until `condition` holds.
///
/// # Panics
/// After [`DEADLINE`], naming what was waited for.
pub(crate) async fn wait_until(what: &str, condition: impl AsyncFnMut() -> bool) {
    wait_until_within(DEADLINE, what, condition).await;
}

/// Waits until `condition` holds, at most `deadline`; says how long it took.
///
/// # Panics
/// After `deadline`, naming what was waited for.
pub(crate) async fn wait_until_within(
    deadline: Duration,
    what: &str,
    condition: impl AsyncFnMut() -> bool,
) -> Duration {
    let begun = Instant::now();
    let held = waiting::wait_until(deadline, what, condition).await;
    held.unwrap_or_else(|error| panic!("{error}"));
    begun.elapsed()
}

/// Starts a feed that keeps the ids it sends.
pub(crate) async fn feed(config: Config) -> Result<RunningSimulator> {
    Ok(Simulator::start(Config {
        record_ids: true,
        ..config
    })
    .await?)
}

/// Waits until the feed has sent all its matches, and the service has proved to have read them.
pub(crate) async fn wait_until_finished(feed: &RunningSimulator) {
    wait_until("all is sent and read", async || feed.truth().finished).await;
}

/// Asserts that the topic holds exactly the matches the feed has sent.
pub(crate) async fn assert_all_delivered_once(
    feed: &RunningSimulator,
    topics: &Topics,
) -> Result<()> {
    let mut sent = feed.ids_sent();
    sent.sort_unstable();
    let found = topics.published_ids(sent.len()).await?;
    assert_none_is_missing("record", &sent, &found);
    assert_eq!(
        found.len(),
        sent.len(),
        "records in the topic, all matches being there"
    );
    Ok(())
}

/// Asserts that each of `expected` is among those `found`, which are ascending.
pub(crate) fn assert_none_is_missing(what: &str, expected: &[i64], found: &[i64]) {
    let missing: Vec<_> = expected
        .iter()
        .filter(|id| found.binary_search(id).is_err())
        .take(5)
        .collect();
    assert!(
        missing.is_empty(),
        "no {what} of {missing:?} and maybe more"
    );
}

/// Runs the binary in `folder` with nothing in its environment but `settings`, to its end.
pub(crate) async fn run_to_end(
    arguments: &[&str],
    settings: &[(&str, &str)],
    folder: &Path,
) -> Result<Finished> {
    let program = env!("CARGO_BIN_EXE_ingestion-service");
    service_process::run_to_end(program, arguments, settings, folder).await
}

/// The binary, running.
pub(crate) struct Service(ServiceProcess);

impl Deref for Service {
    type Target = ServiceProcess;

    fn deref(&self) -> &ServiceProcess {
        &self.0
    }
}

impl DerefMut for Service {
    fn deref_mut(&mut self) -> &mut ServiceProcess {
        &mut self.0
    }
}

impl Service {
    /// Starts `run` between a feed and topics, with further settings.
    pub(crate) async fn start(
        feed_url: &str,
        topics: &Topics,
        further: &[(&str, &str)],
    ) -> Result<Self> {
        let program = Command::new(env!("CARGO_BIN_EXE_ingestion-service"));
        Self::start_as(program, feed_url, topics, further).await
    }

    /// The same with at most so many files and sockets at a time, and a
    /// quarter of that unless it asks for more.
    pub(crate) async fn start_with_descriptors(
        descriptors: usize,
        feed_url: &str,
        topics: &Topics,
        further: &[(&str, &str)],
    ) -> Result<Self> {
        let mut program = Command::new("/bin/sh");
        let script = format!(
            "ulimit -Sn {} && ulimit -Hn {descriptors} && exec \"$0\"",
            descriptors / 4
        );
        program.args(["-c", &script, env!("CARGO_BIN_EXE_ingestion-service")]);
        Self::start_as(program, feed_url, topics, further).await
    }

    /// The same with another program.
    pub(crate) async fn start_as(
        program: Command,
        feed_url: &str,
        topics: &Topics,
        further: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_in(
            Arc::new(TempDir::new()?),
            program,
            feed_url,
            topics,
            further,
        )
        .await
    }

    /// The same in a folder in which another one may have left something.
    pub(crate) async fn start_in(
        folder: Arc<TempDir>,
        program: Command,
        feed_url: &str,
        topics: &Topics,
        further: &[(&str, &str)],
    ) -> Result<Self> {
        let mut settings = vec![
            ("OPENDOTA_STREAM_URL", feed_url),
            ("KAFKA_BOOTSTRAP_SERVERS", topics.bootstrap_servers.as_str()),
            ("KAFKA_PUBLISH_TOPIC", topics.publish.as_str()),
            ("KAFKA_DEAD_LETTER_TOPIC", topics.dead_letter.as_str()),
            ("API_HOST", "127.0.0.1"),
            ("API_PORT", "0"),
        ];
        settings.extend(further);
        Ok(Self(
            ServiceProcess::start(program, &settings, folder).await?,
        ))
    }

    /// A path of the HTTP interface; its status and body.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, String)> {
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            .no_proxy()
            .build()?;
        let answer = client
            .get(format!("http://{}{path}", self.address()))
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The status code and body of `/api/v1/health`.
    pub(crate) async fn health(&self) -> Result<(u16, Value)> {
        let (status, body) = self.get("/api/v1/health").await?;
        Ok((status, serde_json::from_str(&body)?))
    }

    /// A figure of the ledger; asserts that the ledger adds up.
    pub(crate) async fn figure(&self, name: &str) -> Result<u64> {
        let (_, body) = self.get("/api/v1/ingestion").await?;
        let ledger: Value = serde_json::from_str::<Value>(&body)?["ledger"].take();
        let figure = |name: &str| {
            ledger[name]
                .as_u64()
                .with_context(|| format!("no {name} in {ledger}"))
        };
        let accounted = figure("published")?
            + figure("duplicates")?
            + figure("dead_lettered")?
            + figure("pending")?;
        assert_eq!(figure("received")?, accounted, "{ledger}");
        figure(name)
    }

    /// Waits until a figure of the ledger is `expected`.
    pub(crate) async fn wait_for_figure(&self, name: &str, expected: u64) {
        wait_until(&format!("{name} is {expected}"), async || {
            self.figure(name)
                .await
                .is_ok_and(|figure| figure == expected)
        })
        .await;
    }

    /// Waits until a figure of the ledger is above `limit`.
    pub(crate) async fn wait_for_figure_above(&self, name: &str, limit: u64) {
        wait_until(&format!("{name} is above {limit}"), async || {
            self.figure(name).await.is_ok_and(|figure| figure > limit)
        })
        .await;
    }

    /// The most memory it ever had resident, in KiB, without the pages of its binary:
    /// an unoptimized one has several times as many of them as the one that ships.
    pub(crate) fn peak_memory_kib(&self) -> Result<u64> {
        let whole = self.memory_kib("VmHWM")?;
        Ok(whole.saturating_sub(self.memory_kib("RssFile")?))
    }

    /// Waits until health answers with `status`; says how long it took.
    pub(crate) async fn wait_for_health(&self, deadline: Duration, status: u16) -> Duration {
        wait_until_within(deadline, &format!("health answers {status}"), async || {
            self.health().await.is_ok_and(|(found, _)| found == status)
        })
        .await
    }

    /// Asks it to end, and asserts that it does so with exit code 0 and nothing pending.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.signal("TERM")?;
        let (code, last) = self.ended().await?;
        assert_eq!(code, 0, "{:#?}", self.log());
        assert_eq!(last["ledger.pending"], 0, "{last}");
        Ok(())
    }

    /// A series of `/metrics`, such as `ingestion_dead_lettered_total{reason="not_json"}`.
    pub(crate) async fn metric(&self, series: &str) -> Result<u64> {
        let (_, text) = self.get("/metrics").await?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Ok(value
            .with_context(|| format!("no {series} in\n{text}"))?
            .parse()?)
    }

    /// How often the feed was lost, or not reached, for this reason.
    pub(crate) async fn reconnects(&self, reason: &str) -> Result<u64> {
        let series = r#"ingestion_source_reconnects_total{source="opendota_stream",reason="#;
        self.metric(&format!("{series}\"{reason}\"}}")).await
    }

    /// Waits until health names `reason` for the feed; says how long it took.
    pub(crate) async fn wait_for_feed_health(
        &self,
        deadline: Duration,
        status: &str,
        reason: &str,
    ) -> Duration {
        let what = format!("the feed is {status} because of {reason:?}");
        wait_until_within(deadline, &what, async || {
            self.health().await.is_ok_and(|(_, health)| {
                let checks = health["checks"].as_array().cloned().unwrap_or_default();
                checks.iter().any(|check| {
                    let said = check["reason"].as_str().unwrap_or_default();
                    check["name"] == "feed.opendota_stream"
                        && check["status"] == status
                        && said.contains(reason)
                })
            })
        })
        .await
    }
}
