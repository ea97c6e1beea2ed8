//! The world's upstream, the services between it and the warehouse, and where this one
//! reads and writes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clickhouse_test_kit::{ClickHouse, shared_clickhouse};
use domain::{Day, Patches, Timestamp};
use feed_simulator::{
    World,
    summaries::{Knowledge, Summaries, SummariesConfig, SummaryProducer},
    upstream::{Limits, PageList, Upstream, UpstreamConfig, UpstreamServer},
};
use health_kit::{Clock as _, SystemClock};
use http_test_kit::client::Site;
use kafka_test_kit::{shared_broker, unique_topic};
use redis_test_kit::{Redis, shared_redis};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    service_process::{Finished, ServiceProcess, run_to_end},
    waiting::wait_until,
    workspace_program,
};

use crate::DEADLINE;

const ETL: &str = "etl-service";
const INGESTION: &str = "ingestion-service";
/// With one, pages may be asked for as fast as they are taken.
const OPENDOTA_KEY: &str = "zQzOpenDotaKey";
const PARTITIONS: usize = 4;
/// What pairs are worth in the real game, beside what they are in the simulator's.
const LIFELIKE_EFFECTS: f64 = 0.55;
/// What they are worth where few matches have to tell of them.
const LARGE_EFFECTS: f64 = 2.0;
/// A week, in which a part is held out; the last match has ended before now.
pub(super) const DAYS: u32 = 6;
const SECONDS_A_DAY: i64 = 24 * 60 * 60;
const ENDED_SECONDS: i64 = 2 * 60 * 60;
/// At the most so many matches are new to pages at a time, so that they are walked
/// down to where there are none.
const MATCHES_A_STEP: u32 = 50_000;
/// Matches a second at the least.
const MATCHES_A_SECOND_MIN: u32 = 200;

/// Everything on the way.
pub(super) struct Way {
    pub(super) world: World,
    /// Whether its pairs are worth what those of the real game are.
    pub(super) is_lifelike: bool,
    /// The one that is played on all of these days.
    pub(super) patch: String,
    matches: NonZeroU32,
    upstream: Upstream,
    upstream_server: UpstreamServer,
    engine: &'static ClickHouse,
    database: String,
    redis: &'static Redis,
    prefix: String,
    folder: Arc<TempDir>,
    kafka: Vec<(&'static str, String)>,
}

impl Way {
    /// Nothing has been played yet.
    pub(super) async fn begin(matches: NonZeroU32, is_lifelike: bool) -> Result<Self> {
        let effects = if is_lifelike {
            LIFELIKE_EFFECTS
        } else {
            LARGE_EFFECTS
        };
        let now = SystemClock.now();
        let begin = now.unix_seconds() - i64::from(DAYS) * SECONDS_A_DAY - ENDED_SECONDS;
        let begin = Timestamp::from_unix_seconds(begin);
        let a_day = NonZeroU32::new(matches.get().div_ceil(DAYS)).context("a day has matches")?;
        let world = World::thinned(1, begin, a_day)
            .with_pair_effects(effects)
            .with_accounts(super::ACCOUNTS);
        let upstream = Upstream::new(UpstreamConfig {
            matches: Some(matches.get()),
            hidden_per_mille: 0,
            late_per_mille: 0,
            limits: Limits {
                per_minute: u32::MAX,
                per_day: None,
            },
            ..UpstreamConfig::new(world.clone(), begin)
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = shared_clickhouse().await?;
        let redis = shared_redis().await?;
        Ok(Self {
            patch: Patches::built_in()
                .at(begin)
                .context("a patch is played")?
                .name
                .clone(),
            matches,
            upstream_server: UpstreamServer::start(upstream.clone(), address).await?,
            upstream,
            engine,
            database: unique_topic("dota").replace(['-', '.'], "_"),
            redis,
            prefix: redis.fresh_prefix("way").await?,
            folder: Arc::new(TempDir::new()?),
            kafka: topics().await?,
            world,
            is_lifelike,
        })
    }

    /// Everything there is to wait for comes within this time.
    fn deadline(&self) -> Duration {
        DEADLINE + Duration::from_secs((self.matches.get() / MATCHES_A_SECOND_MIN).into())
    }

    /// Has the week pass, until every match is counted.
    ///
    /// Who has played is written by the simulator: Steam tells it, and no more often than
    /// once a second.
    pub(super) async fn load(&mut self) -> Result<()> {
        let settings = self.settings();
        let etl = workspace_program(ETL, ETL)?;
        let migrated = run_to_end(&etl, &["migrate"], &settings, self.folder.path()).await?;
        ensure!(migrated.exit_code == Some(0), "{migrated:?}");
        let etl = Command::new(etl);
        let mut etl = ServiceProcess::start(etl, &settings, Arc::clone(&self.folder)).await?;
        let ingestion = Command::new(workspace_program(INGESTION, INGESTION)?);
        let own = Arc::new(TempDir::new()?);
        let url = self.upstream_server.url();
        let mut settings = self.settings();
        settings.push(("OPENDOTA_API_URL", &url));
        let mut ingestion = ServiceProcess::start(ingestion, &settings, own).await?;
        self.tell_players().await?;
        let steps = self.matches.get().div_ceil(MATCHES_A_STEP);
        for step in 1..=steps {
            self.advance(step, steps);
            let told = || self.upstream.told_count();
            let shown = self.upstream.exposed(PageList::Public).len();
            let all = wait_until(self.deadline(), "all is told", async || told() >= shown);
            all.await
                .with_context(|| format!("{} of {shown}", told()))?;
        }
        self.wait_until_counted(&Site::at(etl.address().parse()?))
            .await?;
        for service in [&mut ingestion, &mut etl] {
            service.signal("TERM")?;
            let code = service.exit_code().await?;
            ensure!(code == 0, "it ends with {code}: {:#?}", service.log());
        }
        Ok(())
    }

    /// So many steps of the week are over, and at its end every match.
    fn advance(&self, over: u32, steps: u32) {
        let begin = self.world.begin().unix_seconds();
        let week = i64::from(DAYS) * SECONDS_A_DAY;
        let ended = if over == steps { ENDED_SECONDS } else { 0 };
        let now = begin + week * i64::from(over) / i64::from(steps) + ended;
        self.upstream.advance_to(Timestamp::from_unix_seconds(now));
    }

    async fn tell_players(&self) -> Result<()> {
        let mut summaries = Summaries::try_new(SummariesConfig {
            sources: vec![Knowledge::Sequence],
            ..SummariesConfig::new(self.world.clone(), self.matches.get().into())
        })?;
        let servers = self.kafka("KAFKA_BOOTSTRAP_SERVERS")?;
        let topic = self.kafka("KAFKA_MATCH_SUMMARY_TOPIC")?;
        let producer = SummaryProducer::try_new(servers, topic)?;
        producer.send_all(&mut summaries, 0.0).await?;
        Ok(producer.flush().await?)
    }

    /// Waits until both sources have told of every match, and no day is dirty.
    async fn wait_until_counted(&self, etl: &Site) -> Result<()> {
        let sources = format!(
            "SELECT min(told), count() FROM (SELECT uniqExact(match_id) AS told \
             FROM {}.match_sources GROUP BY source)",
            self.database
        );
        let all = format!("{}\t2", self.matches);
        let told = wait_until(self.deadline(), "every match is stored", async || {
            self.engine
                .execute(&sources)
                .await
                .is_ok_and(|told| told == all)
        });
        told.await.context("both sources tell of every match")?;
        let (first, last) = (Day::of(self.world.begin()), Day::of(SystemClock.now()));
        let days = format!("/api/v1/days?from={first}&to={last}");
        let counted = wait_until(self.deadline(), "every day is counted", async || {
            let answer = etl.text(&days).await;
            let Ok(answer) = serde_json::from_str::<Value>(&answer) else {
                return false;
            };
            let days = answer["days"].as_array().map_or(&[][..], Vec::as_slice);
            let matches: u64 = days.iter().filter_map(|day| day["matches"].as_u64()).sum();
            let is_clean = days.iter().all(|day| day["dirty_since"].is_null());
            is_clean && matches == u64::from(self.matches.get())
        });
        counted.await
    }

    /// Has these accounts scored from now on.
    pub(super) async fn track(&self, accounts: impl Iterator<Item = u32>) -> Result<()> {
        let key = format!("{}pas:accounts", self.prefix);
        for account in accounts {
            let add = ["SADD", &key, &account.to_string()];
            self.redis.ask::<u64>(&add).await?;
        }
        Ok(())
    }

    /// Runs this service's program to its end.
    pub(super) async fn model(&self, arguments: &[&str]) -> Result<Finished> {
        let mut settings = vec![
            ("WAREHOUSE_URL", self.engine.url()),
            ("WAREHOUSE_DATABASE", &self.database),
            ("REDIS_URL", self.redis.url()),
            ("REDIS_KEY_PREFIX", &self.prefix),
            ("API_PORT", "0"),
        ];
        // A part of it is another skill's already.
        let matches_min = (self.matches.get() / 20).to_string();
        settings.push(("MODEL_MIN_MATCHES", &matches_min));
        let program = env!("CARGO_BIN_EXE_model-service");
        run_to_end(program, arguments, &settings, self.folder.path()).await
    }

    /// What readers find under a key.
    pub(super) async fn document(&self, key: &str) -> Result<Value> {
        let name = format!("{}{key}", self.prefix);
        let text: Option<String> = self.redis.ask(&["GET", &name]).await?;
        Ok(serde_json::from_str(&text.context(name)?)?)
    }

    fn kafka(&self, name: &str) -> Result<&str> {
        let found = self.kafka.iter().find(|(known, _)| *known == name);
        Ok(&found.context("it is set")?.1)
    }

    /// Of both other services: each takes what it knows.
    fn settings(&self) -> Vec<(&str, &str)> {
        let kafka = self
            .kafka
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let others = [
            ("INGESTION_SOURCES", "opendota-pages"),
            ("OPENDOTA_API_KEY", OPENDOTA_KEY),
            ("WAREHOUSE_URL", self.engine.url()),
            ("WAREHOUSE_DATABASE", &self.database),
            ("WAREHOUSE_BATCH_WAIT", "200ms"),
            ("COUNTERS_DELAY", "1s"),
            // Nobody is asked for what both sources have not told yet.
            ("DETAILS_FOR", "none"),
            ("API_HOST", "127.0.0.1"),
            ("API_PORT", "0"),
        ];
        kafka.chain(others).collect()
    }
}

async fn topics() -> Result<Vec<(&'static str, String)>> {
    let broker = shared_broker().await?;
    let mut settings = vec![(
        "KAFKA_BOOTSTRAP_SERVERS",
        broker.bootstrap_servers().to_owned(),
    )];
    for (names, topic, partitions) in [
        (
            &["KAFKA_MATCH_SUMMARY_TOPIC"][..],
            "match_summaries",
            PARTITIONS,
        ),
        (
            &["KAFKA_MATCH_ID_TOPIC", "KAFKA_PUBLISH_TOPIC"],
            "match_ids_raw",
            PARTITIONS,
        ),
        (&["KAFKA_DEAD_LETTER_TOPIC"], "dead_letter", 1),
    ] {
        let topic = unique_topic(topic);
        broker.create_topic(&topic, partitions, &[]).await?;
        settings.extend(names.iter().map(|name| (*name, topic.clone())));
    }
    Ok(settings)
}
