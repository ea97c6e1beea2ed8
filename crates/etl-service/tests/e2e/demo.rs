//! One command, and a page with loaded matches and counters soon after.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use http_test_kit::client::Site;
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    document::commands,
    service_process::{Lines, send_signal},
    waiting::{wait_for, wait_until},
};

use crate::support::DEADLINE;

/// The demo, running; it ends with this value.
struct Demo {
    child: Child,
    lines: Lines,
    _folder: TempDir,
}

impl Demo {
    /// The command of the README.
    fn start() -> Result<Self> {
        const COMMAND: &str = "cargo run --release -p etl-service -- ";
        let typed = commands("README.md", "-p etl-service -- demo");
        let arguments = typed.strip_prefix(COMMAND).context("it is one command")?;
        let folder = TempDir::new()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_etl-service"))
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .env_clear()
            // The usual port may be somebody's.
            .env("API_PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = Lines::of(child.stdout.take().context("it is piped")?);
        Ok(Self {
            child,
            lines,
            _folder: folder,
        })
    }

    async fn site(&self) -> Result<Site> {
        let page = wait_for(DEADLINE, "it says where its page is", async || {
            let lines = self.lines.so_far().into_iter();
            let mut words = lines.filter_map(|line| {
                let page = line.trim().strip_prefix("page")?;
                Some(page.trim().to_owned())
            });
            words.next()
        });
        let page = page.await?;
        let address = page.trim_start_matches("http://").trim_end_matches('/');
        Ok(Site::at(address.parse()?))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.lines.so_far().join("\n"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_loaded_matches_and_counters() -> Result<()> {
    let mut demo = Demo::start()?;
    let site = demo.site().await?;
    let number = async |path: &str, pointer: &str| {
        let json: Value = serde_json::from_str(&site.text(path).await).ok()?;
        json.pointer(pointer)?.as_u64()
    };
    wait_until(DEADLINE, "matches are loaded and counted", async || {
        let loaded = number("/api/v1/etl", "/ledger/loaded").await;
        let games = number("/api/v1/stats/heroes", "/heroes/0/games").await;
        loaded > Some(0) && games > Some(0)
    })
    .await?;
    ensure!(site.text("/").await.contains("<html"), "there is a page");

    send_signal(demo.child.id(), "INT")?;
    let child = &mut demo.child;
    let code = wait_for(DEADLINE, "it ends", async || child.try_wait().transpose());
    let code = code.await??.code();
    let lines = demo.lines.to_the_end().await?;
    let told = |line: &String| line.contains("first counters after ");
    ensure!(
        lines.iter().filter(|line| told(line)).count() == 1,
        "it is told once when they were there"
    );
    let last = lines.last().context("it has a verdict")?;
    ensure!(
        code == Some(0) && last == "all of them loaded and counted, in effect once",
        "{code:?}: {}",
        lines.join("\n")
    );
    Ok(())
}
