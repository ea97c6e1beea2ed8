//! How many whole matches a second the feed over Steam's sequence takes from a local
//! upstream, beside what reading the same answers from memory takes, in the same run.

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
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::Outcome,
};
use health_kit::SystemClock;
use ingestion_application::ports::{FeedEvent, FeedReader as _};
use ingestion_benchmarks::serve;
use ingestion_steam_adapter::{Start, SteamFeed};
use secrecy::SecretString;
use steam_client::{ROWS_MAX, Steam, SteamSettings, Transport};
use tokio::time::Instant;

/// Matches a second, or else this share of what memory gives.
const RATE_GOAL: f64 = 5_000.0;
const SHARE_GOAL: f64 = 0.5;

/// Measures the feed over Steam's sequence.
#[derive(Parser)]
struct Arguments {
    /// How many matches are read
    #[arg(long, default_value_t = 50_000)]
    matches: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let upstream = SteamUpstream::new(SteamConfig {
        matches: arguments.matches,
        hidden_per_mille: 0,
        late_per_mille: 0,
        limits: SteamLimits::NONE,
        ..SteamConfig::new(World::new(1))
    });
    upstream.advance_to_end();
    let url = serve(upstream.clone())?.origin;
    let bodies = bodies(&upstream)?;
    let bytes: usize = bodies.iter().map(Bytes::len).sum();
    let count = arguments.matches;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let over_socket = runtime.block_on(read_feed(url, count))?;
    let from_memory = runtime.block_on(read_memory(bodies, count))?;
    let rate = |time: Duration| f64::from(count) / time.as_secs_f64();
    let share = rate(over_socket) / rate(from_memory);
    println!("matches {count}, bytes {bytes}");
    println!("over a socket: {:.0} matches/s", rate(over_socket));
    println!("from memory:   {:.0} matches/s", rate(from_memory));
    println!("share:         {share:.2}");
    ensure!(
        rate(over_socket) >= RATE_GOAL || share >= SHARE_GOAL,
        "the goal is {RATE_GOAL} matches/s, or a share of {SHARE_GOAL}"
    );
    Ok(())
}

/// Every page of the sequence.
fn bodies(upstream: &SteamUpstream) -> Result<VecDeque<Bytes>> {
    let exposed = upstream.exposed();
    let starts = exposed.chunks(ROWS_MAX.into()).map(|page| page[0].0);
    let body = |start: u64| {
        let path = format!(
            "/IDOTA2Match_570/GetMatchHistoryBySequenceNum/V001/?key=k&start_at_match_seq_num={start}"
        );
        match upstream.answer(&path) {
            Outcome::Answer(answer, _) => Ok(Bytes::from(answer.body)),
            Outcome::Closed => anyhow::bail!("no answer"),
        }
    };
    starts.map(body).collect()
}

fn settings(url: String) -> SteamSettings {
    SteamSettings {
        url,
        keys: vec!["k".into()],
        call_time_max: SteamSettings::CALL_TIME_MAX,
    }
}

/// As the service does, from the first call to the last match.
async fn read_feed(url: String, count: u32) -> Result<Duration> {
    let clock = Arc::new(SystemClock);
    let steam = Steam::try_new("bench/1", settings(url), clock.clone(), 1);
    let steam = steam.map_err(anyhow::Error::msg)?;
    let mut feed = SteamFeed::new(Arc::new(steam), Start::At(0), clock);
    feed.resume(None);
    let begun = Instant::now();
    let mut read = 0;
    while read < count {
        match feed.next().await {
            FeedEvent::Received(batch) => read += u32::try_from(batch.frames.len())?,
            FeedEvent::Connected | FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {}
            FeedEvent::Disconnected(end) => anyhow::bail!("{}", end.detail),
        }
    }
    Ok(begun.elapsed())
}

struct Memory(Mutex<VecDeque<Bytes>>);

#[async_trait]
impl Transport for Memory {
    async fn get(&self, _: &str, _: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || CallFailed::Connection("all is read".to_owned());
        let body = bodies.pop_front().ok_or_else(gone)?;
        let headers = [("content-type", "application/json")];
        Ok(HttpAnswer::new(200, &headers, body))
    }
}

/// The same answers and the same client, without socket and feed.
async fn read_memory(bodies: VecDeque<Bytes>, count: u32) -> Result<Duration> {
    let transport = Arc::new(Memory(Mutex::new(bodies)));
    let url = "http://upstream".to_owned();
    let steam = Steam::over(transport, settings(url), Arc::new(SystemClock), 1);
    let begun = Instant::now();
    let mut read = 0;
    while read < count {
        let page = steam.matches_from(0, ROWS_MAX).await?;
        read += u32::try_from(page.rows())?;
    }
    Ok(begun.elapsed())
}
