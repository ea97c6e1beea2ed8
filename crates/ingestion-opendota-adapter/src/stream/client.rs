//! The feed as the application sees it: one connection after another.

use std::{mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use client_kit::Backoff;
use futures_util::future::BoxFuture;
use health_kit::Clock;
use ingestion_application::{
    SourceName,
    ports::{DisconnectReason, Disconnection, FeedEvent, FeedReader, ReceivedBatch},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{
    SOURCE,
    connection::Connection,
    connector::{Connector, TcpConnector},
    format::StreamFormat,
    gate::Gate,
    handshake::Socket,
    progress::Progress,
    pulse::Pulse,
    settings::{StreamSettings, StreamSettingsError},
    upstream::Upstream,
};
use crate::{ending::ConnectionEnd, heard::Heard};

/// A WebSocket feed of matches that never gives up.
///
/// It owns no task: all it does happens within [`next`](FeedReader::next)
/// and [`close`](FeedReader::close), and stops when they are dropped.
/// Whatever a dropped call was waiting for goes on with the next one.
pub struct MatchStream {
    upstream: Arc<Upstream>,
    clock: Arc<dyn Clock>,
    connect_timeout: Duration,
    heartbeat: Duration,
    idle_timeout: Duration,
    format: StreamFormat,
    /// What is said on each connection first.
    subscribe: Option<SecretString>,
    backoff: Backoff,
    state: State,
    /// Since when nobody is listening.
    unheard_since: Instant,
}

enum State {
    /// Before the next attempt.
    Waiting { until: Instant },
    /// An attempt is on its way.
    Connecting {
        attempt: BoxFuture<'static, Result<(Socket, Gate), ConnectionEnd>>,
        progress: Arc<Progress>,
        deadline: Instant,
    },
    /// The connection stands.
    Open(Box<Connection>),
    /// The upstream is being told why we leave.
    Leaving {
        goodbye: BoxFuture<'static, ()>,
        until: Instant,
    },
}

impl MatchStream {
    /// A feed over TCP; nothing is connected before it is asked for events.
    ///
    /// The same `jitter_seed` repeats the same waits between attempts.
    ///
    /// # Errors
    /// Every setting that cannot work, the file of authorities included.
    pub fn try_new(
        settings: &StreamSettings,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Result<Self, StreamSettingsError> {
        Self::try_over(settings, Arc::new(TcpConnector), clock, jitter_seed)
    }

    /// The same feed over any network.
    ///
    /// # Errors
    /// As [`try_new`](Self::try_new).
    pub fn try_over(
        settings: &StreamSettings,
        connector: Arc<dyn Connector>,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Result<Self, StreamSettingsError> {
        let upstream = Upstream::try_new(settings, connector, Arc::clone(&clock))?;
        let now = Instant::now();
        Ok(Self {
            upstream: Arc::new(upstream),
            clock,
            connect_timeout: settings.connect_timeout,
            heartbeat: settings.heartbeat,
            idle_timeout: settings.idle_timeout,
            format: settings.format,
            subscribe: settings.subscribe.clone(),
            backoff: Backoff::new(settings.backoff_min, settings.backoff_max, jitter_seed),
            state: State::Waiting { until: now },
            unheard_since: now,
        })
    }

    async fn advance(&mut self) -> FeedEvent {
        loop {
            match &mut self.state {
                State::Waiting { until } => {
                    sleep_until(*until).await;
                    self.state = self.start_attempt();
                }
                State::Connecting {
                    attempt,
                    progress,
                    deadline,
                } => {
                    let progress = Arc::clone(progress);
                    match timeout_at(*deadline, attempt).await {
                        Ok(Ok((socket, gate))) => {
                            self.state = self.open(socket, gate);
                            return FeedEvent::Connected;
                        }
                        Ok(Err(ending)) => return self.disconnected(ending),
                        Err(_elapsed) => {
                            return self.disconnected(self.connect_timed_out(&progress));
                        }
                    }
                }
                State::Open(connection) => match connection.listen().await {
                    Heard::Data(gathered) => {
                        if !gathered.frames.is_empty() {
                            self.backoff.forget();
                        }
                        return FeedEvent::Received(gathered.into_batch(self.clock.now()));
                    }
                    Heard::End(ending) => return self.disconnected(ending),
                },
                State::Leaving { goodbye, until } => {
                    goodbye.await;
                    self.state = State::Waiting { until: *until };
                }
            }
        }
    }

    fn start_attempt(&self) -> State {
        let upstream = Arc::clone(&self.upstream);
        let progress = Arc::new(Progress::default());
        let seen = Arc::clone(&progress);
        State::Connecting {
            attempt: Box::pin(async move { upstream.connect(&seen).await }),
            progress,
            deadline: Instant::now() + self.connect_timeout,
        }
    }

    fn open(&self, socket: Socket, gate: Gate) -> State {
        let pulse = Pulse::new(self.heartbeat, self.idle_timeout, Instant::now());
        let subscribe = self.subscribe.as_ref().map(SecretString::expose_secret);
        let connection = Connection::new(socket, gate, pulse, self.format, subscribe);
        State::Open(Box::new(connection))
    }

    fn connect_timed_out(&self, progress: &Progress) -> ConnectionEnd {
        let (upstream, timeout) = (self.upstream.name(), self.connect_timeout);
        let progress = progress.get();
        let detail = format!("connecting to {upstream} took longer than {timeout:?}: {progress}");
        ConnectionEnd::new(DisconnectReason::ConnectTimeout, detail)
    }

    /// Plans the next attempt, and the goodbye if there is somebody to hear it.
    fn disconnected(&mut self, ending: ConnectionEnd) -> FeedEvent {
        let asked_for = ending.retry_after.unwrap_or_default();
        let retry_in = self.backoff.next_wait().max(asked_for);
        let until = Instant::now() + retry_in;
        let before = mem::replace(&mut self.state, State::Waiting { until });
        if let (State::Open(connection), Some(code)) = (before, ending.close_code) {
            let goodbye = Box::pin(connection.say_goodbye(code));
            self.state = State::Leaving { goodbye, until };
        }
        FeedEvent::Disconnected(Disconnection {
            reason: ending.reason,
            detail: ending.detail,
            retry_in,
        })
    }

    /// Nobody has listened since the last call: no deadline came closer.
    fn forgive_pause(&mut self) {
        let pause = self.unheard_since.elapsed();
        match &mut self.state {
            State::Connecting { deadline, .. } => *deadline += pause,
            State::Open(connection) => connection.forgive(pause),
            State::Waiting { .. } | State::Leaving { .. } => {}
        }
    }
}

#[async_trait]
impl FeedReader for MatchStream {
    fn source(&self) -> SourceName {
        SOURCE
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        &DisconnectReason::OF_WEBSOCKETS
    }

    async fn next(&mut self) -> FeedEvent {
        self.forgive_pause();
        Listening(self).0.advance().await
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        if let State::Open(connection) = &mut self.state
            && let Some(gathered) = connection.take_read().await
        {
            return Some(gathered.into_batch(self.clock.now()));
        }
        let now = Instant::now();
        match mem::replace(&mut self.state, State::Waiting { until: now }) {
            State::Open(connection) => connection.say_goodbye(CloseCode::Away).await,
            State::Leaving { goodbye, .. } => goodbye.await,
            State::Waiting { .. } | State::Connecting { .. } => {}
        }
        None
    }
}

/// Notes when listening ended, also if it was cancelled.
struct Listening<'a>(&'a mut MatchStream);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.unheard_since = Instant::now();
    }
}
