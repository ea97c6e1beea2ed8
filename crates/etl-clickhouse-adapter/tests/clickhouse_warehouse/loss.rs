//! What is stored when the network, or the server, does not do its part.

use std::collections::BTreeSet;

use clickhouse_test_kit::{Asked, Liar, Lie};
use domain::Day;
use etl_application::Answer;
use etl_application::ports::{FactStore, StoreError};
use etl_clickhouse_adapter::ClickHouseWarehouse;
use etl_test_support::answers::{DAY, NOON, said_by, whole, with_players};

use super::target::{Warehouse, fresh, open};

const FACTS: [&str; 5] = [
    "match_sources",
    "match_ranks",
    "match_players",
    "player_matches",
    "matches",
];

fn answers() -> Vec<Answer> {
    let answer = |id: i64| {
        let mut summary = with_players(whole(id, NOON + id * DAY));
        summary.avg_rank_tier = Some(45);
        said_by("steam_sequence", 7, summary)
    };
    (1..=3).map(answer).collect()
}

/// Every row that counts, but for when it came.
async fn facts(warehouse: &Warehouse) -> Vec<String> {
    let mut all = Vec::new();
    for table in FACTS {
        let loaded_at = if table == "matches" {
            " EXCEPT loaded_at"
        } else {
            ""
        };
        let rows = format!("SELECT *{loaded_at} FROM $.{table} FINAL ORDER BY ALL");
        all.push(warehouse.sql(&rows).await);
    }
    all
}

async fn behind_a_liar(warehouse: &Warehouse) -> (Liar, ClickHouseWarehouse) {
    let liar = Liar::start(warehouse.engine.url()).await;
    let liar = liar.expect("there is a port");
    let house = open(liar.url(), &warehouse.database);
    (liar, house)
}

async fn store_until_taken(house: &ClickHouseWarehouse, answers: &[Answer]) -> BTreeSet<Day> {
    for _ in 0..20 {
        match house.store(answers).await {
            Ok(days) => return days,
            Err(StoreError::Unavailable { cause, .. }) => {
                assert!(["network", "answer"].contains(&cause), "{cause}");
            }
            Err(error) => panic!("nothing is wrong with the rows: {error}"),
        }
    }
    panic!("the liar has no lies left");
}

#[tokio::test]
async fn a_batch_that_is_repeated_after_a_loss_is_there_once() {
    let reference = fresh().await;
    reference
        .house
        .store(&answers())
        .await
        .expect("it is taken");
    let expected = facts(&reference).await;
    assert!(expected.iter().all(|rows| !rows.is_empty()));
    // At every one of the inserts, before and after it was stored.
    for lie in [Lie::DropBefore, Lie::DropAfter, Lie::Garbage] {
        for place in 0..FACTS.len() {
            let warehouse = fresh().await;
            let (liar, house) = behind_a_liar(&warehouse).await;
            // Answers that are held and let go are as good as honest ones.
            for _ in 0..place {
                liar.lie_once(Asked::Inserts, Lie::Hold);
                liar.let_go();
            }
            liar.lie_once(Asked::Inserts, lie.clone());
            let days = store_until_taken(&house, &answers()).await;
            assert_eq!(liar.lies_told(), place + 1, "the lie was told");
            assert_eq!(days.len(), 3);
            assert_eq!(
                facts(&warehouse).await,
                expected,
                "{lie:?} at insert {place}"
            );
        }
    }
}

#[tokio::test]
async fn what_the_server_refuses_for_its_content_is_refused() {
    let warehouse = fresh().await;
    let (liar, house) = behind_a_liar(&warehouse).await;
    let guilty = said_by("a source that is refused", 1, whole(9, NOON));
    let record = b"a source that is refused".to_vec();
    liar.lie_always(Asked::Inserts, Lie::RefuseRecord(record, 27));
    let mut batch = answers();
    batch.push(guilty.clone());
    let refused = house.store(&batch).await;
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    let refused = house.store(&[guilty]).await;
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    house
        .store(&answers())
        .await
        .expect("its neighbours are taken");
}

#[tokio::test]
async fn what_may_go_by_is_told_by_its_cause() {
    let warehouse = fresh().await;
    let (liar, house) = behind_a_liar(&warehouse).await;
    let stored = async |code: u32| {
        liar.lie_once(Asked::Inserts, Lie::Refuse(code));
        let refused = house.store(&answers()).await;
        refused.expect_err("it is refused").cause().to_owned()
    };
    for (code, cause) in [
        (159, "timeout"),
        (202, "overload"),
        (209, "timeout"),
        (210, "network"),
        (241, "memory"),
        (252, "too_many_parts"),
        (164, "readonly"),
        (201, "quota"),
        (60, "schema"),
        (16, "schema"),
        (27, "refused"),
    ] {
        assert_eq!(stored(code).await, cause, "of {code}");
    }
    let days = BTreeSet::from([Day::from_days_since_epoch(20_000)]);
    liar.lie_once(Asked::Inserts, Lie::Refuse(27));
    let refused = house.mark_dirty(&days).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "marks are no content"
    );
}
