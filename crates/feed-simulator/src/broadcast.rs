//! A websocket feed that tells everybody the same at the same moment, as public
//! ones do: who is not connected misses it, and nobody proves anything.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{
        broadcast::{self, Receiver, error::RecvError},
        watch,
    },
    task::JoinSet,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Who is so many matches behind is cut off, as real servers do.
const BEHIND_MAX: usize = 16_384;

/// A feed that is being served to everybody. Dropping it ends it.
pub struct Broadcast {
    address: SocketAddr,
    listeners: broadcast::Sender<i64>,
    sent: Mutex<Vec<i64>>,
    is_down: watch::Sender<bool>,
    _serving: DropGuard,
}

impl Broadcast {
    /// Serves it on a free port of the loopback interface.
    ///
    /// # Errors
    /// There is none.
    pub async fn start() -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (listeners, _) = broadcast::channel(BEHIND_MAX);
        let stop = CancellationToken::new();
        let address = listener.local_addr()?;
        let is_down = watch::Sender::new(false);
        let serving = serve(listener, listeners.clone(), is_down.subscribe());
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(serving).await });
        Ok(Arc::new(Self {
            address,
            listeners,
            sent: Mutex::default(),
            is_down,
            _serving: stop.drop_guard(),
        }))
    }

    /// Where to connect.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws://{}/matches", self.address)
    }

    /// How many are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.listeners.receiver_count()
    }

    /// Cuts off everybody who is connected, and whoever comes, until it is not down
    /// any more.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.send_replace(is_down);
    }

    /// Tells everybody who is connected of a match.
    pub fn send(&self, match_id: i64) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(match_id);
        // Nobody listens: then everybody misses it.
        let _ = self.listeners.send(match_id);
    }

    /// All that was sent, in its order.
    #[must_use]
    pub fn ids_sent(&self) -> Vec<i64> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.clone()
    }
}

async fn serve(
    listener: TcpListener,
    listeners: broadcast::Sender<i64>,
    is_down: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Without a descriptor the client tries again.
                let Ok((stream, _)) = accepted else { continue };
                let (listeners, mut is_down) = (listeners.clone(), is_down.clone());
                connections.spawn(async move {
                    tokio::select! {
                        biased;
                        // Whoever holds the sender has gone: so has everything.
                        _ = is_down.wait_for(|is_down| *is_down) => {}
                        () = tell(stream, listeners) => {}
                    }
                });
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// Tells one of them everything, from when it is connected until it is gone.
async fn tell(stream: TcpStream, listeners: broadcast::Sender<i64>) {
    let Ok(mut websocket) = accept_async(stream).await else {
        return;
    };
    let mut matches: Receiver<i64> = listeners.subscribe();
    drop(listeners);
    loop {
        tokio::select! {
            told = matches.recv() => {
                let text = match told {
                    Ok(match_id) => format!("{{\"match_id\":{match_id}}}"),
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                };
                if websocket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            // Pings are answered in passing.
            heard = websocket.next() => match heard {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::connect_async;

    use super::*;

    #[tokio::test]
    async fn everybody_is_told_the_same_from_when_he_is_connected() {
        let feed = Broadcast::start().await.expect("there is a port");
        let connect = async |count: usize| {
            let connected = connect_async(feed.websocket_url()).await;
            let (client, _) = connected.expect("it answers");
            while feed.connections() < count {
                tokio::task::yield_now().await;
            }
            client
        };
        let mut first = connect(1).await;
        feed.send(7);
        let mut second = connect(2).await;
        feed.send(8);
        let next = async |client: &mut tokio_tungstenite::WebSocketStream<_>| {
            let told = client.next().await.expect("it is open").expect("it works");
            told.into_text().expect("it is text").to_string()
        };
        assert_eq!(next(&mut first).await, r#"{"match_id":7}"#);
        assert_eq!(next(&mut first).await, r#"{"match_id":8}"#);
        assert_eq!(next(&mut second).await, r#"{"match_id":8}"#);
        assert_eq!(feed.ids_sent(), [7, 8]);
    }

    #[tokio::test]
    async fn nobody_is_told_anything_while_it_is_down() {
        let feed = Broadcast::start().await.expect("there is a port");
        let connected = connect_async(feed.websocket_url()).await;
        let (mut client, _) = connected.expect("it answers");
        feed.set_down(true);
        while let Some(Ok(_)) = client.next().await {}
        assert!(connect_async(feed.websocket_url()).await.is_err());
        feed.set_down(false);
        assert!(connect_async(feed.websocket_url()).await.is_ok());
    }
}
