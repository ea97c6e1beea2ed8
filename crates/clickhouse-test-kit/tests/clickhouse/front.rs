//! HTTP that the official client does not speak, as others do.

use anyhow::Result;
use clickhouse_test_kit::shared_clickhouse;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends a request as it is and reads until the connection ends.
async fn exchange(request: &str) -> Result<String> {
    let engine = shared_clickhouse().await?;
    let mut stream = TcpStream::connect(engine.url().trim_start_matches("http://")).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn post(target: &str, body: &str) -> Result<String> {
    let length = body.len();
    exchange(&format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
    .await
}

#[tokio::test]
async fn it_greets_and_knows_no_other_path() -> Result<()> {
    for (path, status) in [("/", 200), ("/ping", 200), ("/play", 404)] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = exchange(&request).await?;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_carries_its_number_in_a_header() -> Result<()> {
    let answer = post("/", "SELECT * FROM no_such_table").await?;
    let answer = answer.to_lowercase();
    assert!(
        answer.contains("x-clickhouse-exception-code: 60\r\n"),
        "{answer}"
    );
    Ok(())
}

#[tokio::test]
async fn statement_and_rows_may_come_in_the_body_alone() -> Result<()> {
    let engine = shared_clickhouse().await?;
    let database = engine.create_database("body").await?;
    let table = format!("CREATE TABLE {database}.t (a UInt8) ENGINE = MergeTree ORDER BY a");
    engine.execute(&table).await?;
    let target = format!("/?database={database}");
    let rows = "INSERT INTO t FORMAT JSONEachRow {\"a\": 1} {\"a\": 2}";
    for insert in [
        "INSERT INTO t VALUES (3), (4)",
        rows,
        "INSERT INTO t SELECT 5",
    ] {
        let answer = post(&target, insert).await?;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{insert}: {answer}");
    }
    let select = format!("SELECT groupArray(a) FROM (SELECT a FROM {database}.t ORDER BY a)");
    assert_eq!(engine.execute(&select).await?, "[1,2,3,4,5]");
    Ok(())
}

#[tokio::test]
async fn rows_that_are_cut_off_are_not_stored() -> Result<()> {
    let engine = shared_clickhouse().await?;
    let database = engine.create_database("cut").await?;
    let table = format!("CREATE TABLE {database}.t (a UInt8) ENGINE = MergeTree ORDER BY a");
    engine.execute(&table).await?;
    let address = engine.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /?database={database}&query=INSERT+INTO+t+FORMAT+CSV HTTP/1.1\r\n\
         Host: x\r\nContent-Length: 100\r\n\r\n1\n2\n3\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    // With an answer or without: it is over, and nothing is there.
    let _ = stream.read_to_string(&mut answer).await;
    let count = format!("SELECT count() FROM {database}.t");
    assert_eq!(engine.execute(&count).await?, "0", "{answer}");

    // The whole of it is stored, so it was the cut.
    let target = format!("/?database={database}&query=INSERT+INTO+t+FORMAT+CSV");
    post(&target, "1\n2\n3\n").await?;
    assert_eq!(engine.execute(&count).await?, "3");
    Ok(())
}
