//! All feeds at once, over one world, while each of them, the service and the broker go away.
//!
//! `WEEK_MINUTES` makes it last longer than the half minute of every run, with the limits of
//! the real upstreams.

mod gaps;
mod report;
mod upstreams;

use std::{collections::BTreeSet, env, time::Duration};

use anyhow::{Context as _, Result};
use kafka_test_kit::KafkaCluster;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use self::{
    gaps::{Gaps, Interruption},
    upstreams::Upstreams,
};
use crate::support::{Service, Topics, wait_until, wait_until_within};

const SEED: u64 = 1;

/// Something that goes on for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    StreamDown,
    StreamSilent,
    LogsDown,
    LogsSilent,
    PagesDown,
    PagesRefuse,
    SteamDown,
    SteamRefuses,
    BrokerFrozen,
    /// The service, which is followed by another one.
    Killed,
}

impl Fault {
    const ALL: [Self; 10] = [
        Self::StreamDown,
        Self::StreamSilent,
        Self::LogsDown,
        Self::LogsSilent,
        Self::PagesDown,
        Self::PagesRefuse,
        Self::SteamDown,
        Self::SteamRefuses,
        Self::BrokerFrozen,
        Self::Killed,
    ];

    /// Whose interruption it is, if it is one that is noticed when it has lasted so long.
    fn interrupts(self, idle_timeout: Duration) -> Option<(&'static str, Duration)> {
        match self {
            Self::StreamDown => Some(("opendota_stream", Duration::ZERO)),
            Self::StreamSilent => Some(("opendota_stream", idle_timeout)),
            Self::LogsDown => Some(("opendota_logs", Duration::ZERO)),
            Self::LogsSilent => Some(("opendota_logs", Duration::from_mins(1))),
            _ => None,
        }
    }
}

/// How long it all takes.
struct Pace {
    is_long: bool,
    minutes: u64,
    idle_timeout: Duration,
}

impl Pace {
    fn from_environment() -> Result<Self> {
        let minutes = env::var("WEEK_MINUTES").ok();
        let minutes: Option<u64> = minutes.map(|text| text.parse()).transpose()?;
        Ok(Self {
            is_long: minutes.is_some(),
            minutes: minutes.unwrap_or(1),
            idle_timeout: Duration::from_secs(if minutes.is_some() { 20 } else { 2 }),
        })
    }

    fn lasts(&self, fault: Fault, rng: &mut StdRng) -> Duration {
        let ms = match (self.is_long, fault) {
            (true, Fault::LogsSilent) => 70_000..90_000,
            (true, _) => 10_000..50_000,
            (false, _) => 2_500..3_500,
        };
        Duration::from_millis(rng.random_range(ms))
    }

    fn between(&self, rng: &mut StdRng) -> Duration {
        let ms = if self.is_long {
            2_000..15_000
        } else {
            200..800
        };
        Duration::from_millis(rng.random_range(ms))
    }

    /// The lists are walked down once more by the last process.
    fn patience(&self) -> Duration {
        Duration::from_mins(if self.is_long { 15 } else { 3 })
    }
}

/// Everything, with the service in the middle.
struct Machine {
    upstreams: Upstreams,
    cluster: KafkaCluster,
    topics: Topics,
    folder: TempDir,
    pace: Pace,
    service: Option<Service>,
    gaps: Gaps,
}

impl Machine {
    async fn start(pace: Pace) -> Result<Self> {
        let upstreams = Upstreams::start(pace.minutes, pace.is_long).await?;
        let cluster = KafkaCluster::start_one_to_kill().await?;
        let topics = Topics::create_on(&cluster).await?;
        let mut machine = Self {
            upstreams,
            cluster,
            topics,
            folder: tempfile::tempdir()?,
            pace,
            service: None,
            gaps: Gaps::default(),
        };
        machine.start_service().await?;
        Ok(machine)
    }

    async fn start_service(&mut self) -> Result<()> {
        let journal = self.folder.path().join("journal").display().to_string();
        let idle_timeout = format!("{}s", self.pace.idle_timeout.as_secs());
        let (pages, logs, steam) = self.upstreams.urls();
        let settings = [
            (
                "INGESTION_SOURCES",
                "opendota-stream,opendota-logs,opendota-pages,steam-sequence",
            ),
            ("OPENDOTA_STREAM_IDLE_TIMEOUT", idle_timeout.as_str()),
            ("OPENDOTA_STREAM_BACKOFF_MAX", "2s"),
            ("OPENDOTA_LOGS_URL", logs.as_str()),
            ("OPENDOTA_API_URL", pages.as_str()),
            ("OPENDOTA_API_KEY", "a-key"),
            ("OPENDOTA_PAGES", "public,pro,parsed"),
            ("STEAM_API_URL", steam.as_str()),
            ("STEAM_API_KEYS", "first-key,second-key"),
            ("STEAM_START", "0"),
            ("JOURNAL_DIR", journal.as_str()),
        ];
        let url = self.upstreams.stream.websocket_url();
        self.service = Some(Service::start(&url, &self.topics, &settings).await?);
        Ok(())
    }

    async fn restart(&mut self) -> Result<()> {
        if let Some(service) = self.service.take() {
            service.signal("KILL")?;
            // It is gone, and the journal free, when this returns.
            drop(service);
        }
        self.start_service().await
    }

    /// Lets time go by, and looks at the gaps.
    async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            let left = until - Instant::now();
            sleep(left.min(Duration::from_millis(500))).await;
            if let Some(service) = &self.service {
                self.gaps.look(service).await;
            }
        }
    }

    async fn go_through(&mut self, fault: Fault, rng: &mut StdRng) -> Result<()> {
        let lasts = self.pace.lasts(fault, rng);
        let from = now();
        match fault {
            Fault::BrokerFrozen => self.cluster.pause(0)?,
            Fault::Killed => return self.restart().await,
            _ => self.upstreams.set(fault, true)?,
        }
        self.pass(lasts).await;
        match fault {
            Fault::BrokerFrozen => self.cluster.resume(0)?,
            _ => self.upstreams.set(fault, false)?,
        }
        if let Some((source, noticed_after)) = fault.interrupts(self.pace.idle_timeout)
            && lasts > noticed_after + Duration::from_millis(500)
        {
            let to = now();
            self.gaps.expect(Interruption { source, from, to });
        }
        Ok(())
    }
}

/// By the clock by which the built binary dates its gaps.
#[expect(
    clippy::disallowed_methods,
    reason = "no test decides the time of a process of its own"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_away_every_match_that_is_told_of_is_there_once() -> Result<()> {
    let pace = Pace::from_environment()?;
    let mut machine = Machine::start(pace).await?;
    let mut rng = StdRng::seed_from_u64(SEED);
    wait_until("some is published", async || {
        let service = machine.service.as_ref().expect("it was started");
        service.figure("published").await.is_ok_and(|it| it > 500)
    })
    .await;
    let until = Instant::now() + Duration::from_secs(60 * (machine.pace.minutes - 1));
    loop {
        let mut faults = Fault::ALL;
        faults.shuffle(&mut rng);
        for fault in faults {
            machine.go_through(fault, &mut rng).await?;
            let between = machine.pace.between(&mut rng);
            machine.pass(between).await;
        }
        if Instant::now() >= until {
            break;
        }
    }
    // The last one looks at everything once more.
    machine.restart().await?;
    settle(&mut machine).await?;
    let service = machine.service.take().context("there is one")?;
    service.stop().await?;
    report::judge(&machine.upstreams, &machine.topics, &machine.gaps).await
}

/// Waits until all is in the topic that was told of by now.
async fn settle(machine: &mut Machine) -> Result<()> {
    let expected = machine.upstreams.listed();
    let topics = &machine.topics;
    let patience = machine.pace.patience();
    let took = wait_until_within(patience, "all that was told of is published", async || {
        let found = topics.published_ids(expected.len()).await;
        found.is_ok_and(|found| {
            let found: BTreeSet<i64> = found.into_iter().collect();
            expected.is_subset(&found)
        })
    })
    .await;
    println!("all was there after {} s", took.as_secs());
    let service = machine.service.as_ref().context("there is one")?;
    machine.gaps.look(service).await;
    Ok(())
}
