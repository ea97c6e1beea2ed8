//! Commands beside a running service: it does what they are asked for.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use http_test_kit::client::Site;
use serde_json::Value;
use test_kit::{
    ports::free_ports,
    service_process::{Lines, ServiceProcess, send_signal},
    waiting::{wait_for, wait_until},
};

use crate::{
    DEADLINE,
    world::{Said, World},
};

const TOKEN: &str = "zQzApiToken";
/// Nobody listens there, so who reads it tries again, for as long as it is allowed to.
const NOBODY: &str = "http://127.0.0.1:1";

/// A world with a service, and what commands need to find it.
struct Beside {
    world: World,
    service: ServiceProcess,
    site: Site,
    port: String,
}

impl Beside {
    async fn start(name: &str, more: &[(&str, &str)]) -> Result<Self> {
        let world = World::new(name).await?;
        let port = free_ports(1)?[0].to_string();
        let settings = [
            ("API_PORT", port.as_str()),
            ("API_TOKEN", TOKEN),
            // Long beside what a machine that is busy keeps anybody waiting.
            ("LEADER_TTL", "10s"),
        ];
        let service = world.serve(&[&settings, more].concat()).await?;
        let site = Site::at(service.address().parse()?);
        let beside = Self {
            world,
            service,
            site,
            port,
        };
        wait_until(DEADLINE, "the service leads", async || {
            beside
                .health()
                .await
                .contains("this instance is the leader")
        })
        .await?;
        Ok(beside)
    }

    async fn health(&self) -> String {
        self.site.text("/api/v1/health").await
    }

    fn run(&self, arguments: &[&str]) -> Result<Said> {
        self.run_as(TOKEN, arguments)
    }

    fn run_as(&self, token: &str, arguments: &[&str]) -> Result<Said> {
        let settings = [("API_PORT", self.port.as_str()), ("API_TOKEN", token)];
        self.world.run_with(arguments, &settings)
    }

    /// The newest run.
    async fn newest(&self) -> Option<Value> {
        let runs = self.site.text("/api/v1/runs?limit=1").await;
        let mut runs: Value = serde_json::from_str(&runs).ok()?;
        Some(runs["runs"].get_mut(0)?.take())
    }

    async fn stop(mut self) -> Result<()> {
        self.service.signal("TERM")?;
        let code = self.service.exit_code().await?;
        ensure!(code == 0, "it ends with {code}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_runs_and_publishes_what_commands_ask_for() -> Result<()> {
    let beside = Beside::start("beside", &[]).await?;
    let first = beside.run(&["run-once"])?;
    ensure!(first.code == Some(0), "{first:?}");
    for told in [
        "carried out by the service",
        "read: ",
        "verify: ",
        "is published",
    ] {
        ensure!(first.stdout.contains(told), "{told}: {first:?}");
    }
    let published = beside.world.published().await?.context("it is published")?;
    ensure!(first.stdout.contains(&published), "{first:?}");
    let newest = beside.newest().await.context("it is in the ledger")?;
    ensure!(
        newest["run"] == *published && newest["by"] == "http",
        "{newest}"
    );

    let second = beside.run(&["run-once", "--progress", "json"])?;
    ensure!(second.code == Some(0), "{second:?}");
    let events: Vec<Value> = second
        .stdout
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let is = |event: &Value, name: &str| event["event"] == name;
    ensure!(is(&events[0], "queued"), "{second:?}");
    ensure!(
        events
            .iter()
            .any(|event| is(event, "step_done") && event["step"] == "check")
    );
    let last = events.last().context("it says something")?;
    ensure!(is(last, "ended") && last["state"] == "unchanged", "{last}");

    // A rehearsal is in nobody's way, and asks nobody.
    beside.world.play(0..5, |won| !won).await?;
    let dry = beside.run_as("another", &["run-once", "--dry-run"])?;
    ensure!(dry.code == Some(75), "{dry:?}");
    let held = beside.run(&["run-once"])?;
    ensure!(
        held.code == Some(75) && held.stdout.contains("is held"),
        "{held:?}"
    );
    ensure!(beside.world.published().await? == Some(published.clone()));
    let id = beside.newest().await.context("it is in the ledger")?;
    let id = id["run"].as_str().context("an id")?.to_owned();
    let publish = beside.run(&["runs", "publish", &id])?;
    ensure!(publish.code == Some(0), "{publish:?}");
    ensure!(beside.world.published().await? == Some(id.clone()));
    let back = beside.run(&["runs", "publish", &published])?;
    ensure!(back.code == Some(0), "{back:?}");
    ensure!(beside.world.published().await? == Some(published.clone()));
    beside.refuses(&published)?;
    beside.stop().await
}

impl Beside {
    /// What cannot be done is not done, and the reason is said.
    fn refuses(&self, published: &str) -> Result<()> {
        let unknown = "0192f3a1-0000-7000-8000-000000000000";
        for (token, arguments, code, said) in [
            (
                TOKEN,
                &["runs", "publish", unknown][..],
                2,
                "there is no run",
            ),
            (TOKEN, &["runs", "cancel", unknown], 2, "there is no run"),
            (TOKEN, &["runs", "cancel", "x"], 2, "is no id of a run"),
            (
                TOKEN,
                &["runs", "cancel", published],
                70,
                "nothing to cancel",
            ),
            (
                TOKEN,
                &["run-once", "--patch", "0.1"],
                2,
                "no patch is called",
            ),
            (TOKEN, &["run-once", "--skill", "low"], 2, "MODEL_SKILLS"),
            ("another", &["run-once"], 69, "refuses this API_TOKEN"),
            (
                "another",
                &["runs", "cancel", published],
                69,
                "refuses this API_TOKEN",
            ),
        ] {
            let refused = self.run_as(token, arguments)?;
            let is_expected = refused.code == Some(code) && refused.stderr.contains(said);
            ensure!(is_expected, "{arguments:?}: {refused:?}");
        }
        let settings = [("API_PORT", self.port.as_str())];
        let without = self.world.run_with(&["run-once"], &settings)?;
        let is_expected =
            without.code == Some(69) && without.stderr.contains("API_TOKEN is not set");
        ensure!(is_expected, "{without:?}");
        // Of another name, at the same place.
        let settings = [
            ("API_PORT", self.port.as_str()),
            ("SERVICE_NAME", "another"),
        ];
        let mistaken = self.world.run_with(&["run-once"], &settings)?;
        let is_expected = mistaken.code == Some(69) && mistaken.stderr.contains("not another");
        ensure!(is_expected, "{mistaken:?}");
        // Whoever does not know where the service is does not get in its way.
        let elsewhere = self.world.run(&["run-once"])?;
        let is_expected =
            elsewhere.code == Some(70) && elsewhere.stderr.contains("set API_HOST and API_PORT");
        ensure!(is_expected, "{elsewhere:?}");
        Ok(())
    }

    /// Starts a run that does not come to its end, and waits until it has tried to.
    async fn begin_endless(&self) -> Result<(Child, String)> {
        let settings = [("API_PORT", self.port.as_str()), ("API_TOKEN", TOKEN)];
        let mut command = self.world.command(&["run-once"], &settings);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let run = wait_for(DEADLINE, "a run reads", async || {
            let newest = self.newest().await?;
            let is_reading = newest["state"] == "running" && newest["steps"].as_array()?.len() > 2;
            is_reading.then(|| newest["run"].as_str().map(str::to_owned))?
        });
        Ok((child, run.await?))
    }
}

/// The exit code of a command that ends, and what it has said.
async fn ended(mut child: Child) -> Result<(Option<i32>, String)> {
    let lines = Lines::of(child.stdout.take().context("it was asked to be piped")?);
    let said = lines.to_the_end().await?.join("\n");
    Ok((child.wait()?.code(), said))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_the_service_is_cancelled_and_whoever_waits_for_it_learns_of_that() -> Result<()> {
    let endless = [
        ("WAREHOUSE_URL", NOBODY),
        ("MODEL_RETRIES", "1000"),
        ("MODEL_BACKOFF_MIN", "50ms"),
        ("MODEL_BACKOFF_MAX", "50ms"),
    ];
    let beside = Beside::start("cancelled", &endless).await?;
    let (waiting, id) = beside.begin_endless().await?;
    let another = beside.run(&["run-once"])?;
    let is_told = another.code == Some(70) && another.stderr.contains(&id);
    ensure!(
        is_told && another.stderr.contains("in progress"),
        "{another:?}"
    );
    let cancel = beside.run(&["runs", "cancel", &id])?;
    ensure!(cancel.code == Some(0), "{cancel:?}");
    ensure!(cancel.stdout.contains("is cancelled"), "{cancel:?}");
    let (code, said) = ended(waiting).await?;
    ensure!(code == Some(70), "{code:?}: {said}");
    for told in [
        "read: attempt 1 has failed",
        "start ClickHouse",
        "is cancelled",
    ] {
        ensure!(said.contains(told), "{told}: {said}");
    }

    // Who is asked to end does not leave its run behind.
    let (waiting, id) = beside.begin_endless().await?;
    send_signal(waiting.id(), "TERM")?;
    let (code, said) = ended(waiting).await?;
    ensure!(
        code == Some(70) && said.contains("is cancelled"),
        "{code:?}: {said}"
    );
    let newest = beside.newest().await.context("it is in the ledger")?;
    ensure!(
        newest["run"] == *id && newest["state"] == "cancelled",
        "{newest}"
    );

    // A service that is gone is not waited for.
    let (waiting, _) = beside.begin_endless().await?;
    beside.service.signal("KILL")?;
    let begun = tokio::time::Instant::now();
    let (code, said) = ended(waiting).await?;
    ensure!(code == Some(69), "{code:?}: {said}");
    ensure!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
    let nobody = beside.run(&["runs", "cancel", &id])?;
    let is_told = nobody.code == Some(69) && nobody.stderr.contains("no service answers");
    ensure!(is_told, "{nobody:?}");
    Ok(())
}
