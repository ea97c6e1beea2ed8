//! The client against servers that do as little, or as much, as they like.

mod server;

use std::{fs, net::TcpListener, time::Duration};

use anyhow::Result;
use client_kit::{CallFailed, ClientLimits, HttpClient};
use secrecy::SecretString;
use test_kit::certificates::{Authority, Validity};

use server::Server;

const LIMITS: ClientLimits = ClientLimits {
    connect_time_max: Duration::from_secs(10),
    call_time_max: Duration::from_secs(20),
    body_bytes_max: 1_000,
};

fn client(limits: ClientLimits) -> HttpClient {
    HttpClient::try_new("tests/1", limits, None).expect("a name, and no file")
}

#[tokio::test]
async fn a_call_says_who_calls_and_brings_all_of_the_answer() -> Result<()> {
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json; charset=utf-8\r\n\
                  X-Left: 7\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let server = Server::start(answer).await?;
    let secret = SecretString::from("s3cret");
    let url = format!("http://{}/matches/1?a=b", server.address);
    let told = client(LIMITS).get(&url, Some(&secret)).await?;
    assert_eq!((told.status, &told.body[..]), (404, &b"abcde"[..]));
    assert_eq!(told.header("x-left"), Some("7"));
    assert!(told.is_json());

    let asked = server.asked().await;
    assert!(
        asked.starts_with("GET /matches/1?a=b HTTP/1.1\r\n"),
        "{asked}"
    );
    for line in [
        "user-agent: tests/1\r\n",
        "accept: application/json\r\n",
        "authorization: Bearer s3cret\r\n",
    ] {
        assert!(asked.contains(line), "{asked}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_posted_arrives_whole() -> Result<()> {
    let server = Server::start("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await?;
    let url = format!("http://{}/events", server.address);
    let told = client(LIMITS)
        .post_json(&url, r#"{"of":"somebody"}"#)
        .await?;
    assert_eq!(told.status, 201);
    let asked = server.asked().await;
    assert!(asked.starts_with("POST /events HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains("content-type: application/json\r\n"),
        "{asked}"
    );
    assert!(asked.ends_with("\r\n\r\n{\"of\":\"somebody\"}"), "{asked}");
    Ok(())
}

#[tokio::test]
async fn a_form_is_posted_with_headers_and_answered_as_it_comes() -> Result<()> {
    let answer =
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 9\r\n\r\nhalf";
    let server = Server::start(answer).await?;
    let url = format!("http://{}/login", server.address);
    let headers = [
        ("Origin".to_owned(), SecretString::from("https://a.example")),
        ("user-agent".to_owned(), SecretString::from("other/2")),
    ];
    let mut told = client(LIMITS)
        .post_form(&url, "a=b&c=%20", &headers)
        .await?;
    assert_eq!(told.head.status, 302);
    assert_eq!(told.next_piece().await?.as_deref(), Some(&b"half"[..]));
    let asked = server.asked().await;
    assert!(asked.starts_with("POST /login HTTP/1.1\r\n"), "{asked}");
    for line in [
        "content-type: application/x-www-form-urlencoded\r\n",
        "content-length: 9\r\n",
        "origin: https://a.example\r\n",
        "user-agent: other/2\r\n",
    ] {
        assert!(asked.contains(line), "{asked}");
    }
    assert!(asked.ends_with("\r\n\r\na=b&c=%20"), "{asked}");

    let broken = [("Origin".to_owned(), SecretString::from("s3cret\n"))];
    let failed = client(LIMITS).post_form(&url, "", &broken).await;
    let detail = format!("{:?}", failed.expect_err("no call"));
    assert!(detail.starts_with("Impossible") && !detail.contains("s3cret"));
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Result<()> {
    let elsewhere = Server::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
        elsewhere.address
    );
    let server = Server::start(&answer).await?;
    let told = client(LIMITS)
        .get(&format!("http://{}/", server.address), None)
        .await?;
    assert_eq!(told.status, 302);
    assert_eq!(elsewhere.connections(), 0);
    assert!(!server.asked().await.contains("authorization"));
    Ok(())
}

#[tokio::test]
async fn a_body_is_not_read_beyond_its_limit() -> Result<()> {
    // It says nothing of its size, and never ends.
    let answer = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_001));
    let server = Server::start(&answer).await?;
    let url = format!("http://{}/", server.address);
    let told = client(LIMITS).get(&url, None).await;
    assert_eq!(told.err(), Some(CallFailed::TooLarge(1_000)));

    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}",
        "x".repeat(1_000)
    );
    let server = Server::start(&answer).await?;
    let url = format!("http://{}/", server.address);
    let told = client(LIMITS).get(&url, None).await?;
    assert_eq!(told.body.len(), 1_000);
    Ok(())
}

#[tokio::test]
async fn silence_ends_a_call_at_any_point_of_the_answer() -> Result<()> {
    let time_max = Duration::from_millis(50);
    let impatient = client(ClientLimits {
        call_time_max: time_max,
        ..LIMITS
    });
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let server = Server::start(answer).await?;
        let url = format!("http://{}/", server.address);
        let told = impatient.get(&url, None).await;
        assert_eq!(told.err(), Some(CallFailed::TimedOut(time_max)));
    }
    Ok(())
}

#[tokio::test]
async fn what_fails_is_said_without_address_and_secret() -> Result<()> {
    let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let url = format!("http://{gone}/s3cret");
    let secret = SecretString::from("s3cret");
    let client = client(LIMITS);
    let failed = client.get(&url, Some(&secret)).await;
    let detail = failed.expect_err("nobody listens").to_string();
    assert!(detail.contains("refused"), "{detail}");
    assert!(!detail.contains("s3cret"), "{detail}");

    let broken = SecretString::from("s3cret\n");
    for (url, secret) in [("no address at all", &secret), (&url, &broken)] {
        let failed = client.get(url, Some(secret)).await;
        let detail = format!("{:?}", failed.expect_err("no call"));
        assert!(detail.starts_with("Impossible"), "{detail}");
        assert!(!detail.contains("s3cret"), "{detail}");
    }
    assert!(HttpClient::try_new("line\nfeed", LIMITS, None).is_err());
    Ok(())
}

#[tokio::test]
async fn only_a_server_that_somebody_trusted_vouches_for_is_asked() -> Result<()> {
    let authority = Authority::new("ours")?;
    let identity = authority.server("127.0.0.1", Validity::InDate)?;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let server = Server::start_with_tls(answer, &identity).await?;
    let url = format!("https://{}/", server.address);

    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), authority.pem())?;
    let trusting =
        HttpClient::try_new("tests/1", LIMITS, Some(file.path())).map_err(anyhow::Error::msg)?;
    assert_eq!(trusting.get(&url, None).await?.status, 200);

    let failed = client(LIMITS).get(&url, None).await;
    let detail = failed.expect_err("nobody vouches for it").to_string();
    assert!(detail.contains("certificate"), "{detail}");
    Ok(())
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_as_it_comes() -> Result<()> {
    let answer = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n\
                  3\r\nabc\r\n2\r\nde\r\n";
    let server = Server::start(answer).await?;
    let url = format!("http://{}/logs", server.address);
    let mut told = client(LIMITS).open(&url, "text/event-stream").await?;
    assert_eq!(told.head.status, 503);
    assert_eq!(told.head.retry_after(0), Some(Duration::from_secs(7)));
    let mut read = Vec::new();
    while read.len() < 5 {
        let piece = told.next_piece().await?;
        read.extend_from_slice(&piece.expect("the answer does not end"));
    }
    assert_eq!(read, b"abcde");
    let asked = server.asked().await;
    assert!(asked.contains("accept: text/event-stream\r\n"), "{asked}");
    Ok(())
}

#[tokio::test]
async fn the_end_of_an_answer_and_its_break_are_told_apart() -> Result<()> {
    for (answer, is_whole) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n!",
            false,
        ),
    ] {
        let server = Server::start(answer).await?;
        let url = format!("http://{}/", server.address);
        let mut told = client(LIMITS).open(&url, "*/*").await?;
        assert_eq!(told.next_piece().await?.as_deref(), Some(&b"ab"[..]));
        let end = told.next_piece().await;
        assert_eq!(end.is_ok(), is_whole, "{end:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_does_not_begin_is_given_up() -> Result<()> {
    let server = Server::start("").await?;
    let time_max = Duration::from_millis(50);
    let limits = ClientLimits {
        call_time_max: time_max,
        ..LIMITS
    };
    let url = format!("http://{}/", server.address);
    let told = client(limits).open(&url, "*/*").await;
    assert_eq!(told.err(), Some(CallFailed::NoAnswer(time_max)));
    Ok(())
}
