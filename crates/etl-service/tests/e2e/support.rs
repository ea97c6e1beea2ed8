//! The service as a child process, its topics, and what must be in its warehouse.

use std::{collections::BTreeMap, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use domain::{CountingRules, Day};
use feed_simulator::summaries::{
    DayCounts, SentSummaries, Summaries, SummariesConfig, SummaryProducer,
};
use http_test_kit::client::Site;
use kafka_kit::embedded::EmbeddedBroker;
use kafka_test_kit::{KafkaCluster, unique_topic};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    service_process::{self, Finished, ServiceProcess},
    waiting::wait_until,
};

/// Everything a test waits for comes within this time, or the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_etl-service");
pub(crate) const PARTITIONS: usize = 12;

/// The topics of one test.
pub(crate) struct Topics {
    pub(crate) bootstrap_servers: String,
    pub(crate) summaries: String,
    pub(crate) ids: String,
    pub(crate) dead_letters: String,
    pub(crate) group: String,
}

impl Topics {
    pub(crate) async fn create_on(cluster: &KafkaCluster) -> Result<Self> {
        let topics = Self {
            bootstrap_servers: cluster.bootstrap_servers().to_owned(),
            summaries: unique_topic("match_summaries"),
            ids: unique_topic("match_ids_raw"),
            dead_letters: unique_topic("etl_dead_letter"),
            group: unique_topic("etl-service"),
        };
        cluster
            .create_topic(&topics.summaries, PARTITIONS, &[])
            .await?;
        cluster.create_topic(&topics.ids, PARTITIONS, &[]).await?;
        cluster.create_topic(&topics.dead_letters, 1, &[]).await?;
        Ok(topics)
    }

    /// On a broker in this process, which lasts as long as what comes first.
    pub(crate) fn create_embedded() -> Result<(EmbeddedBroker, Self)> {
        let (summaries, ids) = ("match_summaries", "match_ids_raw");
        let dead_letters = "etl_dead_letter";
        let broker = EmbeddedBroker::start(&[(summaries, 12), (ids, 12), (dead_letters, 1)])?;
        let topics = Self {
            bootstrap_servers: broker.bootstrap_servers(),
            summaries: summaries.to_owned(),
            ids: ids.to_owned(),
            dead_letters: dead_letters.to_owned(),
            group: "etl-service".to_owned(),
        };
        Ok((broker, topics))
    }

    /// Fills the topic of summaries; what must become of them.
    pub(crate) async fn fill(&self, config: SummariesConfig) -> Result<SentSummaries> {
        let mut summaries = Summaries::try_new(config)?;
        let producer = SummaryProducer::try_new(&self.bootstrap_servers, &self.summaries)?;
        producer.send_all(&mut summaries, 0.0).await?;
        producer.flush().await?;
        Ok(summaries.into_sent())
    }

    /// The settings of whoever works with them.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("KAFKA_BOOTSTRAP_SERVERS", &self.bootstrap_servers),
            ("KAFKA_MATCH_SUMMARY_TOPIC", &self.summaries),
            ("KAFKA_MATCH_ID_TOPIC", &self.ids),
            ("KAFKA_DEAD_LETTER_TOPIC", &self.dead_letters),
            ("KAFKA_GROUP_ID", &self.group),
            ("COUNTERS_DELAY", "1s"),
            // Tests ask nobody of the world outside.
            ("DETAILS_FOR", "none"),
            ("API_HOST", "127.0.0.1"),
            ("API_PORT", "0"),
        ]
    }
}

/// The service, running.
pub(crate) struct Service {
    pub(crate) process: ServiceProcess,
    site: Site,
}

impl Service {
    /// Starts `run` in a folder, which holds the warehouse, with further settings.
    pub(crate) async fn start(
        topics: &Topics,
        folder: &Arc<TempDir>,
        further: &[(&str, &str)],
    ) -> Result<Self> {
        let mut settings = topics.settings();
        settings.extend(further);
        let program = Command::new(PROGRAM);
        let process = ServiceProcess::start(program, &settings, Arc::clone(folder)).await?;
        let site = Site::at(process.address().parse()?);
        Ok(Self { process, site })
    }

    /// Its HTTP interface.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// The JSON at a path; fails unless the status is 200.
    pub(crate) async fn json(&self, path: &str) -> Result<Value> {
        let answer = self.site.get(path).await;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "{path}: {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// What a path answers to JSON from whoever has the token.
    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.site.url);
        let request = self.site.client.post(url).bearer_auth(token);
        let answer = request.body(body.to_string()).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "{path}: {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// The text at a path, whatever the status.
    pub(crate) async fn text(&self, path: &str) -> String {
        self.site.text(path).await
    }

    /// A figure of the ledger; asserts that the ledger adds up.
    pub(crate) async fn figure(&self, name: &str) -> Result<u64> {
        let ledger = self.json("/api/v1/etl").await?["ledger"].take();
        let figure = |name: &str| ledger[name].as_u64().context("a figure is a number");
        let accounted = figure("loaded")? + figure("dead_lettered")? + figure("pending")?;
        assert_eq!(figure("consumed")?, accounted, "{ledger}");
        figure(name)
    }

    /// Waits until everything in the topics is loaded and committed, and the
    /// days of the warehouse are those of what was sent.
    pub(crate) async fn wait_until_loaded(&self, sent: &SentSummaries) -> Result<()> {
        let days = sent.days(&CountingRules::default());
        self.wait_until_days_are(&days, DEADLINE).await
    }

    /// The same for days that are known otherwise, and so much time for each of both.
    pub(crate) async fn wait_until_days_are(
        &self,
        expected: &BTreeMap<Day, DayCounts>,
        deadline: Duration,
    ) -> Result<()> {
        wait_until(deadline, "all is loaded and committed", async || {
            self.has_read_all().await.unwrap_or(false)
        })
        .await?;
        let same = wait_until(
            deadline,
            "the days are those of what was sent",
            async || {
                self.difference_to(expected)
                    .await
                    .is_ok_and(|one| one.is_none())
            },
        );
        match same.await {
            Ok(()) => Ok(()),
            Err(error) => bail!("{error}: {:?}", self.difference_to(expected).await?),
        }
    }

    async fn has_read_all(&self) -> Result<bool> {
        let etl = self.json("/api/v1/etl").await?;
        let partitions = etl["partitions"].as_array().context("it has partitions")?;
        let is_read = |one: &Value| one["lag"] == 0 || one["high_watermark"] == 0;
        Ok(partitions.len() == 2 * PARTITIONS
            && partitions.iter().all(is_read)
            && etl["ledger"]["pending"] == 0)
    }

    /// What is different in the days, counted matches and reasons.
    async fn difference_to(&self, expected: &BTreeMap<Day, DayCounts>) -> Result<Option<String>> {
        let bounds = expected.first_key_value().zip(expected.last_key_value());
        let ((from, _), (to, _)) = bounds.context("something was sent")?;
        let answer = self
            .json(&format!("/api/v1/days?from={from}&to={to}"))
            .await?;
        let days = answer["days"].as_array().context("it has days")?;
        if days.len() != expected.len() {
            return Ok(Some(format!("{} days in {answer}", days.len())));
        }
        for (found, (day, counts)) in days.iter().zip(expected) {
            let left_out: u64 = counts.left_out.values().sum();
            let of_reasons = counts.left_out.iter();
            let is_same = found["day"] == day.to_string()
                && found["counted"] == counts.counted
                && found["matches"] == counts.counted + left_out
                && found["dirty_since"].is_null()
                && of_reasons.fold(true, |same, (reason, count)| {
                    same && found["left_out"][reason.as_str()] == *count
                });
            if !is_same {
                return Ok(Some(format!("{day}: {counts:?} was sent, found {found}")));
            }
        }
        Ok(None)
    }

    /// Asks it to end, and asserts that it does so with exit code 0.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.process.signal("TERM")?;
        let (code, last) = self.process.ended().await?;
        assert_eq!(code, 0, "{last}");
        Ok(())
    }

    /// Ends it as a power cut of the process would.
    pub(crate) async fn kill(mut self) -> Result<Arc<TempDir>> {
        self.process.signal("KILL")?;
        // A signal has ended it, so there is no code.
        let _ = self.process.exit_code().await;
        Ok(self.process.folder())
    }
}

/// Runs a command on the warehouse in a folder.
pub(crate) async fn run(arguments: &[&str], folder: &TempDir) -> Result<Finished> {
    service_process::run_to_end(PROGRAM, arguments, &[], folder.path()).await
}
