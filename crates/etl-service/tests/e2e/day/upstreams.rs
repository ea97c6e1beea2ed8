//! The upstreams of a day: one world, shown as pages and as a sequence.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use anyhow::Result;
use domain::{MatchId, Timestamp};
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::{Limits, PageList, Upstream, UpstreamConfig, UpstreamServer},
};
use health_kit::{Clock as _, SystemClock};

pub(super) const STEAM_KEY: &str = "zQzSteamKey";

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// The longest match takes an hour, and whoever is late is so by half an hour.
const AFTER_SECONDS: i64 = 2 * 60 * 60;
/// Pages show a part of the matches.
const HIDDEN_OF_PAGES_PER_MILLE: u32 = 300;
/// So few that a page in the middle of the sequence is no short one: whoever reads pauses
/// behind those, as they may be the last.
const HIDDEN_OF_STEAM_PER_MILLE: u32 = 20;
const LATE_PER_MILLE: u32 = 100;

/// Which of them there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sources {
    Pages,
    Steam,
    Both,
}

pub(super) struct Upstreams {
    pub(super) sources: Sources,
    pub(super) world: World,
    pages: Upstream,
    steam: SteamUpstream,
    pages_server: UpstreamServer,
    steam_server: UpstreamServer,
    /// What the sequence had when its clock stood still the last time, and when that was.
    before: (HashSet<MatchId>, Timestamp),
    /// Matches of the sequence that appeared behind others that had been told of.
    late: HashSet<MatchId>,
}

/// How many matches pages have, and the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) pages: usize,
    pub(super) sequence: usize,
}

impl Upstreams {
    /// The day begins now, as nobody believes in a match that starts later than in a day.
    pub(super) async fn start(sources: Sources, matches: NonZeroU32) -> Result<Self> {
        let begin = SystemClock.now().unix_seconds();
        let world = World::thinned(1, Timestamp::from_unix_seconds(begin), matches);
        let pages = Upstream::new(UpstreamConfig {
            matches: Some(matches.get()),
            hidden_per_mille: HIDDEN_OF_PAGES_PER_MILLE,
            late_per_mille: LATE_PER_MILLE,
            limits: Limits {
                per_minute: u32::MAX,
                per_day: None,
            },
            ..UpstreamConfig::new(world.clone(), world.begin())
        });
        let steam = SteamUpstream::new(SteamConfig {
            matches: matches.get(),
            hidden_per_mille: HIDDEN_OF_STEAM_PER_MILLE,
            late_per_mille: LATE_PER_MILLE,
            limits: SteamLimits::NONE,
            // Between two steps nothing ends, so it is known what is late behind others.
            speed: 0,
            keys: vec![STEAM_KEY.to_owned()],
            ..SteamConfig::new(world.clone())
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self {
            sources,
            pages_server: UpstreamServer::start(pages.clone(), address).await?,
            steam_server: UpstreamServer::start(steam.clone(), address).await?,
            before: (HashSet::new(), world.begin()),
            late: HashSet::new(),
            world,
            pages,
            steam,
        })
    }

    pub(super) fn pages_url(&self) -> String {
        self.pages_server.url()
    }

    pub(super) fn steam_url(&self) -> String {
        self.steam_server.origin()
    }

    pub(super) fn has_pages(&self) -> bool {
        self.sources != Sources::Steam
    }

    pub(super) fn has_steam(&self) -> bool {
        self.sources != Sources::Pages
    }

    /// So many steps of the day are over.
    pub(super) fn advance(&mut self, steps_over: u32, steps: u32) {
        self.advance_to(DAY_SECONDS * i64::from(steps_over) / i64::from(steps));
    }

    /// Every match has ended, and is told of.
    pub(super) fn advance_to_end(&mut self) {
        self.advance_to(DAY_SECONDS + AFTER_SECONDS);
    }

    fn advance_to(&mut self, seconds: i64) {
        let now = self.world.begin().unix_seconds() + seconds;
        let now = Timestamp::from_unix_seconds(now);
        self.pages.advance_to(now);
        self.steam.advance_to(now);
        let exposed: HashSet<_> = self.exposed_in_sequence().into_iter().collect();
        let (before, then) = &self.before;
        let new = exposed.iter().filter(|id| !before.contains(id));
        let late = new.filter(|id| self.world.at(**id).end_time() <= *then);
        self.late.extend(late);
        self.before = (exposed, now);
    }

    /// What the upstreams show by now; of the sequence without what only a second look can find.
    pub(super) fn shown_in_time(&self) -> Counts {
        let Counts { pages, sequence } = self.shown();
        Counts {
            pages,
            sequence: sequence - self.late.len(),
        }
    }

    /// What they show by now.
    pub(super) fn shown(&self) -> Counts {
        Counts {
            pages: self.exposed_on_pages().len(),
            sequence: self.exposed_in_sequence().len(),
        }
    }

    /// What they have told of.
    pub(super) fn told(&self) -> Counts {
        Counts {
            pages: self.pages.told_count(),
            sequence: self.steam.told_count(),
        }
    }

    /// How many matches only a second look can find.
    pub(super) fn late_count(&self) -> usize {
        self.late.len()
    }

    /// Every match that whoever asks now can be told of.
    pub(super) fn exposed_on_pages(&self) -> Vec<MatchId> {
        let exposed = self
            .has_pages()
            .then(|| self.pages.exposed(PageList::Public));
        exposed.unwrap_or_default()
    }

    /// The same of the sequence.
    pub(super) fn exposed_in_sequence(&self) -> Vec<MatchId> {
        let exposed = self.has_steam().then(|| self.steam.exposed());
        let exposed = exposed.unwrap_or_default().into_iter();
        exposed.map(|(_, id)| id).collect()
    }
}
