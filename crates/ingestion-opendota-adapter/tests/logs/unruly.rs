//! Servers of a few lines: the contract of the port, redirects, silence, and secrets.

use std::time::Duration;

use ingestion_application::ports::{DisconnectReason, FeedReader as _};
use ingestion_opendota_adapter::logs::LogsSettings;
use ingestion_test_support::source::source_contract;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::common::{connected, ended, feed, settings};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\n\r\n";

async fn listener() -> (TcpListener, LogsSettings) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (
        listener,
        settings(&format!("http://{address}/logs?api_key=zQzKey")),
    )
}

/// A client that has asked.
async fn asked(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.expect("a client comes");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.expect("a whole request");
        head.push(byte);
    }
    (stream, String::from_utf8(head).expect("text"))
}

#[tokio::test]
async fn the_log_keeps_the_contract_of_its_port() {
    let (listener, settings) = listener().await;
    let lines: Vec<_> = source_contract::IDS
        .map(|id| format!("data: [t] [inserter] [insert: api] [ended: now] {id}\n\n"))
        .collect();
    let lines = lines.concat();
    let server = async {
        let mut kept = Vec::new();
        for connection in 0..=source_contract::CONNECTIONS {
            let (mut stream, _) = asked(&listener).await;
            // A client that has heard enough is gone.
            let _ = stream.write_all(HEAD.as_bytes()).await;
            let _ = stream.write_all(lines.as_bytes()).await;
            if connection == source_contract::CONNECTIONS {
                kept.push(stream);
            }
        }
        kept
    };
    let mut feed = feed(settings);
    tokio::join!(server, source_contract::check(&mut feed));
}

#[tokio::test]
async fn it_asks_for_events_and_says_who_asks() {
    let (listener, settings) = listener().await;
    let mut feed = feed(settings);
    let server = async {
        let (mut stream, head) = asked(&listener).await;
        stream.write_all(HEAD.as_bytes()).await.expect("a client");
        (stream, head)
    };
    let ((_stream, head), ()) = tokio::join!(server, connected(&mut feed));
    assert!(
        head.starts_with("GET /logs?api_key=zQzKey HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("accept: text/event-stream\r\n"), "{head}");
    assert!(head.contains("user-agent: ingestion-service/"), "{head}");
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_given_up() {
    let (listener, settings) = listener().await;
    let mut feed = feed(LogsSettings {
        connect_timeout: Duration::from_millis(200),
        ..settings
    });
    let server = async { asked(&listener).await };
    let (_kept, end) = tokio::join!(server, ended(&mut feed, DisconnectReason::ConnectTimeout));
    assert!(end.detail.contains("127.0.0.1"), "{}", end.detail);
    assert!(!end.detail.contains("zQzKey"), "{}", end.detail);
    assert_eq!(feed.close().await, None);
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let (listener, settings) = listener().await;
    let mut feed = feed(settings);
    let server = async {
        let (mut stream, _) = asked(&listener).await;
        let answer = "HTTP/1.1 302 Found\r\nLocation: https://u:zQzKey@elsewhere:1/x?k=zQzKey\r\n\
                      Content-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.expect("a client");
        stream
    };
    let (_kept, end) = tokio::join!(server, ended(&mut feed, DisconnectReason::Refused));
    assert!(
        end.detail.contains("redirects to https://elsewhere:1,"),
        "{}",
        end.detail
    );
    assert!(!end.detail.contains("zQzKey"), "{}", end.detail);
}

#[tokio::test]
async fn a_connection_that_breaks_amid_an_event_tells_no_part_of_it() {
    let (listener, settings) = listener().await;
    let mut feed = feed(settings);
    let server = async {
        let (mut stream, _) = asked(&listener).await;
        let answer = format!("{HEAD}data: [insert: api] 17\n\ndata: [insert: api] 89432");
        stream.write_all(answer.as_bytes()).await.expect("a client");
    };
    let client = async {
        connected(&mut feed).await;
        let mut ids = Vec::new();
        while let ingestion_application::ports::FeedEvent::Received(batch) =
            crate::common::next(&mut feed).await
        {
            ids.extend(
                batch
                    .frames
                    .into_iter()
                    .map(|it| it.expect("valid").id().get()),
            );
        }
        assert_eq!(ids, [17]);
    };
    tokio::join!(server, client);
}
