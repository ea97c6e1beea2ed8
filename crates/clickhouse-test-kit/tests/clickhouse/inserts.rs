//! Rows go in, typed, plain and compressed, and nothing goes in by half.

use anyhow::Result;
use clickhouse::{Client, Compression, Row};
use futures_util::future::try_join_all;
use serde::Serialize;

use super::{MatchRow, client, count, insert};

#[tokio::test]
async fn rows_come_back_as_they_went_in_plain_and_compressed() -> Result<()> {
    for compression in [Compression::None, Compression::Lz4, Compression::zstd()] {
        for is_validated in [true, false] {
            let client = client().await?;
            let client = client.with_compression(compression);
            let client = client.with_validation(is_validated);
            let rows: Vec<_> = (1..=1000).map(|id| MatchRow::new(id, 1)).collect();
            insert(&client, &rows).await?;
            let query = client.query("SELECT ?fields FROM matches ORDER BY match_id");
            assert_eq!(query.fetch_all::<MatchRow>().await?, rows);
        }
    }
    Ok(())
}

#[tokio::test]
async fn many_rows_in_many_blocks_arrive() -> Result<()> {
    let client = client().await?;
    let rows: Vec<_> = (1..=100_000).map(|id| MatchRow::new(id, 1)).collect();
    insert(&client.clone().with_compression(Compression::Lz4), &rows).await?;
    assert_eq!(count(&client).await?, 100_000);
    let sum = "SELECT sum(match_id) FROM matches WHERE radiant = [1, 2, 3, 4, 155]";
    let sum: u64 = client.query(sum).fetch_one().await?;
    assert_eq!(sum, 100_000 * 100_001 / 2);
    Ok(())
}

#[tokio::test]
async fn rows_of_another_shape_are_refused_before_they_are_sent() -> Result<()> {
    #[derive(Row, Serialize)]
    struct Wrong {
        match_id: String,
    }
    let client = client().await?;
    client
        .query("CREATE TABLE ids (match_id UInt64) ENGINE = MergeTree ORDER BY match_id")
        .execute()
        .await?;
    let mut insert = client.insert::<Wrong>("ids").await?;
    let match_id = "7".to_owned();
    let written = insert.write(&Wrong { match_id }).await;
    let error = written.expect_err("a number is no text").to_string();
    assert!(error.contains("match_id"), "{error}");
    drop(insert);
    let rows: u64 = client.query("SELECT count() FROM ids").fetch_one().await?;
    assert_eq!(rows, 0);
    Ok(())
}

#[tokio::test]
async fn what_the_engine_refuses_is_told_and_not_stored() -> Result<()> {
    let client = client().await?;
    client
        .query("ALTER TABLE matches ADD CONSTRAINT small CHECK match_id < 3000")
        .execute()
        .await?;
    // More than fits into one block, so that the refusal meets a client that still sends.
    let rows: Vec<_> = (1..=200_000).map(|id| MatchRow::new(id, 1)).collect();
    for compression in [Compression::None, Compression::Lz4] {
        let refused = insert(&client.clone().with_compression(compression), &rows).await;
        let error = refused.expect_err("a constraint is violated").to_string();
        assert!(error.contains("Code: 469"), "{error}");
        assert!(error.contains("small"), "{error}");
    }
    assert_eq!(count(&client).await?, 0);
    insert(&client, &rows[..2000]).await?;
    assert_eq!(count(&client).await?, 2000);
    Ok(())
}

#[tokio::test]
async fn an_insert_that_is_dropped_stores_nothing() -> Result<()> {
    let client = client().await?;
    for compression in [Compression::None, Compression::Lz4] {
        let client = client.clone().with_compression(compression);
        let mut insert = client.insert::<MatchRow>("matches").await?;
        for id in 1..=50_000 {
            insert.write(&MatchRow::new(id, 1)).await?;
        }
        drop(insert);
    }
    assert_eq!(count(&client).await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_same_batch_twice_is_one_part() -> Result<()> {
    let client = client().await?;
    let client = client.with_setting("insert_deduplicate", "1");
    let rows: Vec<_> = (1..=1000).map(|id| MatchRow::new(id, 1)).collect();
    insert(&client, &rows).await?;
    insert(&client, &rows).await?;
    let rows: u64 = client
        .query("SELECT count() FROM matches")
        .fetch_one()
        .await?;
    assert_eq!(rows, 1000);
    Ok(())
}

#[tokio::test]
async fn eight_at_once_do_not_mix() -> Result<()> {
    let client = client().await?;
    let work = (0..8_u64).map(async |worker| -> Result<u64> {
        let client = client.clone();
        for batch in 0..4 {
            let first = worker * 10_000 + batch * 1000;
            let rows: Vec<_> = (first..first + 1000)
                .map(|id| MatchRow::new(id, 1))
                .collect();
            insert(&client, &rows).await?;
        }
        own_rows(&client, worker).await
    });
    let counts = try_join_all(work).await?;
    assert_eq!(counts, [4000; 8]);
    assert_eq!(count(&client).await?, 32_000);
    Ok(())
}

async fn own_rows(client: &Client, worker: u64) -> Result<u64> {
    let query = "SELECT count() FROM matches WHERE intDiv(match_id, 10000) = ?";
    Ok(client.query(query).bind(worker).fetch_one().await?)
}
