//! The feed on real sockets: a TCP listener, and the truth over HTTP.

use std::{net::SocketAddr, ops::Deref, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{config::Config, feed::Feed, http::HttpInterface, start_error::StartError};

/// The pause after a failed accept: out of file descriptors does not get better by asking again.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Starts feeds on sockets.
pub struct Simulator;

/// A feed that is being served. Dropping it ends it, its connections included.
///
/// Everything a [`Feed`] can do, a running simulator can.
pub struct RunningSimulator {
    feed: Feed,
    websocket_address: SocketAddr,
    http: Option<HttpInterface>,
    stop: DropGuard,
    accepting: JoinHandle<()>,
}

impl Simulator {
    /// Listens, and serves the feed to whoever connects until it is stopped or dropped.
    ///
    /// # Errors
    /// The configuration cannot work, the recorded file cannot be replayed, or an address is taken.
    pub async fn start(config: Config) -> Result<RunningSimulator, StartError> {
        let feed = Feed::try_new(&config)?;
        let address = config.websocket_address;
        let listen_error = |source| StartError::Listen {
            address,
            purpose: "the websocket feed",
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let websocket_address = listener.local_addr().map_err(listen_error)?;
        let http = config
            .http_address
            .map(|address| HttpInterface::start(feed.clone(), address))
            .transpose()?;
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept_until(stop.clone(), listener, feed.clone()));
        Ok(RunningSimulator {
            feed,
            websocket_address,
            http,
            stop: stop.drop_guard(),
            accepting,
        })
    }
}

impl RunningSimulator {
    /// Where to connect to, such as `ws://127.0.0.1:40123/matches`. Any path will do.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws://{}/matches", self.websocket_address)
    }

    /// Where the feed is served.
    #[must_use]
    pub fn websocket_address(&self) -> SocketAddr {
        self.websocket_address
    }

    /// Where the truth is served, such as `http://127.0.0.1:40124/truth`, if it is.
    #[must_use]
    pub fn http_url(&self) -> Option<String> {
        self.http
            .as_ref()
            .map(|http| format!("http://{}/truth", http.address()))
    }

    /// The feed itself, to be kept beyond the simulator or shared with tasks.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Drops all connections and frees the addresses.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the simulator's listener had died");
        }
        if let Some(http) = self.http {
            http.stop().await;
        }
    }
}

impl Deref for RunningSimulator {
    type Target = Feed;

    fn deref(&self) -> &Feed {
        &self.feed
    }
}

/// Serves connections; they end with this future.
async fn accept_until(stop: CancellationToken, listener: TcpListener, feed: Feed) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => _ = connections.spawn(serve(feed.clone(), stream)),
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task has died");
                }
            }
        }
    }
    connections.shutdown().await;
}

async fn serve(feed: Feed, stream: TcpStream) {
    // Frames leave when they are due, not when more of them would fill a packet.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY is not set");
    }
    feed.serve_connection(stream).await;
}
