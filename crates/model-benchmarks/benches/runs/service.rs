//! The service as a whole: a run, then nothing to do, then questions.

use std::{collections::BTreeMap, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_kit::service_process::ServiceProcess;
use tokio::time::{Instant, sleep};

use crate::world::PATCHES;

const RUN_TIME_MAX: Duration = Duration::from_mins(5);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// What was published has been read by the HTTP interface, and nothing happens.
const IDLE_AFTER: Duration = Duration::from_secs(20);
const QUESTIONS: usize = 2000;

/// What there is to say of it.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// Resident when it has nothing to do, in MiB.
    pub(crate) idle_mib: f64,
    /// The most that ever was.
    pub(crate) most_mib: f64,
    /// What the idle process has: lines of `/proc/PID/status`, in KiB.
    pub(crate) parts_kib: BTreeMap<&'static str, u64>,
    /// How long suggestions take over HTTP, in ms, ascending.
    pub(crate) suggestions_ms: Vec<f64>,
    /// How long the smallest answer takes over the same connection, in ms, ascending.
    pub(crate) pings_ms: Vec<f64>,
}

/// Has it run once and lets it rest, then asks.
///
/// # Errors
/// It does not start, its run fails, or it does not answer.
pub(crate) async fn measure(
    command: Command,
    settings: &[(&str, &str)],
    folder: Arc<TempDir>,
) -> Result<Service> {
    let service = ServiceProcess::start(command, settings, folder).await?;
    let client = Client::builder()
        .no_proxy()
        .timeout(ANSWER_TIME_MAX)
        .build()?;
    let base = format!("http://{}", service.address());
    wait_for_run(&client, &base).await?;
    sleep(IDLE_AFTER).await;
    let mut parts_kib = BTreeMap::new();
    for part in ["RssAnon", "RssFile", "Threads"] {
        parts_kib.insert(part, service.memory_kib(part)?);
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let idle_mib = service.memory_kib("VmRSS")? as f64 / 1024.0;
    let suggest = format!("{base}/api/v1/draft/suggest");
    let question = json!({
        "patch": PATCHES[1], "skill": "high", "mode": "default", "side": "radiant",
        "radiant": [1, 2, 3, 4], "dire": [5, 6, 7, 8, 9], "first": 20,
    });
    let suggestions_ms = ask(|| client.post(&suggest).json(&question)).await?;
    let ping = format!("{base}/livez");
    let pings_ms = ask(|| client.get(&ping)).await?;
    Ok(Service {
        idle_mib,
        most_mib: service.usage()?.resident_mib_max,
        parts_kib,
        suggestions_ms,
        pings_ms,
    })
}

async fn wait_for_run(client: &Client, base: &str) -> Result<()> {
    let url = format!("{base}/api/v1/runs?limit=1");
    let begun = Instant::now();
    loop {
        ensure!(
            begun.elapsed() < RUN_TIME_MAX,
            "no run after {RUN_TIME_MAX:?}"
        );
        sleep(ASK_AGAIN_AFTER).await;
        let runs: Value = client.get(&url).send().await?.json().await?;
        let state = &runs["runs"][0]["state"];
        match state.as_str() {
            Some("published") => return Ok(()),
            Some("failed" | "held") => anyhow::bail!("{runs}"),
            _ => {}
        }
    }
}

async fn ask(question: impl Fn() -> reqwest::RequestBuilder) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let begun = Instant::now();
        let answer = question().send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        times.push(1000.0 * begun.elapsed().as_secs_f64());
        let said = || String::from_utf8_lossy(&body).into_owned();
        ensure!(status.is_success(), "{status}: {}", said());
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// So many of a hundred take no longer.
///
/// # Errors
/// There are none.
pub(crate) fn percentile(times: &[f64], share: usize) -> Result<f64> {
    let place = times.len().saturating_sub(1) * share / 100;
    times.get(place).copied().context("there are times")
}
