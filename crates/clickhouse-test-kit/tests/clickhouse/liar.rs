//! Each lie, as the official client meets it, and what is true meanwhile.

use anyhow::{Result, ensure};
use clickhouse::{Client, Compression, error::Error};
use clickhouse_test_kit::{Asked, Liar, Lie, shared_clickhouse};

use super::{MatchRow, client, count, insert};

/// A client that speaks to the liar, and one of the same database that does not.
async fn lied_to() -> Result<(Liar, Client, Client)> {
    let honest = client().await?;
    let liar = Liar::start(shared_clickhouse().await?.url()).await?;
    let lied_to = honest.clone().with_url(liar.url());
    Ok((liar, lied_to, honest))
}

fn rows() -> Vec<MatchRow> {
    (1..=10).map(|id| MatchRow::new(id, 1)).collect()
}

#[tokio::test]
async fn an_honest_liar_is_not_noticed() -> Result<()> {
    let (liar, client, honest) = lied_to().await?;
    insert(&client, &rows()).await?;
    let query = client.query("SELECT ?fields FROM matches WHERE version = {v:UInt64} ORDER BY 1");
    assert_eq!(query.param("v", 1).fetch_all::<MatchRow>().await?, rows());
    let refused = client.query("SELECT * FROM no_such_table").execute().await;
    let error = refused.expect_err("there is none").to_string();
    assert!(error.contains("Code: 60"), "{error}");
    assert_eq!(count(&honest).await?, 10);
    assert_eq!(liar.lies_told(), 0);
    Ok(())
}

#[tokio::test]
async fn a_lost_insert_is_an_error_whether_it_was_stored_or_not() -> Result<()> {
    for (lie, stored) in [
        (Lie::DropBefore, 0),
        (Lie::DropAfter, 10),
        (Lie::Garbage, 10),
    ] {
        let (liar, client, honest) = lied_to().await?;
        liar.lie_once(Asked::Inserts, lie.clone());
        let lost = insert(&client, &rows()).await;
        ensure!(matches!(lost, Err(Error::Network(_))), "{lie:?}: {lost:?}");
        assert_eq!(count(&honest).await?, stored, "{lie:?}");
        assert_eq!(liar.lies_told(), 1);
        insert(&client, &rows()).await?;
        assert_eq!(count(&honest).await?, 10, "{lie:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_is_held_until_it_may_go() -> Result<()> {
    let (liar, client, honest) = lied_to().await?;
    liar.lie_once(Asked::Inserts, Lie::Hold);
    let inserting = tokio::spawn({
        let client = client.clone();
        async move { insert(&client, &rows()).await }
    });
    liar.wait_for_held(1).await?;
    assert_eq!(count(&honest).await?, 10);
    ensure!(!inserting.is_finished(), "it knows already");
    // Others are not held.
    insert(&client, &[MatchRow::new(11, 1)]).await?;
    liar.let_go();
    inserting.await??;
    assert_eq!(liar.lies_told(), 1);
    Ok(())
}

#[tokio::test]
async fn a_client_that_does_not_wait_leaves_nothing_held() -> Result<()> {
    let (liar, client, _) = lied_to().await?;
    liar.lie_always(Asked::Inserts, Lie::Hold);
    let inserting = tokio::spawn({
        let client = client.clone();
        async move { insert(&client, &rows()).await }
    });
    liar.wait_for_held(1).await?;
    inserting.abort();
    ensure!(inserting.await.is_err());
    liar.be_honest();
    insert(&client, &rows()).await?;
    Ok(())
}

#[tokio::test]
async fn everything_is_refused_until_it_is_honest_again() -> Result<()> {
    let (liar, client, honest) = lied_to().await?;
    liar.lie_always(Asked::Anything, Lie::Refuse(202));
    for _ in 0..3 {
        let refused = client.query("SELECT 1").execute().await;
        let error = refused.expect_err("it is refused").to_string();
        assert!(error.contains("Code: 202"), "{error}");
    }
    liar.wait_for_lies(3).await?;
    assert_eq!(count(&honest).await?, 0);
    liar.be_honest();
    insert(&client, &rows()).await?;
    assert_eq!(count(&honest).await?, 10);
    Ok(())
}

#[tokio::test]
async fn a_batch_with_the_refused_record_fails_and_others_pass() -> Result<()> {
    for compression in [Compression::None, Compression::Lz4] {
        let (liar, client, honest) = lied_to().await?;
        let client = client.with_compression(compression);
        let guilty = b"source of 7,".to_vec();
        liar.lie_always(Asked::Inserts, Lie::RefuseRecord(guilty, 27));
        let rows = rows();
        for (batch, is_taken) in [(&rows[..], false), (&rows[..6], true), (&rows[6..7], false)] {
            let inserted = insert(&client, batch).await;
            assert_eq!(inserted.is_ok(), is_taken, "{inserted:?}");
        }
        insert(&client, &rows[7..]).await?;
        assert_eq!(count(&honest).await?, 9);
        assert_eq!(liar.lies_told(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_liar_before_nobody_drops_connections() -> Result<()> {
    let liar = Liar::start("http://127.0.0.1:1").await?;
    let client = Client::default().with_url(liar.url());
    let asked = client.query("SELECT 1").execute().await;
    ensure!(matches!(asked, Err(Error::Network(_))), "{asked:?}");
    Ok(())
}
