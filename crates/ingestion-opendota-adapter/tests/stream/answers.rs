//! Which answers to the upgrade are one (RFC 6455, section 4.1; RFC 9110,
//! section 5.3): header fields are lists, in any order, over any number of lines.

use std::sync::Arc;

use ingestion_application::ports::{DisconnectReason, FeedEvent, FeedReader as _};
use ingestion_opendota_adapter::stream::{MatchStream, StreamSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use crate::common::{
    CLOCK, connected, default_settings, disconnected, frame, next, received, send_then_listen,
};

const UPGRADE: &str = "Upgrade: websocket\r\n";
const CONNECTION: &str = "Connection: Upgrade\r\n";
const ACCEPT: &str = "Sec-WebSocket-Accept: {accept}\r\n";

/// A listener, and a client that sends `headers` to it.
async fn listener_and_stream(headers: &[(&str, &str)]) -> (TcpListener, MatchStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()));
    let settings = StreamSettings {
        headers: headers.collect(),
        ..default_settings(format!("ws://{address}/matches"))
    };
    let stream = MatchStream::try_new(&settings, Arc::new(CLOCK), 1).expect("valid settings");
    (listener, stream)
}

/// Reads a request and answers with `head`, in which `{accept}` is the key's answer.
async fn answer(listener: &TcpListener, head: &str) -> TcpStream {
    answer_and_more(listener, head, b"").await
}

/// The same, with `more` in the same packet.
async fn answer_and_more(listener: &TcpListener, head: &str, more: &[u8]) -> TcpStream {
    let (mut tcp, _) = listener.accept().await.expect("a client comes");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(tcp.read_u8().await.expect("the request goes on"));
    }
    let request = String::from_utf8(request).expect("requests are text");
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .expect("the request has a key");
    let head = head.replace("{accept}", &derive_accept_key(key.as_bytes()));
    // The client leaves amid an answer that it does not like.
    let _ = tcp.write_all(&[head.as_bytes(), more].concat()).await;
    tcp
}

/// Whether the answer with these lines, after a 101, opens the feed.
async fn accepted(headers: &[(&str, &str)], lines: &[&str]) {
    let head = format!("HTTP/1.1 101 Switching Protocols\r\n{}\r\n", lines.concat());
    accepted_head(headers, &head).await;
}

async fn accepted_head(headers: &[(&str, &str)], head: &str) {
    let (listener, mut stream) = listener_and_stream(headers).await;
    let server = async {
        let tcp = answer(&listener, head).await;
        let socket = WebSocketStream::from_raw_socket(tcp, Role::Server, None).await;
        send_then_listen(socket, [1, 2]).await;
    };
    let client = async {
        let event = next(&mut stream).await;
        assert_eq!(event, FeedEvent::Connected, "{head}");
        assert_eq!(received(&mut stream, 2).await, [1, 2], "{head}");
        assert_eq!(stream.close().await, None, "{head}");
    };
    tokio::join!(server, client);
}

/// That the answer is told to be none, with what `detail` says.
async fn refused(headers: &[(&str, &str)], lines: &[&str], detail: &str) -> String {
    let head = format!("HTTP/1.1 101 Switching Protocols\r\n{}\r\n", lines.concat());
    refused_head(headers, &head, detail).await
}

async fn refused_head(headers: &[(&str, &str)], head: &str, detail: &str) -> String {
    let (listener, mut stream) = listener_and_stream(headers).await;
    let (_tcp, end) = tokio::join!(
        answer(&listener, head),
        disconnected(&mut stream, DisconnectReason::ProtocolError),
    );
    assert!(end.detail.contains(detail), "{head}: {}", end.detail);
    assert!(end.detail.contains("127.0.0.1:"), "{}", end.detail);
    end.detail
}

#[tokio::test]
async fn header_fields_of_the_answer_are_lists() {
    for connection in [
        "Connection: Upgrade, keep-alive\r\n",
        "Connection: keep-alive, Upgrade\r\n",
        "connection:keep-alive,uPGRADE\r\n",
        "Connection: keep-alive\r\nConnection: upgrade\r\n",
        "Connection: , \tUpgrade\t ,\r\n",
    ] {
        accepted(&[], &[UPGRADE, connection, ACCEPT]).await;
        accepted(&[], &[connection, ACCEPT, UPGRADE]).await;
    }
    for upgrade in [
        "Upgrade: WebSocket\r\n",
        "UPGRADE: foo/2, websocket\r\n",
        "Upgrade: websocket\r\nUpgrade: websocket\r\n",
        "Upgrade: foo\r\nServer: x\r\nUpgrade: websocket\r\n",
    ] {
        accepted(&[], &[ACCEPT, upgrade, CONNECTION]).await;
    }
    let others = "Server: a\r\nVary: Upgrade\r\nSet-Cookie: \u{e9}=1\r\nKeep-Alive: timeout=5\r\n";
    accepted(&[], &[others, UPGRADE, CONNECTION, ACCEPT, "X-Empty:\r\n"]).await;
}

#[tokio::test]
async fn an_answer_to_somebody_else_is_refused() {
    let wrong_key = "Sec-WebSocket-Accept: bm9uZQ==\r\n";
    let (upgrade, connection) = ("Upgrade header", "Connection header");
    let accept = "Sec-WebSocket-Accept";
    refused(&[], &[CONNECTION, ACCEPT], upgrade).await;
    refused(&[], &["Upgrade: h2c\r\n", CONNECTION, ACCEPT], upgrade).await;
    refused(
        &[],
        &["Upgrade: websocket2\r\n", CONNECTION, ACCEPT],
        upgrade,
    )
    .await;
    refused(&[], &[UPGRADE, ACCEPT], connection).await;
    refused(&[], &[UPGRADE, "Connection: close\r\n", ACCEPT], connection).await;
    refused(
        &[],
        &[UPGRADE, "Connection: Upgraded\r\n", ACCEPT],
        connection,
    )
    .await;
    refused(&[], &[UPGRADE, CONNECTION], accept).await;
    refused(&[], &[UPGRADE, CONNECTION, wrong_key], accept).await;
    refused(&[], &[UPGRADE, CONNECTION, ACCEPT, wrong_key], accept).await;
    refused(&[], &[UPGRADE, CONNECTION, wrong_key, ACCEPT], accept).await;
}

#[tokio::test]
async fn an_extension_that_was_not_asked_for_is_refused() {
    let deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    refused(&[], &[UPGRADE, CONNECTION, ACCEPT, deflate], "extension").await;
    let empty = "Sec-WebSocket-Extensions:\r\n";
    accepted(&[], &[UPGRADE, CONNECTION, ACCEPT, empty]).await;
}

#[tokio::test]
async fn a_subprotocol_that_was_asked_for_may_be_chosen() {
    const NAME: &str = "Sec-WebSocket-Protocol";
    let not_asked_for = "subprotocol that was not asked for";
    let answers = |chosen: &'static str| [UPGRADE, CONNECTION, ACCEPT, chosen];
    let (json, empty) = (
        "Sec-WebSocket-Protocol: json\r\n",
        "Sec-WebSocket-Protocol:\r\n",
    );

    for asked_for in [
        &[(NAME, "json")][..],
        &[(NAME, "xml"), ("sec-websocket-protocol", "json")],
        &[(NAME, "xml,json , s3cret")],
    ] {
        accepted(asked_for, &answers(json)).await;
        accepted(asked_for, &answers(empty)).await;
        // The feed need not choose.
        accepted(asked_for, &answers("")).await;
        for other in [
            "Sec-WebSocket-Protocol: cbor\r\n",
            "Sec-WebSocket-Protocol: JSON\r\n",
            "Sec-WebSocket-Protocol: json2\r\n",
            "Sec-WebSocket-Protocol: xml, json, s3cret\r\n",
            "Sec-WebSocket-Protocol: json\r\nSec-WebSocket-Protocol: xml\r\n",
        ] {
            let detail = refused(asked_for, &answers(other), not_asked_for).await;
            assert!(!detail.contains("s3cret"), "{detail}");
        }
    }
    refused(&[], &answers(json), not_asked_for).await;
    accepted(&[], &answers(empty)).await;
}

#[tokio::test]
async fn an_answer_in_tls_says_what_the_url_lacks() {
    refused_head(&[], "\u{15}\u{3}\u{1}\0\u{2}\u{2}F", "wss://").await;
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let upgraded = format!("HTTP/1.1 101 Switching Protocols\r\n{CONNECTION}{UPGRADE}{ACCEPT}\r\n");
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    let processing = "HTTP/1.1 102 Processing\r\n\r\n";
    accepted_head(&[], &format!("{processing}{hints}{upgraded}")).await;
    let endless = processing.repeat(100);
    refused_head(&[], &format!("{endless}{upgraded}"), "interim answers").await;
}

#[tokio::test]
async fn frames_right_behind_the_answer_are_received() {
    let (listener, mut stream) = listener_and_stream(&[]).await;
    let head = format!("HTTP/1.1 101 Switching Protocols\r\n{UPGRADE}{CONNECTION}{ACCEPT}\r\n");
    let mut bytes = Vec::new();
    for id in 1..=3 {
        let payload = frame(id);
        bytes.extend([0x81, u8::try_from(payload.len()).expect("a short frame")]);
        bytes.extend(payload.as_bytes());
    }
    let (now, later) = bytes.split_at(bytes.len() - 5);
    let server = async {
        let mut tcp = answer_and_more(&listener, &head, now).await;
        tcp.write_all(later).await.expect("the client listens");
        tcp
    };
    let (_tcp, ()) = tokio::join!(server, connected(&mut stream));
    assert_eq!(received(&mut stream, 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let lines = "X-Filler: 0123456789abcdef0123456789abcdef\r\n".repeat(100);
    accepted(&[], &[UPGRADE, CONNECTION, ACCEPT, &lines]).await;
    let long = format!("X-Filler: {}\r\n", "x".repeat(1 << 20));
    refused(&[], &[UPGRADE, CONNECTION, &long, ACCEPT], "16 KiB").await;
}
