//! How many rows of pages a second the feed over pages takes from a local upstream,
//! beside what reading the same answers from memory takes, in the same run.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use clap::Parser;
use client_kit::{CallFailed, HttpAnswer};
use domain::Timestamp;
use feed_simulator::{
    World,
    upstream::{Limits, Outcome, Upstream, UpstreamConfig},
};
use health_kit::{Clock as _, SystemClock};
use ingestion_application::ports::{FeedEvent, FeedReader as _};
use ingestion_benchmarks::serve;
use ingestion_opendota_adapter::pages::{PagesFeed, Plan};
use opendota_client::{Caller, OpenDota, OpenDotaSettings, PageList, ProcessMemory, Transport};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

/// Rows a second.
const RATE_GOAL: f64 = 50_000.0;

/// A minute begins with seconds in which nobody calls: they are not measured.
const FIRST_SECONDS: u64 = 7;

const ROWS_A_PAGE: usize = 100;

/// Measures the feed over pages.
#[derive(Parser)]
struct Arguments {
    /// How many rows are read: as many as are known at a time, at most
    #[arg(long, default_value_t = 200_000)]
    rows: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let world = World::new(1);
    let rows = arguments.rows;
    // All of it has ended long ago.
    let end = world.begin().unix_seconds() + i64::from(rows);
    let upstream = Upstream::new(UpstreamConfig {
        matches: Some(rows),
        limits: Limits {
            per_minute: u32::MAX,
            per_day: None,
        },
        ..UpstreamConfig::new(world, Timestamp::from_unix_seconds(end))
    });
    let url = serve(upstream.clone())?.url;
    let bodies = bodies(&upstream)?;
    let bytes: usize = bodies.iter().map(Bytes::len).sum();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (over_socket, from_memory) = runtime.block_on(async {
        begin_of_minute().await;
        let over_socket = read_feed(url, rows).await?;
        begin_of_minute().await;
        anyhow::Ok((over_socket, read_memory(bodies, rows).await?))
    })?;
    let rate = |time: Duration| f64::from(rows) / time.as_secs_f64();
    println!("rows {rows}, bytes {bytes}");
    println!("over a socket: {:.0} rows/s", rate(over_socket));
    println!("from memory:   {:.0} rows/s", rate(from_memory));
    println!(
        "share:         {:.2}",
        rate(over_socket) / rate(from_memory)
    );
    ensure!(
        rate(over_socket) >= RATE_GOAL,
        "the goal is {RATE_GOAL} rows/s"
    );
    Ok(())
}

/// Waits for a minute of which little has gone, but the seconds at its beginning.
async fn begin_of_minute() {
    let second = SystemClock.now().unix_seconds().unsigned_abs() % 60;
    let wait = match second {
        ..FIRST_SECONDS => FIRST_SECONDS - second,
        FIRST_SECONDS..30 => 0,
        30.. => 60 + FIRST_SECONDS - second,
    };
    sleep(Duration::from_secs(wait)).await;
}

/// Every page of the list, from its head down.
fn bodies(upstream: &Upstream) -> Result<VecDeque<Bytes>> {
    let mut exposed = upstream.exposed(feed_simulator::upstream::PageList::Public);
    exposed.reverse();
    let lowest = exposed.chunks(ROWS_A_PAGE).map(|page| page[page.len() - 1]);
    let below = std::iter::once(None).chain(lowest.map(Some));
    let pages = exposed.len().div_ceil(ROWS_A_PAGE);
    let body = |below: Option<domain::MatchId>| {
        let query = below.map_or(String::new(), |id| format!("?less_than_match_id={id}"));
        match upstream.answer(&format!("/api/publicMatches{query}")) {
            Outcome::Answer(answer, _) => Ok(Bytes::from(answer.body)),
            Outcome::Closed => anyhow::bail!("no answer"),
        }
    };
    below.take(pages).map(body).collect()
}

fn settings(url: String) -> OpenDotaSettings {
    OpenDotaSettings {
        url,
        key: Some("k".into()),
        reserve_percent: 0,
        call_time_max: OpenDotaSettings::CALL_TIME_MAX,
    }
}

/// As the service does, from the first call to the last row.
async fn read_feed(url: String, rows: u32) -> Result<Duration> {
    let clock = Arc::new(SystemClock);
    let memory = Arc::new(ProcessMemory::default());
    let client = OpenDota::try_new("bench/1", settings(url), memory, clock.clone());
    let client = client.map_err(anyhow::Error::msg)?;
    // One round, down to the end.
    let plan = Plan {
        reach: u64::from(rows),
        spacing_min: Duration::from_hours(1),
        spacing_max: Duration::from_hours(1),
        ..Plan::DEFAULT
    };
    let lists = [PageList::Public];
    let mut feed = PagesFeed::with_plan(Arc::new(client), &lists, plan, clock);
    feed.resume(None);
    let mut begun = None;
    let mut read = 0;
    while read < rows {
        match feed.next().await {
            FeedEvent::Received(batch) => read += u32::try_from(batch.frames.len())?,
            // The first call says how many there may be: from then on it counts.
            FeedEvent::Connected => begun = Some(Instant::now()),
            FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {}
            FeedEvent::Disconnected(end) => anyhow::bail!("{}", end.detail),
        }
    }
    Ok(begun.map_or(Duration::MAX, |begun| begun.elapsed()))
}

struct Memory(Mutex<VecDeque<Bytes>>);

#[async_trait]
impl Transport for Memory {
    async fn get(&self, _: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || CallFailed::Connection("all is read".to_owned());
        let body = bodies.pop_front().ok_or_else(gone)?;
        let left = u32::MAX.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("x-rate-limit-remaining-minute", left.as_str()),
        ];
        Ok(HttpAnswer::new(200, &headers, body))
    }
}

/// The same answers and the same client, without socket and feed.
async fn read_memory(bodies: VecDeque<Bytes>, rows: u32) -> Result<Duration> {
    let transport = Arc::new(Memory(Mutex::new(bodies)));
    let url = "http://upstream/api".to_owned();
    let memory = Arc::new(ProcessMemory::default());
    let client = OpenDota::over(transport, settings(url), memory, Arc::new(SystemClock));
    let begun = Instant::now();
    let mut read = 0;
    while read < rows {
        let page = client.page(PageList::Public, None, Caller::Whole).await?;
        read += u32::try_from(page.rows.len())?;
    }
    Ok(begun.elapsed())
}
