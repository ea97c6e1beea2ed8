//! A simulated day, from its upstreams into tables: both services as built binaries, a real
//! Kafka between them, and every match beside what the simulator knows of it.
//!
//! The services meet in topics alone; the other one's binary is found as any program of the
//! workspace is. `DAY_MATCHES` makes another day than that of each run of the tests.
//!
//! All waits of the feeds are by the clock of the machine, and the day is over in seconds. So
//! the clock of the upstreams goes on in steps, each when everything before is told; and an hour
//! in which the feed over Steam's sequence has to wait passes while the service is down, see
//! [`feed`].

mod counted;
mod feed;
mod truth;
mod upstreams;

use std::{env, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clickhouse_test_kit::{ClickHouse, shared_clickhouse};
use kafka_test_kit::{shared_broker, unique_topic};
use tempfile::TempDir;
use test_kit::{service_process::run_to_end, waiting::wait_until};
use tokio::time::Instant;

use self::{
    feed::Ingestion,
    truth::{PAGES, STEAM, Truth},
    upstreams::{Counts, Sources, Upstreams},
};
use crate::{
    compared::Compared,
    support::{DEADLINE, PROGRAM, Service, Topics},
    tables::Tables,
};

/// What each run of the tests has of a day: every 242nd match.
const MATCHES_DEFAULT: NonZeroU32 = NonZeroU32::new(5_000).expect("there are some");
/// At the most so many matches start between two steps of the clock: pages are walked down from
/// their head, as far as matches may have appeared since.
const MATCHES_A_STEP: u32 = 50_000;
/// More than one: some matches have to be late behind others that were told of.
const STEPS_MIN: u32 = 2;
/// Matches a second at the least; beyond, the waits of a test are long enough.
const MATCHES_A_SECOND_MIN: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn pages_bring_heroes_ranks_and_results_of_every_match_they_show() -> Result<()> {
    let day = Day::begin(Sources::Pages).await?;
    let mut file = Holder::file(&day.topics).await?;
    day.pass(&mut [&mut file]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn steam_brings_heroes_players_and_results_of_every_match_late_ones_too() -> Result<()> {
    let day = Day::begin(Sources::Steam).await?;
    let mut file = Holder::file(&day.topics).await?;
    day.pass(&mut [&mut file]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_together_bring_all_there_is_into_either_warehouse() -> Result<()> {
    let day = Day::begin(Sources::Both).await?;
    let engine = shared_clickhouse().await?;
    let mut file = Holder::file(&day.topics).await?;
    let mut server = Holder::server(&day.topics, engine).await?;
    day.pass(&mut [&mut file, &mut server]).await
}

/// The matches of a day, and everything before the warehouse.
struct Day {
    begun: Instant,
    matches: NonZeroU32,
    upstreams: Upstreams,
    topics: Topics,
    ingestion: Ingestion,
}

impl Day {
    async fn begin(sources: Sources) -> Result<Self> {
        let matches = env::var("DAY_MATCHES").ok();
        let matches = matches.map_or(Ok(MATCHES_DEFAULT), |text| text.parse());
        let matches = matches.context("DAY_MATCHES is a number of matches")?;
        let broker = shared_broker().await?;
        let topics = Topics::create_on(broker).await?;
        let upstreams = Upstreams::start(sources, matches).await?;
        let set_aside = unique_topic("match_ids_dead_letter");
        broker.create_topic(&set_aside, 1, &[]).await?;
        let ingestion = Ingestion::of(&upstreams, &topics, &set_aside)?;
        Ok(Self {
            begun: Instant::now(),
            matches,
            upstreams,
            topics,
            ingestion,
        })
    }

    /// Everything there is to wait for comes within this time.
    fn deadline(&self) -> Duration {
        DEADLINE + Duration::from_secs((self.matches.get() / MATCHES_A_SECOND_MIN).into())
    }

    /// Lets the day pass, and compares what is held then.
    async fn pass(mut self, holders: &mut [&mut Holder<'_>]) -> Result<()> {
        let steps = self.matches.get().div_ceil(MATCHES_A_STEP).max(STEPS_MIN);
        self.ingestion.start().await?;
        for step in 1..=steps {
            self.upstreams.advance(step, steps);
            self.wait_until_told(self.upstreams.shown_in_time()).await?;
            if step == 1 {
                self.let_an_hour_pass().await?;
            }
        }
        self.upstreams.advance_to_end();
        let shown = self.upstreams.shown();
        self.wait_until_told(Counts {
            // What has appeared here and there further down is found after a start, or in
            // five minutes.
            pages: 0,
            ..self.upstreams.shown_in_time()
        })
        .await?;
        for _ in 0..2 {
            self.let_an_hour_pass().await?;
        }
        self.wait_until_told(shown).await?;
        let told_in = self.begun.elapsed();
        let truth = Truth::of(&self.upstreams, self.matches);
        // A page that was told is not taken yet: whoever ends gives it up, and asks again.
        let mut stored = Ok(());
        for holder in &*holders {
            stored = stored.and(holder.wait_until_stored(&truth, self.deadline()).await);
        }
        self.ingestion.stop().await?;
        let late = self.upstreams.late_count();
        ensure!(late > 0 || !self.upstreams.has_steam(), "no match is late");
        for holder in holders {
            let counted = holder.wait_until_counted(&truth, self.deadline()).await;
            let held_in = self.begun.elapsed();
            let compared = holder.stop_and_compare(&truth).await?;
            println!(
                "{} of {} matches, {late} of them late: told in {told_in:.0?}, in the warehouse \
                 in {held_in:.0?}, compared in {:.0?}; {} differences; rows {:?}",
                truth.shown_count(),
                self.matches,
                self.begun.elapsed(),
                compared.differences_count,
                compared.rows,
            );
            // Which matches were waited for in vain is for the comparison to tell.
            ensure!(
                compared.differences_count == 0,
                "{} differences, among them {:#?}; {stored:?}, {counted:?}",
                compared.differences_count,
                compared.differences
            );
            counted?;
        }
        stored
    }

    /// Waits until upstreams have told of as many matches.
    async fn wait_until_told(&self, shown: Counts) -> Result<()> {
        let told = wait_until(self.deadline(), "all is told", async || {
            let Counts { pages, sequence } = self.upstreams.told();
            pages >= shown.pages && sequence >= shown.sequence
        });
        let told = told.await;
        told.with_context(|| format!("{:?} of {shown:?}", self.upstreams.told()))
    }

    /// The service is down for an hour, as the feed over Steam's sequence sees it; then it has
    /// looked again at everything that had been told an hour before.
    async fn let_an_hour_pass(&mut self) -> Result<()> {
        let deadline = self.deadline();
        self.ingestion.stop().await?;
        let second_look = self.ingestion.an_hour_passes()?;
        self.ingestion.start().await?;
        if let Some(target) = second_look {
            let what = "the second pass has come to where the first was an hour ago";
            wait_until(deadline, what, async || {
                self.ingestion.second_pass() >= Some(target)
            })
            .await?;
        }
        Ok(())
    }
}

/// Whoever loads, and where to.
struct Holder<'a> {
    folder: Arc<TempDir>,
    settings: Vec<(&'static str, String)>,
    server: Option<&'a ClickHouse>,
    database: String,
    running: Option<Service>,
}

impl<'a> Holder<'a> {
    /// Into the embedded warehouse.
    async fn file(topics: &Topics) -> Result<Self> {
        let mut holder = Self {
            folder: Arc::new(TempDir::new()?),
            settings: Vec::new(),
            server: None,
            database: "dota".to_owned(),
            running: None,
        };
        holder.start(topics).await?;
        Ok(holder)
    }

    /// Into one on a server, as a group of its own.
    async fn server(topics: &Topics, engine: &'a ClickHouse) -> Result<Self> {
        let database = unique_topic("dota").replace(['-', '.'], "_");
        let mut holder = Self {
            folder: Arc::new(TempDir::new()?),
            settings: vec![
                ("WAREHOUSE_URL", engine.url().to_owned()),
                ("WAREHOUSE_DATABASE", database.clone()),
                ("KAFKA_GROUP_ID", unique_topic("etl-service")),
            ],
            server: Some(engine),
            database,
            running: None,
        };
        holder.command("migrate").await?;
        holder.start(topics).await?;
        Ok(holder)
    }

    async fn start(&mut self, topics: &Topics) -> Result<()> {
        let mut settings = self.settings();
        settings.push(("WAREHOUSE_BATCH_WAIT", "200ms"));
        self.running = Some(Service::start(topics, &self.folder, &settings).await?);
        Ok(())
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        let settings = self.settings.iter();
        settings
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }

    /// Runs a command that has to end well; what it said.
    async fn command(&self, name: &str) -> Result<String> {
        let ended = run_to_end(PROGRAM, &[name], &self.settings(), self.folder.path()).await?;
        ensure!(ended.exit_code == Some(0), "{name}: {ended:?}");
        Ok(ended.stdout)
    }

    async fn tables(&self) -> Result<Tables<'_>> {
        if let Some(engine) = self.server {
            return Ok(Tables::Server {
                engine,
                database: &self.database,
            });
        }
        let path = self.folder.path().join("data/warehouse/dota.db");
        Tables::of_file(&path).await
    }

    /// Waits until as much is there of each source as it shows.
    async fn wait_until_stored(&self, truth: &Truth, deadline: Duration) -> Result<()> {
        let tables = self.tables().await?;
        for (source, shown) in [(PAGES, truth.pages.len()), (STEAM, truth.steam.len())] {
            let of_source = format!("source = '{source}'");
            let held = wait_until(deadline, "all of a source is there", async || {
                let count = tables.count("match_sources", &of_source).await;
                count.is_ok_and(|count| count >= shown as u64)
            });
            held.await.with_context(|| format!("{shown} of {source}"))?;
        }
        Ok(())
    }

    /// Waits until there is nothing more to read, and the days are counted.
    async fn wait_until_counted(&self, truth: &Truth, deadline: Duration) -> Result<()> {
        let service = self.running.as_ref().context("it runs")?;
        service.wait_until_days_are(&truth.days(), deadline).await?;
        let set_aside = service.figure("dead_lettered").await?;
        ensure!(set_aside == 0, "{set_aside} records were set aside");
        Ok(())
    }

    async fn stop_and_compare(&mut self, truth: &Truth) -> Result<Compared> {
        let service = self.running.take().context("it runs")?;
        service.stop().await?;
        let verified = self.command("verify").await?;
        ensure!(verified.contains(" 0 differences"), "{verified}");
        truth.compare(&self.tables().await?).await
    }
}
