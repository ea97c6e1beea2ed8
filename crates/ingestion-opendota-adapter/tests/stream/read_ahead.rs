//! What the client has read beyond the batch it hands over: every frame of it
//! is handed over, whoever ends the connection.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use ingestion_application::ports::{DisconnectReason, FeedReader as _};
use ingestion_opendota_adapter::stream::{ByteStream, Connector, MatchStream, TcpConnector};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};

use crate::common::{CLOCK, connected, default_settings, disconnected, frame, ids_of, received};

/// More than a batch, and together less than one read from a socket.
const FRAMES: usize = 1500;

/// Keeps a second handle of the client's socket, to see what has arrived.
struct WatchedConnector(Arc<Mutex<Option<std::net::TcpStream>>>);

#[async_trait]
impl Connector for WatchedConnector {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        TcpConnector.resolve(host, port).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn ByteStream>> {
        let stream = TcpStream::connect(address).await?.into_std()?;
        *self.0.lock().expect("nobody has panicked") = Some(stream.try_clone()?);
        Ok(Box::new(TcpStream::from_std(stream)?))
    }
}

/// A connection, both its ends, and `messages` on it that nobody has read yet.
async fn arrived(messages: &[Message]) -> (WebSocketStream<TcpStream>, MatchStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let watched = Arc::default();
    let mut stream = watched_stream(address, &watched);
    let server = async {
        let (tcp, _) = listener.accept().await.expect("a client comes");
        accept_async(tcp).await.expect("it speaks WebSocket")
    };
    let (mut server, ()) = tokio::join!(server, connected(&mut stream));
    for message in messages {
        server.feed(message.clone()).await.expect("there is room");
    }
    server.flush().await.expect("there is room");

    // The header of a short frame has two bytes.
    let bytes = messages.iter().map(|message| 2 + message.len()).sum();
    let mut seen = vec![0; bytes];
    let socket = watched.lock().expect("nobody has panicked").take();
    let socket = socket.expect("the client is connected");
    let all_has_arrived = async {
        while !socket.peek(&mut seen).is_ok_and(|count| count == bytes) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(10), all_has_arrived)
        .await
        .expect("it arrives in time");
    (server, stream)
}

fn watched_stream(
    upstream: SocketAddr,
    watched: &Arc<Mutex<Option<std::net::TcpStream>>>,
) -> MatchStream {
    MatchStream::try_over(
        &default_settings(format!("ws://{upstream}/matches")),
        Arc::new(WatchedConnector(Arc::clone(watched))),
        Arc::new(CLOCK),
        1,
    )
    .expect("valid settings")
}

fn numbered_frames() -> Vec<Message> {
    let ids = (1..).take(FRAMES);
    ids.map(|id| Message::text(frame(id))).collect()
}

#[tokio::test]
async fn a_goodbye_comes_after_everything_that_was_read() {
    let (mut server, mut stream) = arrived(&numbered_frames()).await;
    let mut ids = received(&mut stream, 1).await;
    assert_eq!(ids.len(), 256, "one batch");
    // After the first read, and so neither read nor received.
    let late = Message::text(frame(9999));
    server.send(late).await.expect("there is room");
    let server = async move {
        let Some(Ok(Message::Close(Some(close)))) = server.next().await else {
            panic!("nothing but a goodbye is said");
        };
        assert_eq!(close.code, CloseCode::Away);
        assert!(server.next().await.is_none());
    };
    let client = async {
        while let Some(batch) = stream.close().await {
            ids.extend(ids_of(batch));
        }
        assert!(ids.into_iter().eq((1..).take(FRAMES)));
        assert_eq!(stream.close().await, None, "it stays closed");
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn pings_amid_what_was_read_end_nothing() {
    let mut messages = vec![Message::Ping("here".into()); 600];
    messages.insert(0, Message::text(frame(1)));
    messages.push(Message::text(frame(2)));
    let (mut server, mut stream) = arrived(&messages).await;
    assert_eq!(received(&mut stream, 1).await, [1]);
    let server = async move { while let Some(Ok(_)) = server.next().await {} };
    let client = async {
        let batch = stream.close().await.expect("one more was read");
        assert_eq!(ids_of(batch), [2]);
        assert_eq!(stream.close().await, None);
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn a_pong_that_cannot_be_sent_costs_nothing_that_was_read() {
    let ping = Message::Ping("here".into());
    let messages = [vec![ping], numbered_frames()].concat();
    let (server, mut stream) = arrived(&messages).await;
    server
        .get_ref()
        .set_zero_linger()
        .expect("the socket is open");
    // It resets the connection.
    drop(server);
    let ids = received(&mut stream, FRAMES).await;
    assert!(ids.into_iter().eq((1..).take(FRAMES)));
    disconnected(&mut stream, DisconnectReason::ConnectionLost).await;
}
