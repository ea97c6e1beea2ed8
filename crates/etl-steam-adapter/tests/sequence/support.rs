//! A simulated upstream in this process, and what ranges of it bring.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::{MatchId, Timestamp};
use etl_application::{
    Answer,
    backfill::{BackfillShare, SequencePart},
    ports::{BackfillOrigin as _, OriginError},
};
use etl_steam_adapter::{SteamTurns, walk_sequence};
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::Outcome,
};
use health_kit::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use steam_client::{Steam, SteamSettings, Transport};
use test_kit::clock::RunningClock;
use tokio::time::{sleep, timeout};

/// When the world begins, in seconds since 1970-01-01.
pub(crate) const BEGIN: i64 = 1_776_000_000;
/// Those of twenty minutes, which end within an hour and a half.
const MATCHES: u32 = 17_000;

/// What came, and where it would go on.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) ids: BTreeMap<MatchId, Answer>,
    pub(crate) waits: Vec<String>,
    position: String,
    done: f64,
}

impl Loaded {
    pub(crate) fn is_done(&self) -> bool {
        self.done > 0.9
    }
}

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) upstream: SteamUpstream,
    clock: Arc<dyn Clock>,
}

impl Scene {
    /// Everything has ended; one call in ten goes wrong, if there are faults.
    pub(crate) fn new(limits: SteamLimits, faults: &[&str]) -> Self {
        let world = World::new(1);
        let fault = |text: &&str| text.parse().expect("a fault");
        let upstream = SteamUpstream::new(SteamConfig {
            matches: MATCHES,
            limits,
            faults: faults.iter().map(fault).collect(),
            fault_fraction: 0.1,
            ..SteamConfig::new(world.clone())
        });
        upstream.advance_to_end();
        let now = Timestamp::from_unix_seconds(upstream.now().unix_seconds() + 86_400);
        Self {
            world,
            upstream,
            clock: Arc::new(RunningClock::from(now)),
        }
    }

    /// Of a process with two keys.
    pub(crate) fn turns(&self, percent: u8) -> Arc<SteamTurns> {
        let settings = SteamSettings {
            url: "http://upstream".to_owned(),
            keys: vec!["s3cret1".into(), "s3cret2".into()],
            call_time_max: SteamSettings::CALL_TIME_MAX,
        };
        let transport = Arc::new(InProcess(self.upstream.clone()));
        let steam = Steam::over(transport, settings, Arc::clone(&self.clock), 7);
        let share = BackfillShare::of_percent(percent).expect("it is a share");
        let clock = Arc::clone(&self.clock);
        Arc::new(SteamTurns::new(Arc::new(steam), share, clock))
    }

    /// A process that loads a part, or goes on with it; dropped, it has died.
    pub(crate) async fn load(&self, part: SequencePart, loaded: &mut Loaded) {
        self.load_through(&self.turns(50), part, loaded).await;
    }

    pub(crate) async fn load_through(
        &self,
        turns: &Arc<SteamTurns>,
        part: SequencePart,
        loaded: &mut Loaded,
    ) {
        let mut range = walk_sequence(Arc::clone(turns), part, &loaded.position);
        loop {
            match range.next().await {
                Ok(Some(piece)) => {
                    assert_eq!(piece.invalid, []);
                    let answers = piece.answers.into_iter();
                    let answers = answers.map(|(_, answer)| (answer.summary.match_id, answer));
                    loaded.ids.extend(answers);
                    loaded.position = piece.position;
                    loaded.done = piece.done.expect("it is known");
                }
                Ok(None) => return,
                Err(OriginError::Unavailable { detail }) => loaded.waits.push(detail),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Calls the simulated upstream in this process.
struct InProcess(SteamUpstream);

#[async_trait]
impl Transport for InProcess {
    async fn get(&self, url: &str, key: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let path = url.trim_start_matches("http://upstream");
        let and = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{and}key={}", key.expose_secret());
        let exchange = async {
            sleep(Duration::from_millis(150)).await;
            match self.0.answer(&path) {
                Outcome::Closed => Err(CallFailed::Connection("closed".to_owned())),
                Outcome::Answer(answer, delay) => {
                    sleep(delay).await;
                    let headers = [("content-type", "application/json")];
                    Ok(HttpAnswer::new(answer.status, &headers, answer.body))
                }
            }
        };
        let limit = SteamSettings::CALL_TIME_MAX;
        let exchanged = timeout(limit, exchange).await;
        exchanged.unwrap_or(Err(CallFailed::TimedOut(limit)))
    }
}
