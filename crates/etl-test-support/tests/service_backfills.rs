//! The backfills that a service runs, whoever asked for them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use etl_application::backfill::{
    Backfill, BackfillId, BackfillRange, BackfillSettings, BackfillShare, BackfillState,
    Backfiller, BackfillerParts, Backfills, BeginError, Span,
};
use etl_application::ports::{BackfillStore, StoreError, WarehouseError};
use etl_application::{BatchLimits, LoadStatus};
use etl_test_support::answers::{NOON, said_by, whole};
use etl_test_support::{ListedOrigin, MemoryWarehouse};
use health_kit::Clock;
use test_kit::clock::StoppedClock;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Sets down at once, and answers late.
struct Late(Arc<MemoryWarehouse>);

const LATE: Duration = Duration::from_secs(3);

#[async_trait]
impl BackfillStore for Late {
    async fn set_down(&self, backfill: &Backfill) -> Result<(), StoreError> {
        self.0.set_down(backfill).await?;
        sleep(LATE).await;
        Ok(())
    }

    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>, WarehouseError> {
        self.0.backfill(id).await
    }

    async fn backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.0.backfills(count_max).await
    }

    async fn running_backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.0.running_backfills(count_max).await
    }
}

/// Backfills into a warehouse that is slow to set down what is begun.
fn backfills(
    warehouse: &Arc<MemoryWarehouse>,
    origin: ListedOrigin,
    clock: Arc<dyn Clock>,
) -> Arc<Backfills> {
    let parts = BackfillerParts {
        facts: warehouse.clone(),
        store: Arc::new(Late(Arc::clone(warehouse))),
        status: Arc::new(LoadStatus::new(&clock)),
        clock: Arc::clone(&clock),
    };
    let settings = BackfillSettings {
        batch: BatchLimits {
            rows_max: 100,
            bytes_max: usize::MAX,
        },
        share: BackfillShare::of_percent(100).expect("it is a share"),
        batch_wait: Duration::from_secs(2),
    };
    let backfiller = Backfiller::new(parts, settings);
    Arc::new(Backfills::new(backfiller, Arc::new(origin), clock))
}

const RANGE: BackfillRange = BackfillRange::Topic(Span {
    from: Timestamp::from_unix_seconds(NOON),
    to: Timestamp::from_unix_seconds(NOON + 3600),
});

#[tokio::test(start_paused = true)]
async fn what_can_never_be_opened_is_refused_before_it_is_set_down() {
    let clock: Arc<dyn Clock> = Arc::new(StoppedClock(Timestamp::from_unix_seconds(NOON)));
    let warehouse = Arc::new(MemoryWarehouse::new(Arc::clone(&clock)));
    let mut origin = ListedOrigin::new([], 1);
    origin.obstruct("it is asked with a key, and there is none");
    let refused = backfills(&warehouse, origin, clock).begin(&RANGE).await;
    let refused = refused.expect_err("it can never be opened");
    assert_eq!(
        refused,
        BeginError::Impossible("it is asked with a key, and there is none".to_owned())
    );
    let found = warehouse.backfills(10).await.expect("it answers");
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_set_down_is_loaded_though_whoever_asked_has_gone() {
    let clock: Arc<dyn Clock> = Arc::new(StoppedClock(Timestamp::from_unix_seconds(NOON)));
    let warehouse = Arc::new(MemoryWarehouse::new(Arc::clone(&clock)));
    let origin = ListedOrigin::new([Ok(said_by("a", 1, whole(1, NOON)))], 1);
    let backfills = backfills(&warehouse, origin, clock);
    let drain = CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&backfills).run(drain.clone()));
    // Those left by others are looked for first; there are none.
    sleep(LATE).await;

    let asked = timeout(LATE / 2, backfills.begin(&RANGE)).await;
    assert!(asked.is_err(), "whoever asked has gone by then");
    sleep(10 * LATE).await;
    let found = warehouse.backfills(10).await.expect("it answers");
    let states: Vec<_> = found.iter().map(|one| one.state).collect();
    assert_eq!(states, [BackfillState::Finished]);
    assert_eq!(warehouse.matches(), 1);
    drain.cancel();
    running.await.expect("it ends");
}
