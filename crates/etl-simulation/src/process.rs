//! A process: the loader and the builder of days, put together as they ship.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{CountingRules, Patches};
use etl_application::{
    BatchLimits, DayBuilder, DetailsFor, Ledger, LoadStatus, Loader, LoaderParts, LoaderSettings,
    WishRules,
};
use health_kit::Clock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::broker::{Brokers, MemberId};
use crate::evidence::Evidence;
use crate::member::{Life, ModelConsumer, ModelDeadLetters};
use crate::planted::Planted;
use crate::warehouse::{Warehouse, WarehouseAccess};
use crate::{Bug, Violation};

/// How long a day may be dirty.
const DELAY: Duration = Duration::from_secs(15);
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
}

impl Process {
    pub(crate) fn start(world: &World) -> Self {
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
        let builder = DayBuilder::new(
            Arc::new(access),
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
            loader: tokio::spawn(loader.run(drain.clone(), abort)),
            builder: tokio::spawn(builder.run(drain.clone())),
            drain,
        }
    }

    /// Whether it has ended as it was asked to.
    pub(crate) fn has_ended(&self) -> bool {
        self.loader.is_finished() && self.builder.is_finished()
    }

    /// The process is dead: nothing of it runs on.
    pub(crate) fn cut_off(&self) {
        self.life.end();
        self.loader.abort();
        self.builder.abort();
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
                    ..DetailsFor::default()
                },
                grace: Duration::from_mins(10),
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
