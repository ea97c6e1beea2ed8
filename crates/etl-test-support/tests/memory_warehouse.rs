//! The reference is held to the same suite as every warehouse.

use std::sync::Arc;

use domain::Timestamp;
use etl_application::WishReason;
use etl_application::ports::{
    CounterFilter, CounterStore, FactStore, NewWish, StoreError, WarehouseReader, WishStore,
};
use etl_test_support::answers::{NOON, match_id, said_by, whole};
use etl_test_support::{MemoryWarehouse, warehouse_contract};
use test_kit::clock::StoppedClock;

fn warehouse() -> Arc<MemoryWarehouse> {
    let clock = StoppedClock(Timestamp::from_unix_seconds(NOON));
    Arc::new(MemoryWarehouse::new(Arc::new(clock)))
}

#[tokio::test]
async fn the_fake_keeps_the_promises_of_the_ports() {
    warehouse_contract::check(async || warehouse()).await;
}

#[tokio::test]
async fn it_fails_as_it_is_told() {
    let warehouse = warehouse();
    let answers = [1, 2].map(|id| said_by("a", 1, whole(id, NOON)));
    warehouse.refuse(match_id(2));
    let refused = warehouse.store(&answers).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })));
    assert_eq!(warehouse.matches(), 0);
    let taken = warehouse.store(&answers[..1]).await;
    assert_eq!(taken.map(|days| days.len()), Ok(1));

    let failure = StoreError::Unavailable {
        detail: "it is told to".to_owned(),
        cause: "test",
    };
    let wish = NewWish {
        match_id: match_id(3),
        reason: WishReason::Missing,
        first_try: Timestamp::from_unix_seconds(NOON),
    };
    warehouse.fail_with(Some(failure.clone()));
    assert_eq!(warehouse.store(&answers[..1]).await, Err(failure.clone()));
    assert_eq!(warehouse.wish(&[wish]).await, Err(failure));
    assert!(warehouse.dirty_days(1).await.is_err());
    assert!(warehouse.heroes(&CounterFilter::default()).await.is_err());
    warehouse.fail_with(None);
    assert_eq!(warehouse.wish(&[wish]).await, Ok(()));
    assert_eq!(warehouse.all_wishes().len(), 1);
}
