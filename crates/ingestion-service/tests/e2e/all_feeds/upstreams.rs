//! One world, told through every interface at the pace of reality.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use domain::{MatchId, Timestamp};
use feed_simulator::{
    Broadcast, World,
    logs::{LogsConfig, LogsUpstream},
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::{CallFault, Limits, PageList, Upstream, UpstreamConfig, UpstreamServer},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::Fault;

/// So long after the first match has started it all begins: many have ended.
const BEGUN_MINUTES: u64 = 35;
/// What starts in a minute.
const MATCHES_A_MINUTE: u64 = 14 * 60;
/// Between two looks at what has ended.
const TICK: Duration = Duration::from_millis(200);

pub(super) struct Upstreams {
    pub(super) stream: Arc<Broadcast>,
    pub(super) logs: LogsUpstream,
    pub(super) pages: Upstream,
    pub(super) steam: SteamUpstream,
    servers: [UpstreamServer; 3],
    is_stream_silent: Arc<AtomicBool>,
    _saying: AbortOnDropHandle<()>,
}

impl Upstreams {
    /// For so many minutes, and some more; with the limits of the real ones or none that
    /// would be felt.
    pub(super) async fn start(minutes: u64, is_limited: bool) -> Result<Self> {
        let world = World::new(super::SEED);
        let begun_seconds = i64::try_from(60 * BEGUN_MINUTES)?;
        let now = Timestamp::from_unix_seconds(world.begin().unix_seconds() + begun_seconds);
        let matches = (BEGUN_MINUTES + minutes + 20) * MATCHES_A_MINUTE;
        let matches = u32::try_from(matches)?;
        let logs = LogsUpstream::new(LogsConfig {
            matches,
            now,
            ..LogsConfig::new(world.clone())
        });
        let pages = Upstream::new(UpstreamConfig {
            matches: Some(matches),
            limits: if is_limited {
                Limits::WITH_KEY
            } else {
                Limits {
                    per_minute: 3_000,
                    per_day: None,
                }
            },
            ..UpstreamConfig::new(world.clone(), now)
        });
        let steam = SteamUpstream::new(SteamConfig {
            matches,
            now,
            limits: if is_limited {
                SteamLimits::REAL
            } else {
                SteamLimits::NONE
            },
            ..SteamConfig::new(world.clone())
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let servers = [
            UpstreamServer::start(pages.clone(), address).await?,
            UpstreamServer::start(logs.clone(), address).await?,
            UpstreamServer::start(steam.clone(), address).await?,
        ];
        let broadcast = Broadcast::start().await?;
        let is_stream_silent = Arc::new(AtomicBool::new(false));
        let saying = say(
            ends(&world, &steam),
            steam.clone(),
            Arc::clone(&broadcast),
            Arc::clone(&is_stream_silent),
        );
        Ok(Self {
            stream: broadcast,
            logs,
            pages,
            steam,
            servers,
            is_stream_silent,
            _saying: AbortOnDropHandle::new(tokio::spawn(saying)),
        })
    }

    /// Of the pages, of the log, and of Steam.
    pub(super) fn urls(&self) -> (String, String, String) {
        let [pages, logs, steam] = &self.servers;
        let logs = format!("{}/logs", logs.origin());
        (pages.url(), logs, steam.origin())
    }

    /// Begins or ends something.
    pub(super) fn set(&self, fault: Fault, is_on: bool) -> Result<()> {
        let (down, refused): (CallFault, CallFault) =
            ("refuse:502".parse()?, "refuse:429".parse()?);
        match (fault, is_on) {
            (Fault::StreamDown, _) => self.stream.set_down(is_on),
            (Fault::StreamSilent, _) => self.is_stream_silent.store(is_on, Ordering::Relaxed),
            (Fault::LogsDown, true) => {
                self.logs.fail(down);
                self.logs.end_answers();
            }
            (Fault::LogsDown, false) => self.logs.recover(),
            (Fault::LogsSilent, _) => self.logs.set_silent(is_on),
            (Fault::PagesDown, true) => self.pages.fail(down),
            (Fault::PagesRefuse, true) => self.pages.fail(refused),
            (Fault::PagesDown | Fault::PagesRefuse, false) => self.pages.recover(),
            (Fault::SteamDown, true) => self.steam.fail(down),
            (Fault::SteamRefuses, true) => self.steam.fail(refused),
            (Fault::SteamDown | Fault::SteamRefuses, false) => self.steam.recover(),
            (Fault::BrokerFrozen | Fault::Killed, _) => {}
        }
        Ok(())
    }

    /// What is told by now to whoever asks, and will be told to whoever asks later.
    pub(super) fn listed(&self) -> BTreeSet<i64> {
        let steam = self.steam.exposed().into_iter().map(|(_, id)| id);
        let pages = self.pages.exposed(PageList::Public).into_iter();
        pages.chain(steam).map(MatchId::get).collect()
    }
}

/// What has not ended yet, in the order of ends.
fn ends(world: &World, steam: &SteamUpstream) -> Vec<(Timestamp, i64)> {
    let now = steam.now();
    let end = now.unix_seconds() + 3 * 3_600;
    let first = world.first_id_at(world.begin()).get();
    let last = world.first_id_at(Timestamp::from_unix_seconds(end)).get();
    let ids = (first..last).filter_map(|id| MatchId::try_new(id).ok());
    let ends = ids.map(|id| (world.at(id).end_time(), id.get()));
    let mut ends: Vec<_> = ends.filter(|(end, _)| *end > now).collect();
    ends.sort_unstable();
    ends
}

/// Says each match when it has ended.
async fn say(
    ends: Vec<(Timestamp, i64)>,
    steam: SteamUpstream,
    broadcast: Arc<Broadcast>,
    is_silent: Arc<AtomicBool>,
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut ends = ends.into_iter().peekable();
    loop {
        ticks.tick().await;
        let now = steam.now();
        while let Some((_, id)) = ends.next_if(|(end, _)| *end <= now) {
            if !is_silent.load(Ordering::Relaxed) {
                broadcast.send(id);
            }
        }
    }
}
