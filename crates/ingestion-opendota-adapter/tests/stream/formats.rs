//! What messages hold by each format, over TCP of this machine, and what is said first.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use ingestion_application::ports::{DisconnectReason, FeedEvent, FeedReader as _};
use ingestion_opendota_adapter::stream::{MatchStream, StreamFormat, StreamSettings};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use crate::common::{
    CLOCK, connected, default_settings, disconnected, frame, next, send_then_listen,
};

async fn listener_and_stream(
    change: impl FnOnce(StreamSettings) -> StreamSettings,
) -> (TcpListener, MatchStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let settings = change(StreamSettings {
        backoff_min: Duration::from_millis(10),
        backoff_max: Duration::from_millis(50),
        ..default_settings(format!("ws://{address}/matches"))
    });
    let stream = MatchStream::try_new(&settings, Arc::new(CLOCK), 1);
    (listener, stream.expect("valid settings"))
}

async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (tcp, _) = listener.accept().await.expect("a client comes");
    accept_async(tcp).await.expect("it speaks WebSocket")
}

/// What the feed hands over of `messages`: ids, the payloads of what is set aside, and how much
/// is passed over, until there are so many of all.
async fn taken(
    format: StreamFormat,
    messages: Vec<Message>,
    count: usize,
) -> (Vec<i64>, Vec<String>, u64, Vec<usize>) {
    let (listener, mut stream) =
        listener_and_stream(|settings| StreamSettings { format, ..settings }).await;
    let server = async {
        let mut socket = accept(&listener).await;
        for message in messages {
            socket.feed(message).await.expect("the client reads");
        }
        socket.flush().await.expect("the client reads");
        send_then_listen(socket, []).await;
    };
    let client = async {
        connected(&mut stream).await;
        let (mut ids, mut aside, mut passed_over) = (Vec::new(), Vec::new(), 0);
        let mut batches = Vec::new();
        while ids.len() + aside.len() + usize::try_from(passed_over).expect("few") < count {
            let FeedEvent::Received(batch) = next(&mut stream).await else {
                panic!("nothing of it costs the connection");
            };
            assert!(!batch.frames.is_empty() || batch.passed_over > 0);
            batches.push(batch.frames.len());
            passed_over += batch.passed_over;
            for frame in batch.frames {
                match frame {
                    Ok(found) => ids.push(found.id().get()),
                    Err(frame) => aside.push(String::from_utf8_lossy(&frame.payload).into_owned()),
                }
            }
        }
        assert_eq!(stream.close().await, None);
        (ids, aside, passed_over, batches)
    };
    tokio::join!(server, client).1
}

fn envelope(id: i64) -> String {
    format!(
        r#"{{"type":"MATCH","message":{{"match":{},"origin":"scanner"}}}}"#,
        frame(id)
    )
}

#[tokio::test]
async fn envelopes_of_another_type_are_passed_over_and_counted() {
    let messages = vec![
        Message::text(envelope(1)),
        Message::text(r#"{"type":"STATS","message":{"match":{"match_id":9}}}"#),
        Message::binary(envelope(2)),
        Message::binary(r#"{"type":"PLAYERS"}"#),
        Message::text(frame(3)),
        Message::text(envelope(4)),
    ];
    let (ids, aside, passed_over, _) = taken(StreamFormat::Envelope, messages, 6).await;
    assert_eq!(ids, [1, 2, 4]);
    assert_eq!(aside, [frame(3)], "an object is no envelope");
    assert_eq!(passed_over, 2);
}

#[tokio::test]
async fn lines_are_frames_of_their_own_and_come_in_batches() {
    let many: Vec<_> = (4..=2_003).map(frame).collect();
    let messages = vec![
        Message::text("\n"),
        Message::text(format!("{}\nPING\n\n{}\r\n", frame(1), frame(2))),
        Message::binary([frame(3).as_bytes(), b"\n{\"match_id\":9,\"a\":\"\xff\"}\n"].concat()),
        Message::text(""),
        Message::text(many.join("\n")),
    ];
    let (ids, aside, passed_over, batches) = taken(StreamFormat::Lines, messages, 2_005).await;
    assert!(ids.into_iter().eq(1..=2_003), "all, in order");
    assert_eq!(aside, ["PING", "{\"match_id\":9,\"a\":\"\u{FFFD}\"}"]);
    assert_eq!(passed_over, 0, "blank lines are nothing");
    assert!(batches.iter().all(|frames| *frames <= 256), "{batches:?}");
}

#[tokio::test]
async fn lines_that_had_been_read_are_handed_over_at_the_end() {
    let (listener, mut stream) = listener_and_stream(|settings| StreamSettings {
        format: StreamFormat::Lines,
        ..settings
    })
    .await;
    let server = async {
        let mut socket = accept(&listener).await;
        let many: Vec<_> = (1..=1_000).map(frame).collect();
        let message = Message::text(many.join("\n"));
        socket.send(message).await.expect("the client reads");
        send_then_listen(socket, []).await;
    };
    let client = async {
        connected(&mut stream).await;
        let FeedEvent::Received(batch) = next(&mut stream).await else {
            panic!("the first of the lines");
        };
        let mut frames = batch.frames;
        while let Some(batch) = stream.close().await {
            assert!(!batch.frames.is_empty());
            frames.extend(batch.frames);
        }
        assert_eq!(frames.len(), 1_000);
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn the_feed_is_told_what_is_wanted_after_each_connect() {
    let wanted = r#"{"subscribe":"matches"}"#;
    let (listener, mut stream) = listener_and_stream(|settings| StreamSettings {
        subscribe: Some(wanted.into()),
        ..settings
    })
    .await;
    let server = async {
        for id in 1..=2 {
            let mut socket = accept(&listener).await;
            let told = socket
                .next()
                .await
                .expect("a message")
                .expect("a whole one");
            assert_eq!(told, Message::text(wanted));
            let answer = Message::text(frame(id));
            socket.send(answer).await.expect("the client reads");
        }
    };
    let client = async {
        for id in 1..=2 {
            connected(&mut stream).await;
            assert_eq!(crate::common::received(&mut stream, 1).await, [id]);
            disconnected(&mut stream, DisconnectReason::ConnectionLost).await;
        }
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn what_is_passed_over_does_not_keep_a_silent_feed() {
    let (listener, mut stream) = listener_and_stream(|settings| StreamSettings {
        format: StreamFormat::Envelope,
        idle_timeout: Duration::from_millis(300),
        ..settings
    })
    .await;
    let server = async {
        let mut socket = accept(&listener).await;
        let other = Message::text(r#"{"type":"STATS"}"#);
        while socket.send(other.clone()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let client = async {
        connected(&mut stream).await;
        loop {
            match next(&mut stream).await {
                FeedEvent::Received(batch) => assert!(batch.frames.is_empty()),
                FeedEvent::Disconnected(end) => {
                    assert_eq!(end.reason, DisconnectReason::IdleTimeout);
                    break;
                }
                FeedEvent::Connected | FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {
                    panic!("it is connected")
                }
            }
        }
        drop(stream);
    };
    tokio::join!(server, client);
}
