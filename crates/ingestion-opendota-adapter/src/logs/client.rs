//! The log as the application sees it: one answer after another.

use std::{mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use client_kit::{Backoff, CallFailed, ClientLimits, HttpClient, StreamedAnswer};
use futures_util::future::BoxFuture;
use health_kit::Clock;
use ingestion_application::{
    SourceName,
    ports::{DisconnectReason, Disconnection, FeedEvent, FeedReader, ReceivedBatch},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, sleep_until};

use super::{SOURCE, listening::Listening, settings::LogsSettings};
use crate::{
    OWN_USER_AGENT,
    ending::{ConnectionEnd, RETRY_AFTER_MAX, quote, redirect_target},
    heard::Heard,
};

/// What an answer has to be.
const EVENT_STREAM: &str = "text/event-stream";

/// Opens answers without an end: the seam at which tests put another upstream.
#[async_trait]
pub trait EventStreams: Send + Sync {
    /// Asks for what is at `url`, of the media type `accept`, and returns with the
    /// head of the answer, within a time of its own.
    ///
    /// # Errors
    /// [`CallFailed`]: there is no answer.
    async fn open(&self, url: &str, accept: &'static str) -> Result<StreamedAnswer, CallFailed>;
}

#[async_trait]
impl EventStreams for HttpClient {
    async fn open(&self, url: &str, accept: &'static str) -> Result<StreamedAnswer, CallFailed> {
        Self::open(self, url, accept).await
    }
}

/// A feed of log lines that never gives up.
///
/// It owns no task: all it does happens within [`next`](FeedReader::next)
/// and [`close`](FeedReader::close), and stops when they are dropped.
/// Whatever a dropped call was waiting for goes on with the next one.
pub struct MatchLogs {
    answers: Arc<dyn EventStreams>,
    url: SecretString,
    /// Host and port, for people.
    name: String,
    clock: Arc<dyn Clock>,
    settings: LogsSettings,
    backoff: Backoff,
    state: State,
    /// Since when nobody is listening.
    unheard_since: Instant,
}

enum State {
    /// Before the next attempt.
    Waiting { until: Instant },
    /// An attempt is on its way; it has its own time limit.
    Opening(BoxFuture<'static, Result<StreamedAnswer, CallFailed>>),
    /// The answer has begun.
    Open(Box<Listening>),
}

impl MatchLogs {
    /// A feed over HTTP; nothing is connected before it is asked for events.
    ///
    /// The same `jitter_seed` repeats the same waits between attempts.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn try_new(
        settings: LogsSettings,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Result<Self, String> {
        let limits = ClientLimits {
            connect_time_max: settings.connect_timeout,
            call_time_max: settings.connect_timeout,
            // Of an answer that is none, nothing is read.
            body_bytes_max: 0,
        };
        let http = HttpClient::try_new(OWN_USER_AGENT, limits, None)?;
        Ok(Self::over(Arc::new(http), settings, clock, jitter_seed))
    }

    /// The same feed from whoever answers.
    #[must_use]
    pub fn over(
        answers: Arc<dyn EventStreams>,
        settings: LogsSettings,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Self {
        let now = Instant::now();
        Self {
            answers,
            url: settings.url.clone(),
            name: settings.name(),
            clock,
            backoff: Backoff::new(settings.backoff_min, settings.backoff_max, jitter_seed),
            settings,
            state: State::Waiting { until: now },
            unheard_since: now,
        }
    }

    async fn advance(&mut self) -> FeedEvent {
        loop {
            match &mut self.state {
                State::Waiting { until } => {
                    sleep_until(*until).await;
                    self.state = self.start_attempt();
                }
                State::Opening(attempt) => {
                    let answered = attempt.await;
                    match self.judge(answered) {
                        Ok(listening) => {
                            self.state = State::Open(Box::new(listening));
                            return FeedEvent::Connected;
                        }
                        Err(ending) => return self.disconnected(ending),
                    }
                }
                State::Open(listening) => match listening.listen().await {
                    Heard::Data(gathered) => {
                        self.backoff.forget();
                        return FeedEvent::Received(gathered.into_batch(self.clock.now()));
                    }
                    Heard::End(ending) => return self.disconnected(ending),
                },
            }
        }
    }

    fn start_attempt(&self) -> State {
        let (answers, url) = (Arc::clone(&self.answers), self.url.clone());
        State::Opening(Box::pin(async move {
            answers.open(url.expose_secret(), EVENT_STREAM).await
        }))
    }

    fn judge(
        &self,
        answered: Result<StreamedAnswer, CallFailed>,
    ) -> Result<Listening, ConnectionEnd> {
        let name = &self.name;
        let answer = answered.map_err(|error| match error {
            CallFailed::NoAnswer(timeout) => ConnectionEnd::new(
                DisconnectReason::ConnectTimeout,
                format!("connecting to {name}, and its answer, took longer than {timeout:?}"),
            ),
            other => ConnectionEnd::new(
                DisconnectReason::ConnectFailed,
                format!("{name}: {}", quote(&other.to_string())),
            ),
        })?;
        let head = &answer.head;
        if head.status != 200 {
            let mut detail = format!("{name} answered with status {}", head.status);
            if (300..400).contains(&head.status)
                && let Some(target) = head.header("location").map(redirect_target)
            {
                detail = format!("{detail}; it redirects to {target}, which is not followed");
            }
            let asked_for = head.retry_after(self.clock.now().as_unix_ms());
            return Err(ConnectionEnd {
                retry_after: asked_for.map(|wait| wait.min(RETRY_AFTER_MAX)),
                ..ConnectionEnd::new(DisconnectReason::Refused, detail)
            });
        }
        let content_type = head.header("content-type").unwrap_or("no content type");
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(EVENT_STREAM) {
            let detail = format!(
                "{name} answers with {}, and not with an event stream",
                quote(essence)
            );
            return Err(ConnectionEnd::new(DisconnectReason::ProtocolError, detail));
        }
        let LogsSettings {
            idle_timeout,
            renew_after,
            ..
        } = self.settings;
        Ok(Listening::new(answer, idle_timeout, renew_after))
    }

    /// Plans the next attempt: at once, where only the connection's time was over.
    fn disconnected(&mut self, ending: ConnectionEnd) -> FeedEvent {
        let retry_in = if ending.reason.is_planned() {
            Duration::ZERO
        } else {
            let asked_for = ending.retry_after.unwrap_or_default();
            self.backoff.next_wait().max(asked_for)
        };
        let until = Instant::now() + retry_in;
        self.state = State::Waiting { until };
        FeedEvent::Disconnected(Disconnection {
            reason: ending.reason,
            detail: ending.detail,
            retry_in,
        })
    }
}

#[async_trait]
impl FeedReader for MatchLogs {
    fn source(&self) -> SourceName {
        SOURCE
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        &DisconnectReason::OF_EVENT_STREAMS
    }

    async fn next(&mut self) -> FeedEvent {
        if let State::Open(listening) = &mut self.state {
            // Nobody has listened since the last call: no deadline came closer.
            listening.forgive(self.unheard_since.elapsed());
        }
        Attention(self).0.advance().await
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        if let State::Open(listening) = &mut self.state
            && let Some(gathered) = listening.take_read()
        {
            return Some(gathered.into_batch(self.clock.now()));
        }
        let until = Instant::now();
        drop(mem::replace(&mut self.state, State::Waiting { until }));
        None
    }
}

/// Notes when listening ended, also if it was cancelled.
struct Attention<'a>(&'a mut MatchLogs);

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        self.0.unheard_since = Instant::now();
    }
}
