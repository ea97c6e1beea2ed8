//! The client against a server of a few lines, over TCP of this machine.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use ingestion_application::{
    DeadLetterReason,
    ports::{DisconnectReason, FeedEvent, FeedReader as _, ReceivedBatch},
};
use ingestion_opendota_adapter::stream::{MatchStream, StreamSettings};
use ingestion_test_support::source::source_contract;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Bytes, Message,
        protocol::{
            CloseFrame,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use crate::common::{
    CLOCK, connected, default_settings, disconnected, frame, next, received, send_then_listen,
};

const MESSAGE_SIZE_MAX: usize = 4096;

/// A listener, and a client that is going to connect to it.
async fn listener_and_stream() -> (TcpListener, MatchStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let settings = StreamSettings {
        backoff_min: Duration::from_millis(10),
        backoff_max: Duration::from_millis(50),
        message_size_max: MESSAGE_SIZE_MAX,
        ..default_settings(format!("ws://{address}/matches"))
    };
    (listener, stream(&settings))
}

fn stream(settings: &StreamSettings) -> MatchStream {
    MatchStream::try_new(settings, Arc::new(CLOCK), 1).expect("valid settings")
}

async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (tcp, _) = listener.accept().await.expect("a client comes");
    accept_async(tcp).await.expect("it speaks WebSocket")
}

/// The next messages up to a close, and its code.
async fn close_code(socket: &mut WebSocketStream<TcpStream>) -> u16 {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(Some(close)))) => return close.code.into(),
            Some(Ok(_)) => {}
            other => panic!("{other:?} instead of a close"),
        }
    }
}

/// Sends fragments of one message, as they are.
async fn send_fragments(socket: &mut WebSocketStream<TcpStream>, kind: Data, parts: &[&[u8]]) {
    for (index, part) in parts.iter().enumerate() {
        let kind = if index == 0 { kind } else { Data::Continue };
        let is_last = index + 1 == parts.len();
        let fragment = Frame::message(Bytes::copy_from_slice(part), OpCode::Data(kind), is_last);
        // The client may leave amid a message that it does not like.
        let _ = socket.send(Message::Frame(fragment)).await;
    }
}

#[tokio::test]
async fn every_frame_arrives_in_order_and_in_batches() {
    let (listener, mut stream) = listener_and_stream().await;
    let server = async {
        let mut socket = accept(&listener).await;
        for id in 1..=5000 {
            socket
                .feed(Message::text(frame(id)))
                .await
                .expect("the client reads");
        }
        let not_json = Message::binary("PING");
        socket.send(not_json).await.expect("the client reads");
        send_then_listen(socket, [5001]).await;
    };
    let client = async {
        connected(&mut stream).await;
        let (mut ids, mut batches, mut invalid) = (Vec::new(), 0, Vec::new());
        while ids.len() < 5001 {
            let FeedEvent::Received(batch) = next(&mut stream).await else {
                panic!("an invalid frame costs no connection");
            };
            assert!(
                (1..=256).contains(&batch.frames.len()),
                "{}",
                batch.frames.len()
            );
            batches += 1;
            for frame in batch.frames {
                match frame {
                    Ok(found) => ids.push(found.id().get()),
                    Err(frame) => invalid.push(frame),
                }
            }
        }
        assert!(ids.into_iter().eq(1..=5001));
        assert!(batches < 2500, "{batches} batches");
        assert_eq!(invalid.len(), 1);
        assert_eq!(invalid[0].reason, DeadLetterReason::NotJson);
        assert_eq!(invalid[0].payload, "PING");
        assert_eq!(stream.close().await, None);
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn what_was_sent_before_the_end_arrives_before_it() {
    let (listener, mut stream) = listener_and_stream().await;
    let server = async {
        let mut socket = accept(&listener).await;
        for id in 1..=1000 {
            socket
                .feed(Message::text(frame(id)))
                .await
                .expect("the client reads");
        }
        // No close frame: the connection just ends.
        socket.flush().await.expect("the client reads");
        drop(socket);
    };
    let client = async {
        connected(&mut stream).await;
        assert!(received(&mut stream, 1000).await.into_iter().eq(1..=1000));
        disconnected(&mut stream, DisconnectReason::ConnectionLost).await;
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn close_codes_are_answered_and_told() {
    for (code, reason, expected) in [
        (1000, "", "the upstream closed with 1000 (done)"),
        (
            1012,
            "deploy",
            "the upstream closed with 1012 (restarting): deploy",
        ),
        (1013, "", "the upstream closed with 1013 (try again later)"),
        (
            4001,
            "key\u{7}",
            "the upstream closed with 4001 (private code): key\u{FFFD}",
        ),
    ] {
        let (listener, mut stream) = listener_and_stream().await;
        let server = async {
            let mut socket = accept(&listener).await;
            let close = CloseFrame {
                code: CloseCode::from(code),
                reason: reason.into(),
            };
            socket
                .send(Message::text(frame(1)))
                .await
                .expect("the client reads");
            socket.close(Some(close)).await.expect("the client reads");
            assert_eq!(close_code(&mut socket).await, code);
        };
        let client = async {
            connected(&mut stream).await;
            assert_eq!(received(&mut stream, 1).await, [1]);
            let end = disconnected(&mut stream, DisconnectReason::ClosedByUpstream).await;
            assert_eq!(end.detail, expected);
        };
        tokio::join!(server, client);
    }
}

#[tokio::test]
async fn a_fragmented_message_is_one_frame_even_with_pings_in_between() {
    let (listener, mut stream) = listener_and_stream().await;
    let server = async {
        let mut socket = accept(&listener).await;
        // The cuts go through characters.
        let text = r#"{"name":"é€😀","match_id":7}"#.as_bytes();
        let parts: Vec<&[u8]> = text.chunks(1).collect();
        let (first, rest) = parts.split_at(10);
        for (index, part) in first.iter().enumerate() {
            let kind = if index == 0 {
                Data::Text
            } else {
                Data::Continue
            };
            let fragment = Frame::message(Bytes::copy_from_slice(part), OpCode::Data(kind), false);
            socket
                .send(Message::Frame(fragment))
                .await
                .expect("the client reads");
        }
        socket
            .send(Message::Ping("here".into()))
            .await
            .expect("the client reads");
        let pong = socket.next().await.expect("an answer").expect("a message");
        assert_eq!(
            pong,
            Message::Pong("here".into()),
            "at once, amid a message"
        );
        for (index, part) in rest.iter().enumerate() {
            let is_last = index + 1 == rest.len();
            let fragment = Frame::message(
                Bytes::copy_from_slice(part),
                OpCode::Data(Data::Continue),
                is_last,
            );
            socket
                .send(Message::Frame(fragment))
                .await
                .expect("the client reads");
        }
        send_then_listen(socket, []).await;
    };
    let client = async {
        connected(&mut stream).await;
        assert_eq!(received(&mut stream, 1).await, [7]);
        assert_eq!(stream.close().await, None);
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn a_message_that_breaks_the_rules_costs_the_connection_and_nothing_else() {
    let half = vec![b' '; MESSAGE_SIZE_MAX / 2 + 1];
    let whole = [half.as_slice(), half.as_slice()].concat();
    let too_large = DisconnectReason::MessageTooLarge;
    let not_utf8 = DisconnectReason::NotUtf8;
    let cases: [(Data, &[&[u8]], DisconnectReason, u16); 6] = [
        (Data::Text, &[&whole], too_large, 1009),
        (Data::Binary, &[&whole], too_large, 1009),
        (Data::Text, &[&half, &half], too_large, 1009),
        (Data::Binary, &[&half, &half], too_large, 1009),
        (
            Data::Text,
            &[b"{\"match_id\":1,\"a\":\"\xff\"}"],
            not_utf8,
            1007,
        ),
        (Data::Text, &[b"{\"a\":\"\xe2", b"\x82\"}"], not_utf8, 1007),
    ];
    for (kind, parts, reason, code) in cases {
        let (listener, mut stream) = listener_and_stream().await;
        let server = async {
            let mut socket = accept(&listener).await;
            socket
                .send(Message::text(frame(1)))
                .await
                .expect("the client reads");
            send_fragments(&mut socket, kind, parts).await;
            // More than fits any buffer; a client that just left would reset the connection.
            let more = Message::binary(vec![0; 8 << 20]);
            socket
                .send(more)
                .await
                .expect("the client reads to the end");
            assert_eq!(close_code(&mut socket).await, code);
            drop(socket);
            send_then_listen(accept(&listener).await, [2]).await;
        };
        let client = async {
            connected(&mut stream).await;
            assert_eq!(received(&mut stream, 1).await, [1]);
            disconnected(&mut stream, reason).await;
            connected(&mut stream).await;
            assert_eq!(received(&mut stream, 1).await, [2]);
            assert_eq!(stream.close().await, None);
        };
        tokio::join!(server, client);
    }
}

#[tokio::test]
async fn the_largest_message_allowed_is_taken() {
    let (listener, mut stream) = listener_and_stream().await;
    let server = async {
        let socket = &mut accept(&listener).await;
        let message = format!("{:MESSAGE_SIZE_MAX$}", frame(5));
        send_fragments(socket, Data::Text, &[message.as_bytes()]).await;
        let (start, end) = message.as_bytes().split_at(9);
        send_fragments(socket, Data::Binary, &[start, end]).await;
        while let Some(Ok(_)) = socket.next().await {}
    };
    let client = async {
        connected(&mut stream).await;
        assert_eq!(received(&mut stream, 2).await, [5, 5]);
        assert_eq!(stream.close().await, None);
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn bytes_that_are_not_utf8_in_a_binary_message_are_a_dead_letter() {
    let (listener, mut stream) = listener_and_stream().await;
    let server = async {
        let mut socket = accept(&listener).await;
        let message = Message::binary(&b"{\"match_id\":1,\"a\":\"\xff\"}"[..]);
        socket.send(message).await.expect("the client reads");
        send_then_listen(socket, []).await;
    };
    let client = async {
        connected(&mut stream).await;
        let FeedEvent::Received(ReceivedBatch { frames, .. }) = next(&mut stream).await else {
            panic!("the connection goes on");
        };
        let invalid = frames[0].as_ref().expect_err("it is invalid");
        assert_eq!(invalid.reason, DeadLetterReason::NotUtf8);
        assert_eq!(stream.close().await, None);
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn the_stream_keeps_the_contract_of_its_port() {
    let (listener, mut stream) = listener_and_stream().await;
    let server = async {
        for _ in 0..source_contract::CONNECTIONS {
            let mut socket = accept(&listener).await;
            for id in source_contract::IDS {
                socket
                    .send(Message::text(frame(id)))
                    .await
                    .expect("the client reads");
            }
            socket.close(None).await.expect("the client reads");
            while let Some(Ok(_)) = socket.next().await {}
        }
        send_then_listen(accept(&listener).await, source_contract::IDS).await;
    };
    tokio::join!(server, source_contract::check(&mut stream));
}

#[tokio::test]
async fn it_stops_promptly_whatever_it_waits_for() {
    // Nobody answers the upgrade.
    let (listener, mut stream) = listener_and_stream().await;
    let attempt = timeout(Duration::from_millis(50), stream.next()).await;
    assert!(attempt.is_err(), "{attempt:?}");
    assert_stops_within(stream, Duration::from_millis(500)).await;

    // The next attempt is an hour away.
    let nobody = listener.local_addr().expect("it is bound");
    drop(listener);
    let mut settings = default_settings(format!("ws://{nobody}/"));
    (settings.backoff_min, settings.backoff_max) =
        (Duration::from_hours(1), Duration::from_hours(1));
    let mut stream = self::stream(&settings);
    disconnected(&mut stream, DisconnectReason::ConnectFailed).await;
    assert_stops_within(stream, Duration::from_millis(500)).await;

    // An upstream that answers a goodbye.
    let (listener, mut stream) = listener_and_stream().await;
    let server = async {
        let mut socket = accept(&listener).await;
        let code = close_code(&mut socket).await;
        while let Some(Ok(_)) = socket.next().await {}
        code
    };
    let client = async {
        connected(&mut stream).await;
        assert_stops_within(stream, Duration::from_millis(900)).await;
    };
    let (code, ()) = tokio::join!(server, client);
    assert_eq!(code, 1001);

    // And one that does not.
    let (listener, mut stream) = listener_and_stream().await;
    let (_held, ()) = tokio::join!(accept(&listener), connected(&mut stream));
    assert_stops_within(stream, Duration::from_millis(1500)).await;
}

#[tokio::test]
async fn a_proxy_that_is_not_used_is_mentioned() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = nobody.local_addr().expect("it is bound");
    drop(nobody);
    let mut settings = default_settings(format!("ws://{address}/"));
    let detail = async |settings: &StreamSettings| {
        disconnected(&mut stream(settings), DisconnectReason::ConnectFailed)
            .await
            .detail
    };
    let without = detail(&settings).await;
    assert!(!without.contains("proxy"), "{without}");
    settings.proxy_variables = vec!["HTTPS_PROXY".to_owned()];
    assert_eq!(
        detail(&settings).await,
        format!(
            "{without}; the feed is reached directly, without the proxy for which HTTPS_PROXY is set"
        )
    );
}

async fn assert_stops_within(mut stream: MatchStream, limit: Duration) {
    let start = Instant::now();
    assert_eq!(stream.close().await, None);
    assert!(start.elapsed() < limit, "{:?}", start.elapsed());
}
