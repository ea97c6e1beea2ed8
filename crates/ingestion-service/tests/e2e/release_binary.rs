//! What is promised of the binary that ships, and no debug build keeps.

use std::process::Command;

use anyhow::{Context as _, Result};
use feed_simulator::Config;

use crate::support::{DEADLINE, Service, Topics, feed};

/// Names the binary; `just test-release` builds one.
const BINARY: &str = "INGESTION_SERVICE_BINARY";
/// What the service may use before the first match: 20 MB.
const IDLE_KIB_MAX: u64 = 20_000_000 / 1024;
/// What pages of the binary may take of it: other tests leave so much to them.
const PAGES_KIB_MAX: u64 = 18_000_000 / 1024;

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_service_is_small() -> Result<()> {
    let binary = std::env::var_os(BINARY);
    let binary = binary.with_context(|| format!("{BINARY} names none: run just test-release"))?;
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(0),
        ..Config::default()
    })
    .await?;
    let program = Command::new(binary);
    let service = Service::start_as(program, &feed.websocket_url(), &topics, &[]).await?;
    // Connected to both sides: every part of it has run.
    service.wait_for_health(DEADLINE, 200).await;
    let peak = service.memory_kib("VmHWM")?;
    let pages = service.memory_kib("RssFile")?;
    println!("at most {peak} KiB resident, {pages} of them pages of files");
    assert!(peak < IDLE_KIB_MAX, "{peak} KiB");
    assert!(pages < PAGES_KIB_MAX, "{pages} KiB");
    service.stop().await
}
