//! A process: the loader and the builder of days, put together as they ship.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{CountingRules, MatchId, Patches};
use etl_application::ports::MatchDetails;
use etl_application::{
    BatchLimits, DayBuilder, DetailParts, DetailSettings, DetailWorker, DetailsFor, Ledger,
    LoadStatus, Loader, LoaderParts, LoaderSettings, WISHES_WAITING_MAX, WishRules,
};
use etl_opendota_adapter::{OpenDotaDetails, UPSTREAM};
use health_kit::Clock;
use opendota_client::OpenDotaSettings;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::broker::{Brokers, MemberId};
use crate::evidence::Evidence;
use crate::member::{Life, ModelConsumer, ModelDeadLetters};
use crate::planted::{LateFacts, Planted};
use crate::upstream::{URL, Upstream, Wire};
use crate::warehouse::{Warehouse, WarehouseAccess};
use crate::{Bug, Violation};

/// How long a day may be dirty.
const DELAY: Duration = Duration::from_secs(15);
/// How often wishes are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Who is asked to end has so long.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Everything that outlives a process.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) evidence: Arc<Evidence>,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) warehouse: Arc<Warehouse>,
    pub(crate) upstream: Arc<Upstream>,
    /// Matches that the warehouse refuses.
    pub(crate) refused: BTreeSet<MatchId>,
    pub(crate) dead_letters_are_away: Arc<AtomicBool>,
}

/// One life of the service.
pub(crate) struct Process {
    pub(crate) life: Arc<Life>,
    pub(crate) member: MemberId,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) drain: CancellationToken,
    handed_over: Arc<AtomicU64>,
    loader: JoinHandle<()>,
    builder: JoinHandle<()>,
    worker: JoinHandle<()>,
}

impl Process {
    pub(crate) fn start(world: &World, instance: usize) -> Self {
        let (member, came) = world.brokers.join();
        let life = Arc::new(Life::default());
        let ledger = Arc::new(Ledger::default());
        let handed_over = Arc::new(AtomicU64::new(0));
        let positions = Arc::default();
        let access = WarehouseAccess {
            warehouse: Arc::clone(&world.warehouse),
            life: Arc::clone(&life),
            bug: world.bug,
        };
        let consumer = ModelConsumer {
            brokers: Arc::clone(&world.brokers),
            member,
            came,
            life: Arc::clone(&life),
            handed_over: Arc::clone(&handed_over),
        };
        let dead_letters = ModelDeadLetters {
            brokers: Arc::clone(&world.brokers),
            evidence: Arc::clone(&world.evidence),
            life: Arc::clone(&life),
            are_away: Arc::clone(&world.dead_letters_are_away),
        };
        let parts = LoaderParts {
            consumer: Arc::new(world.plant(consumer, &life, &positions)),
            facts: Arc::new(world.plant(access.clone(), &life, &positions)),
            wishes: Arc::new(world.plant(access.clone(), &life, &positions)),
            dead_letters: Arc::new(world.plant(dead_letters, &life, &positions)),
            ledger: Arc::clone(&ledger),
            status: Arc::new(LoadStatus::new(&world.clock)),
        };
        let loader = Loader::new(parts, world.settings());
        let worker = world.worker(&life, instance, LOOK_EVERY);
        let builder = DayBuilder::new(
            Arc::new(access.clone()),
            CountingRules::default(),
            Patches::built_in(),
            DELAY,
            Arc::clone(&world.clock),
        );
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn({
            let (drain, abort) = (drain.clone(), abort.clone());
            async move {
                drain.cancelled().await;
                tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
                abort.cancel();
            }
        });
        Self {
            life,
            member,
            ledger,
            handed_over,
            worker: tokio::spawn(worker.run(drain.clone(), abort.clone())),
            loader: tokio::spawn(loader.run(drain.clone(), abort)),
            builder: tokio::spawn(builder.run(drain.clone())),
            drain,
        }
    }

    /// Whether it has ended as it was asked to.
    pub(crate) fn has_ended(&self) -> bool {
        [&self.loader, &self.builder, &self.worker]
            .into_iter()
            .all(JoinHandle::is_finished)
    }

    /// The process is dead: nothing of it runs on.
    pub(crate) fn cut_off(&self) {
        self.life.end();
        self.loader.abort();
        self.builder.abort();
        self.worker.abort();
    }

    /// Looks at the ledger, as somebody who asks.
    pub(crate) fn look(&self) -> Result<(), Violation> {
        let total = self.ledger.figures().total();
        let handed_over = self.handed_over.load(Ordering::Relaxed);
        // What was handed over is counted at once, before anybody else's turn.
        if total.is_balanced() && total.consumed == handed_over {
            Ok(())
        } else {
            Err(Violation::Imbalance(total, handed_over))
        }
    }

    /// Whether everything it has read has come to its end.
    pub(crate) fn is_settled(&self) -> bool {
        self.ledger.figures().total().pending == 0
    }
}

impl World {
    /// Whoever asks for details in a process.
    pub(crate) fn worker(
        &self,
        life: &Arc<Life>,
        instance: usize,
        look_every: Duration,
    ) -> DetailWorker {
        let access = WarehouseAccess {
            warehouse: Arc::clone(&self.warehouse),
            life: Arc::clone(life),
            bug: self.bug,
        };
        let share = self.upstream.share;
        let asks = instance == 0 || share.both_ask;
        let details = asks.then(|| {
            let wire = Wire {
                upstream: Arc::clone(&self.upstream),
                life: Arc::clone(life),
            };
            let settings = OpenDotaSettings {
                url: URL.to_owned(),
                key: None,
                reserve_percent: share.reserve_percent,
                call_time_max: OpenDotaSettings::CALL_TIME_MAX,
            };
            let memory = Arc::new(access.clone());
            let clock = Arc::clone(&self.clock);
            let details = OpenDotaDetails::over(Arc::new(wire), settings, memory, clock);
            Arc::new(details) as Arc<dyn MatchDetails>
        });
        let parts = DetailParts {
            upstream: UPSTREAM,
            details,
            queue: Arc::new(access.clone()),
            facts: Arc::new(LateFacts(access)),
            load: Arc::new(LoadStatus::new(&self.clock)),
            clock: Arc::clone(&self.clock),
        };
        let settings = DetailSettings {
            attempts_max: self.of_seed(2, [1, 2, 3]),
            parallel: 8,
            waiting_max: WISHES_WAITING_MAX,
            look_every,
        };
        DetailWorker::new(parts, settings)
    }

    /// Of how many matches in a million the replay is wished for.
    pub(crate) fn replays_in_million(&self) -> u32 {
        self.of_seed(4, [0, 400_000, 1_000_000])
    }

    fn plant<P>(
        &self,
        port: P,
        life: &Arc<Life>,
        handed_over: &Arc<Mutex<etl_application::ports::Positions>>,
    ) -> Planted<P> {
        Planted {
            port,
            bug: self.bug,
            brokers: Arc::clone(&self.brokers),
            life: Arc::clone(life),
            clock: Arc::clone(&self.clock),
            handed_over: Arc::clone(handed_over),
            unmarked: Mutex::default(),
        }
    }

    fn settings(&self) -> LoaderSettings {
        LoaderSettings {
            batch: BatchLimits {
                rows_max: self.of_seed(1, [10, 40, 150]),
                bytes_max: 1 << 20,
            },
            batch_wait: Duration::from_millis(self.of_seed(3, [200, 700, 2000])),
            inserts_parallel: self.of_seed(9, [1, 2, 4]),
            wishes: WishRules {
                wanted: DetailsFor {
                    missing: true,
                    sample_in_million: self.replays_in_million(),
                    ..DetailsFor::default()
                },
                grace: Duration::from_secs(self.of_seed(5, [0, 2, 6])),
            },
        }
    }

    /// One of three, each combination with those of other steps as often as any.
    fn of_seed<T: Copy>(&self, step: u64, [first, second, third]: [T; 3]) -> T {
        match self.seed / step % 3 {
            0 => first,
            1 => second,
            _ => third,
        }
    }
}
