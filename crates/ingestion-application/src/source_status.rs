//! What is known of a feed's connection, and whether that is healthy.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use tokio::time::Instant;

use crate::{
    SourceName,
    ports::{CallFigures, DisconnectReason, Disconnection, UpstreamInUse},
};

/// After a planned end, the next connection has to stand within this time.
const PLANNED_TIME_MAX: Duration = Duration::from_secs(3);

/// Follows one feed's connection.
pub struct SourceStatus {
    source: SourceName,
    clock: Arc<dyn Clock>,
    /// Without data for so long a feed is silent.
    idle_timeout: Duration,
    connection: Mutex<Connection>,
    condition: Condition,
    calls: Option<Arc<dyn CallFigures>>,
}

struct Connection {
    state: ConnectionState,
    since: Timestamp,
    /// When data last came in, or following began.
    last_data: Instant,
    /// Since when it has not been read, for want of room: that is no silence of the feed.
    unread_since: Option<Instant>,
    /// Without data for too long: a new connection alone proves nothing.
    silent: bool,
    /// Since when the next connection is awaited, where the last one ended by plan.
    planned_since: Option<Instant>,
    upstream: Option<UpstreamInUse>,
    disconnections: BTreeMap<DisconnectReason, u64>,
    last: Option<Disconnection>,
}

/// Where a feed's connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// It is not asked, as another instance asks it.
    StandingBy,
    /// Before the first connection.
    Connecting,
    /// The connection stands.
    Connected,
    /// Lost, or not made; the next attempt is due.
    Reconnecting,
}

impl ConnectionState {
    /// The word used in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StandingBy => "standing_by",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// A feed's connection at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionSnapshot {
    /// Where it stands.
    pub state: ConnectionState,
    /// Since when.
    pub since: Timestamp,
    /// Which upstream it is connected to, where there can be several.
    pub upstream: Option<UpstreamInUse>,
    /// Ended connections and failed attempts, by every reason there can be for this feed.
    pub disconnections: Vec<(DisconnectReason, u64)>,
    /// The last of them.
    pub last_disconnection: Option<Disconnection>,
    /// Calls by how they ended, of a feed that is asked call by call.
    pub calls: Vec<(&'static str, u64)>,
    /// Calls that are still permitted, by window of time.
    pub budget_left: Vec<(&'static str, u64)>,
    /// How far each part of its work is behind.
    pub behind: Vec<(&'static str, Duration)>,
}

impl SourceStatus {
    /// A feed not yet connected, whose connections end for one of `reasons`, and
    /// which is silent without data for `idle_timeout`.
    #[must_use]
    pub fn new(
        source: SourceName,
        reasons: &[DisconnectReason],
        idle_timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            source,
            idle_timeout,
            connection: Mutex::new(Connection {
                state: ConnectionState::Connecting,
                since: clock.now(),
                last_data: Instant::now(),
                unread_since: None,
                silent: false,
                planned_since: None,
                upstream: None,
                disconnections: reasons.iter().map(|reason| (*reason, 0)).collect(),
                last: None,
            }),
            condition: Condition::new(
                format!("feed.{source}"),
                HealthStatus::Unhealthy,
                format!("{source}: not connected yet"),
                Arc::clone(&clock),
            ),
            clock,
            calls: None,
        }
    }

    /// The same with figures of its calls, if it makes any.
    #[must_use]
    pub fn with_calls(self, calls: Option<Arc<dyn CallFigures>>) -> Self {
        Self { calls, ..self }
    }

    /// Which feed.
    #[must_use]
    pub fn source(&self) -> SourceName {
        self.source
    }

    /// The connection stands, to the only upstream there is.
    pub fn connected(&self) {
        self.connected_to(None);
    }

    /// The connection stands, to this one if there can be several.
    pub fn connected_to(&self, upstream: Option<UpstreamInUse>) {
        let mut connection = self.lock();
        connection.upstream = upstream;
        connection.planned_since = None;
        connection.enter(ConnectionState::Connected, self.clock.now());
        connection.silent |= connection.silence() >= self.idle_timeout;
        if connection.silent {
            let to = connection.to_whom();
            let reason = format!("{}: connected again{to}, but no data yet", self.source);
            self.condition.set(HealthStatus::Unhealthy, reason);
        } else {
            self.set_healthy(&connection);
        }
    }

    /// Data has come in and has been handed on: only from here on the feed
    /// can be heard again.
    pub fn received(&self) {
        let mut connection = self.lock();
        connection.last_data = Instant::now();
        if connection.silent {
            connection.silent = false;
            self.set_healthy(&connection);
        }
    }

    /// The feed is not read, for want of room, until what this returns is dropped.
    pub(crate) fn unread(&self) -> Unread<'_> {
        self.lock().unread_since = Some(Instant::now());
        Unread(self)
    }

    /// The feed is not asked, as another instance asks it, until what this returns
    /// is dropped.
    pub(crate) fn stand_by(&self) -> StandingBy<'_> {
        let mut connection = self.lock();
        connection.enter(ConnectionState::StandingBy, self.clock.now());
        let reason = format!("{}: standing by, the active instance asks it", self.source);
        self.condition.set(HealthStatus::Healthy, reason);
        StandingBy(self)
    }

    /// The connection, or an attempt at one, is over.
    ///
    /// One that ended by plan stands, as far as others can see, until the next
    /// one is overdue or fails.
    pub fn disconnected(&self, disconnection: Disconnection) {
        let mut connection = self.lock();
        *connection
            .disconnections
            .entry(disconnection.reason)
            .or_default() += 1;
        if disconnection.reason.is_planned() && connection.state == ConnectionState::Connected {
            connection.planned_since = Some(Instant::now());
            connection.last = Some(disconnection);
            return;
        }
        connection.planned_since = None;
        connection.upstream = None;
        connection.enter(ConnectionState::Reconnecting, self.clock.now());
        connection.silent |= disconnection.reason == DisconnectReason::IdleTimeout;
        let reason = format!("{}: {}", self.source, disconnection.detail);
        self.condition.set(HealthStatus::Unhealthy, reason);
        connection.last = Some(disconnection);
    }

    /// The connection, now.
    #[must_use]
    pub fn snapshot(&self) -> ConnectionSnapshot {
        let calls = self.calls.as_deref();
        let mut connection = self.lock();
        self.judge_plan(&mut connection);
        ConnectionSnapshot {
            state: connection.state,
            since: connection.since,
            upstream: connection.upstream.clone(),
            disconnections: connection
                .disconnections
                .iter()
                .map(|(r, n)| (*r, *n))
                .collect(),
            last_disconnection: connection.last.clone(),
            calls: calls.map(CallFigures::calls).unwrap_or_default(),
            budget_left: calls.map(CallFigures::budget_left).unwrap_or_default(),
            behind: calls.map(CallFigures::behind).unwrap_or_default(),
        }
    }

    fn set_healthy(&self, connection: &Connection) {
        let to = connection.to_whom();
        let reason = format!("{}: connected{to}", self.source);
        self.condition.set(HealthStatus::Healthy, reason);
    }

    /// What ended by plan and was not followed in time is lost.
    fn judge_plan(&self, connection: &mut Connection) {
        let since = connection.planned_since;
        if since.is_some_and(|since| since.elapsed() >= PLANNED_TIME_MAX) {
            connection.planned_since = None;
            connection.upstream = None;
            connection.enter(ConnectionState::Reconnecting, self.clock.now());
            let reason = format!("{}: not connected again yet", self.source);
            self.condition.set(HealthStatus::Unhealthy, reason);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // Every update is whole before it can panic.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A feed that is not read.
pub(crate) struct Unread<'a>(&'a SourceStatus);

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        let mut connection = self.0.lock();
        if let Some(since) = connection.unread_since.take() {
            connection.last_data += since.elapsed();
        }
    }
}

/// A feed that another instance asks.
pub(crate) struct StandingBy<'a>(&'a SourceStatus);

impl Drop for StandingBy<'_> {
    fn drop(&mut self) {
        let mut connection = self.0.lock();
        connection.enter(ConnectionState::Connecting, self.0.clock.now());
        connection.last_data = Instant::now();
        let reason = format!("{}: not connected yet", self.0.source);
        self.0.condition.set(HealthStatus::Unhealthy, reason);
    }
}

impl HealthReporter for SourceStatus {
    /// Silence is judged here and now: whoever follows the feed may be stuck.
    fn checks(&self) -> Vec<HealthCheck> {
        let mut connection = self.lock();
        self.judge_plan(&mut connection);
        let is_connected = connection.state == ConnectionState::Connected;
        if is_connected && !connection.silent && connection.silence() >= self.idle_timeout {
            connection.silent = true;
            let reason = format!("{}: no data for {:?}", self.source, self.idle_timeout);
            self.condition.set(HealthStatus::Unhealthy, reason);
        }
        vec![self.condition.check()]
    }
}

impl Connection {
    /// How long it has been read without giving data.
    fn silence(&self) -> Duration {
        let until = self.unread_since.unwrap_or_else(Instant::now);
        until.duration_since(self.last_data)
    }

    /// Of several upstreams, the one in use; for a line of text.
    fn to_whom(&self) -> String {
        let upstream = self.upstream.as_ref().filter(|upstream| upstream.of > 1);
        upstream.map_or_else(String::new, |upstream| format!(" to {upstream}"))
    }

    fn enter(&mut self, state: ConnectionState, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests;
