//! An upstream with a world, its clock, and a memory of calls.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{Day, MatchId, Timestamp};
use etl_application::ports::{CallMemory, StoreError, WarehouseError};
use etl_opendota_adapter::{OpenDotaDetails, client};
use feed_simulator::{
    World,
    upstream::{Limits, Upstream, UpstreamConfig, UpstreamServer},
};
use health_kit::Clock;
use opendota_client::OpenDotaSettings;

/// 2026-01-01, half a day after which the tests begin, and ten seconds: nobody calls
/// as a minute begins.
const BEGIN_SECONDS: i64 = 1_767_225_600;

pub(crate) struct Scene {
    pub(crate) upstream: Upstream,
    pub(crate) world: World,
    pub(crate) memory: Arc<Memory>,
    pub(crate) settings: OpenDotaSettings,
    _server: UpstreamServer,
}

impl Scene {
    pub(crate) async fn start(limits: Limits) -> Self {
        let world = World::beginning(1, Timestamp::from_unix_seconds(BEGIN_SECONDS));
        let now = Timestamp::from_unix_seconds(BEGIN_SECONDS + 12 * 3_600 + 10);
        let upstream = Upstream::new(UpstreamConfig {
            limits,
            ..UpstreamConfig::new(world.clone(), now)
        });
        let address = ([127, 0, 0, 1], 0).into();
        let server = UpstreamServer::start(upstream.clone(), address).await;
        let server = server.expect("a free port");
        let settings = OpenDotaSettings {
            url: server.url(),
            key: None,
            reserve_percent: 30,
            call_time_max: Duration::from_secs(20),
        };
        Self {
            upstream,
            world,
            memory: Arc::default(),
            settings,
            _server: server,
        }
    }

    /// What a process has that begins now.
    pub(crate) fn details(&self) -> OpenDotaDetails {
        let clock = Arc::new(UpstreamClock(self.upstream.clone()));
        let memory = Arc::clone(&self.memory);
        let client = client(self.settings.clone(), memory, clock).expect("a client");
        OpenDotaDetails::new(Arc::new(client))
    }

    /// The first matches of the world; all of them are over.
    pub(crate) fn ids(&self) -> impl Iterator<Item = MatchId> + use<> {
        let first = self.world.first_id_at(self.world.begin()).get();
        (first..).map(|id| MatchId::try_new(id).expect("positive"))
    }
}

/// The clocks of both sides agree, and go as far forward as a test likes.
struct UpstreamClock(Upstream);

impl Clock for UpstreamClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// Outlives the processes of a test; the highest number of a day counts.
#[derive(Default)]
pub(crate) struct Memory {
    calls: Mutex<BTreeMap<Day, u64>>,
    is_away: AtomicBool,
}

impl Memory {
    pub(crate) fn go_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    pub(crate) fn all(&self) -> u64 {
        self.calls
            .lock()
            .expect("nobody panics with it")
            .values()
            .sum()
    }
}

#[async_trait]
impl CallMemory for Memory {
    async fn calls(&self, upstream: &str, day: Day) -> Result<u64, WarehouseError> {
        assert_eq!(upstream, "opendota");
        if self.is_away.load(Ordering::SeqCst) {
            let detail = "it is away".to_owned();
            return Err(WarehouseError { detail });
        }
        let calls = self.calls.lock().expect("nobody panics with it");
        Ok(calls.get(&day).copied().unwrap_or_default())
    }

    async fn set_down(&self, _: &str, day: Day, calls: u64) -> Result<(), StoreError> {
        let mut all = self.calls.lock().expect("nobody panics with it");
        let known = all.entry(day).or_default();
        *known = calls.max(*known);
        Ok(())
    }
}
