//! What our tables rest on: replaced rows, and partitions swapped in whole.

use anyhow::Result;

use super::{MatchRow, client, count, insert};

#[tokio::test]
async fn the_highest_version_wins_whatever_the_order() -> Result<()> {
    let client = client().await?;
    for version in [100, 200, 50] {
        let rows: Vec<_> = (1..=10).map(|id| MatchRow::new(id, version)).collect();
        insert(&client, &rows).await?;
    }
    let versions = "SELECT DISTINCT version FROM matches FINAL";
    let versions = client.query(versions).fetch_all::<u64>().await?;
    assert_eq!(versions, [200]);
    assert_eq!(count(&client).await?, 10);
    Ok(())
}

#[tokio::test]
async fn a_partition_is_replaced_as_a_whole() -> Result<()> {
    let client = client().await?;
    let counters = "(day UInt32, hero UInt16, games UInt64)
        ENGINE = MergeTree PARTITION BY day ORDER BY hero";
    for table in ["hero_days", "hero_days_new"] {
        let table = format!("CREATE TABLE {table} {counters}");
        client.query(&table).execute().await?;
    }
    for statement in [
        "INSERT INTO hero_days SELECT 1, number, 1 FROM numbers(10)",
        "INSERT INTO hero_days SELECT 2, number, 5 FROM numbers(10)",
        "INSERT INTO hero_days_new SELECT 1, number, 3 FROM numbers(7)",
        "ALTER TABLE hero_days REPLACE PARTITION 1 FROM hero_days_new",
        "ALTER TABLE hero_days REPLACE PARTITION 1 FROM hero_days_new",
    ] {
        client.query(statement).execute().await?;
    }
    let sums = "SELECT sum(games) FROM hero_days GROUP BY day ORDER BY day";
    let sums = client.query(sums).fetch_all::<u64>().await?;
    assert_eq!(sums, [21, 50]);
    Ok(())
}
