//! One connection to one upstream, from the attempt at it to its end.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use ingestion_application::ports::DisconnectReason;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{
    connection::Connection, format::StreamFormat, gate::Gate, handshake::Socket,
    progress::Progress, pulse::Pulse, settings::StreamSettings, upstream::Upstream,
};
use crate::{
    ending::ConnectionEnd,
    heard::{Gathered, Heard},
};

/// How every upstream of the feed is spoken to.
pub(super) struct Manners {
    connect_timeout: Duration,
    heartbeat: Duration,
    pub(super) idle_timeout: Duration,
    format: StreamFormat,
    /// What is said on each connection first.
    subscribe: Option<SecretString>,
}

/// What happens on a link.
pub(super) enum LinkEvent {
    /// The connection stands.
    Connected,
    /// As on a connection; the end also of an attempt.
    Heard(Heard),
}

pub(super) struct Link {
    manners: Arc<Manners>,
    state: LinkState,
}

enum LinkState {
    /// An attempt is on its way.
    Connecting {
        attempt: BoxFuture<'static, Result<(Socket, Gate), ConnectionEnd>>,
        /// Host and port, for people.
        upstream: String,
        progress: Arc<Progress>,
        deadline: Instant,
    },
    /// The connection stands.
    Open(Box<Connection>),
}

impl Manners {
    pub(super) fn of(settings: &StreamSettings) -> Self {
        Self {
            connect_timeout: settings.connect_timeout,
            heartbeat: settings.heartbeat,
            idle_timeout: settings.idle_timeout,
            format: settings.format,
            subscribe: settings.subscribe.clone(),
        }
    }
}

impl Link {
    pub(super) fn start(upstream: &Arc<Upstream>, manners: &Arc<Manners>) -> Self {
        let upstream = Arc::clone(upstream);
        let progress = Arc::new(Progress::default());
        let seen = Arc::clone(&progress);
        Self {
            state: LinkState::Connecting {
                upstream: upstream.name().to_owned(),
                attempt: Box::pin(async move { upstream.connect(&seen).await }),
                progress,
                deadline: Instant::now() + manners.connect_timeout,
            },
            manners: Arc::clone(manners),
        }
    }

    /// Waits for what happens next; after the end nothing else does.
    ///
    /// Cancel safe: whatever a dropped call was waiting for goes on with the next one.
    pub(super) async fn next(&mut self) -> LinkEvent {
        match &mut self.state {
            LinkState::Connecting {
                attempt,
                upstream,
                progress,
                deadline,
            } => match timeout_at(*deadline, attempt).await {
                Ok(Ok((socket, gate))) => {
                    self.state = LinkState::Open(Box::new(self.manners.open(socket, gate)));
                    LinkEvent::Connected
                }
                Ok(Err(ending)) => LinkEvent::Heard(Heard::End(ending)),
                Err(_elapsed) => {
                    let timeout = self.manners.connect_timeout;
                    let detail = format!(
                        "connecting to {upstream} took longer than {timeout:?}: {}",
                        progress.get()
                    );
                    let ending = ConnectionEnd::new(DisconnectReason::ConnectTimeout, detail);
                    LinkEvent::Heard(Heard::End(ending))
                }
            },
            LinkState::Open(connection) => LinkEvent::Heard(connection.listen().await),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, LinkState::Open(_))
    }

    /// Nobody has listened for so long.
    pub(super) fn forgive(&mut self, pause: Duration) {
        match &mut self.state {
            LinkState::Connecting { deadline, .. } => *deadline += pause,
            LinkState::Open(connection) => connection.forgive(pause),
        }
    }

    /// What had been read before the first call; reads nothing more.
    pub(super) async fn take_read(&mut self) -> Option<Gathered> {
        match &mut self.state {
            LinkState::Connecting { .. } => None,
            LinkState::Open(connection) => connection.take_read().await,
        }
    }

    /// Tells the other side that we leave, if there is one.
    pub(super) fn say_goodbye(self, code: CloseCode) -> Option<BoxFuture<'static, ()>> {
        match self.state {
            LinkState::Connecting { .. } => None,
            LinkState::Open(connection) => Some(Box::pin(connection.say_goodbye(code))),
        }
    }
}

impl Manners {
    fn open(&self, socket: Socket, gate: Gate) -> Connection {
        let pulse = Pulse::new(self.heartbeat, self.idle_timeout, Instant::now());
        let subscribe = self.subscribe.as_ref().map(SecretString::expose_secret);
        Connection::new(socket, gate, pulse, self.format, subscribe)
    }
}
