//! Questions: parameters, settings, cursors and refusals.

use anyhow::Result;
use clickhouse::Client;
use clickhouse_test_kit::shared_clickhouse;

use super::{MatchRow, client, insert};

#[tokio::test]
async fn parameters_are_bound_by_the_client_and_by_the_engine() -> Result<()> {
    let client = client().await?;
    let rows: Vec<_> = (1..=10).map(|id| MatchRow::new(id, 1)).collect();
    insert(&client, &rows).await?;

    let bound = client
        .query("SELECT ?fields FROM matches WHERE match_id = ? AND source = ?")
        .bind(7)
        .bind(&rows[6].source);
    assert_eq!(bound.fetch_one::<MatchRow>().await?, rows[6]);

    let by_engine = client
        .query(
            "SELECT ?fields FROM {table:Identifier} \
             WHERE match_id IN {ids:Array(UInt64)} AND source != {source:String}",
        )
        .param("table", "matches")
        .param("ids", vec![3, 4])
        .param("source", rows[2].source.as_str());
    assert_eq!(by_engine.fetch_all::<MatchRow>().await?, [rows[3].clone()]);
    Ok(())
}

#[tokio::test]
async fn a_long_answer_is_read_row_by_row() -> Result<()> {
    let client = client().await?;
    let query = client.query("SELECT number FROM numbers(1000000)");
    let mut rows = query.fetch::<u64>()?;
    let mut expected = 0;
    while let Some(number) = rows.next().await? {
        assert_eq!(number, expected);
        expected += 1;
    }
    assert_eq!(expected, 1_000_000);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_number() -> Result<()> {
    let client = client().await?;
    for (query, code) in [
        ("SELEC 1", "Code: 62"),
        ("SELECT no_such_column FROM matches", "Code: 47"),
        ("SELECT * FROM no_such_table", "Code: 60"),
        ("SELECT throwIf(1, 'on purpose')", "Code: 395"),
    ] {
        let error = client.query(query).execute().await;
        let error = error.expect_err("it is wrong").to_string();
        assert!(error.contains(code), "{query}: {error}");
    }
    let elsewhere = client.with_database("no_such_database");
    let error = elsewhere.query("SELECT 1").execute().await;
    let error = error.expect_err("there is none").to_string();
    assert!(error.contains("Code: 81"), "{error}");
    Ok(())
}

#[tokio::test]
async fn settings_are_of_one_request_and_unknown_ones_are_refused() -> Result<()> {
    let client = client().await?;
    let limit = async |client: &Client| -> Result<u64> {
        let query = "SELECT toUInt64(getSetting('max_result_rows'))";
        Ok(client.query(query).fetch_one().await?)
    };
    let limited = client.clone().with_setting("max_result_rows", "123");
    assert_eq!(limit(&limited).await?, 123);
    assert_eq!(limit(&client).await?, 0);

    let strange = client.with_setting("no_such_setting", "1");
    let asked = strange.query("SELECT 1").execute().await;
    let inserted = insert(&strange, &[MatchRow::new(1, 1)]).await;
    for refused in [asked, inserted] {
        let error = refused.expect_err("there is none").to_string();
        assert!(error.contains("Code: 115"), "{error}");
        assert!(error.contains("no_such_setting"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn statements_of_the_kit_itself_are_run_and_refused() -> Result<()> {
    let engine = shared_clickhouse().await?;
    let answer = engine.execute("SELECT 'a', 1 UNION ALL SELECT 'b', 2 ORDER BY 1");
    assert_eq!(answer.await?, "a\t1\nb\t2");
    let refused = engine.execute("SELECT * FROM no_such_table").await;
    let error = refused.expect_err("there is none").to_string();
    assert!(error.contains("Code: 60"), "{error}");
    let [first, second] = ["x", "x"].map(|prefix| engine.create_database(prefix));
    assert_ne!(first.await?, second.await?);
    Ok(())
}
