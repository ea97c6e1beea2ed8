//! An upstream without a socket, and what a feed hands over.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::{MatchId, Timestamp};
use feed_simulator::{steam::SteamUpstream, upstream::Outcome};
use health_kit::Clock;
use ingestion_application::{
    Checkpoint, FoundMatch,
    ports::{Disconnection, FeedEvent, FeedReader as _, ReceivedBatch},
};
use ingestion_steam_adapter::{Start, SteamFeed};
use secrecy::{ExposeSecret as _, SecretString};
use steam_client::{Steam, SteamSettings, Transport};
use test_kit::clock::RunningClock;
use tokio::time::{Instant, sleep};

/// When the default world of the simulator begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_776_000_000);

/// Calls the simulated upstream in this process.
pub(crate) struct InProcess(pub(crate) SteamUpstream);

#[async_trait]
impl Transport for InProcess {
    async fn get(&self, url: &str, key: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let path = url.trim_start_matches("http://upstream");
        let and = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{and}key={}", key.expose_secret());
        match self.0.answer(&path) {
            Outcome::Closed => Err(CallFailed::Connection("closed".to_owned())),
            Outcome::Answer(answer, delay) => {
                sleep(delay).await;
                let json = ("Content-Type", "application/json".to_owned());
                let mut headers = answer.headers;
                if !headers.iter().any(|(name, _)| *name == "Content-Type") {
                    headers.push(json);
                }
                let lower = |name| match name {
                    "Retry-After" => "retry-after",
                    _ => "content-type",
                };
                let headers: Vec<_> = headers
                    .iter()
                    .map(|(name, value)| (lower(*name), value.as_str()))
                    .collect();
                Ok(HttpAnswer::new(answer.status, &headers, answer.body))
            }
        }
    }
}

type Told = Result<HttpAnswer, CallFailed>;

/// Answers from a list, and writes down when it was asked for what. At its end
/// every page is empty.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Told>>,
    pub(crate) asked: Mutex<Vec<(u64, String)>>,
    begun: Mutex<Option<Instant>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = HttpAnswer>) -> Arc<Self> {
        Self::telling(answers.into_iter().map(Ok))
    }

    pub(crate) fn telling(answers: impl IntoIterator<Item = Told>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            begun: Mutex::new(Some(Instant::now())),
            ..Self::default()
        })
    }

    /// Answers these next, and nothing of before.
    pub(crate) fn tell(&self, answers: impl IntoIterator<Item = HttpAnswer>) {
        let answers = answers.into_iter().map(Ok).collect();
        *self.answers.lock().expect("no panic") = answers;
    }

    /// Seconds, and where the page should begin; nothing for the newest number.
    pub(crate) fn asked(&self) -> Vec<(u64, Option<u64>)> {
        let asked = self.asked.lock().expect("no panic");
        let start = |query: &str| {
            let (_, rest) = query.split_once("start_at_match_seq_num=")?;
            rest.split('&').next()?.parse().ok()
        };
        asked.iter().map(|(at, url)| (*at, start(url))).collect()
    }
}

#[async_trait]
impl Transport for Script {
    async fn get(&self, url: &str, _: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let begun = self.begun.lock().expect("no panic").expect("it has begun");
        let asked = (begun.elapsed().as_secs(), url.to_owned());
        self.asked.lock().expect("no panic").push(asked);
        let answer = self.answers.lock().expect("no panic").pop_front();
        answer.unwrap_or_else(|| Ok(page(&[])))
    }
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> HttpAnswer {
    let headers = [("content-type", "application/json; charset=UTF-8")];
    HttpAnswer::new(status, &headers, body.into())
}

/// A page of these rows.
pub(crate) fn page(rows: &[String]) -> HttpAnswer {
    let rows = rows.join(",");
    let body = format!("{{\"result\":{{\"status\":1,\"matches\":[{rows}]}}}}");
    answer(200, body)
}

/// A match that ended just now, with an id that is not its number.
pub(crate) fn row(number: u64) -> String {
    row_at(number, BEGIN.unix_seconds())
}

pub(crate) fn row_at(number: u64, start_time: i64) -> String {
    let id = 10_000_u64.checked_sub(number).unwrap_or(number);
    format!("{{\"match_id\":{id},\"match_seq_num\":{number},\"start_time\":{start_time}}}")
}

/// A client with these keys, and its clock.
fn steam(
    transport: Arc<dyn Transport>,
    keys: &[&str],
    now: Timestamp,
) -> (Arc<Steam>, Arc<dyn Clock>) {
    let settings = SteamSettings {
        url: "http://upstream".to_owned(),
        keys: keys.iter().map(|key| (*key).into()).collect(),
        call_time_max: SteamSettings::CALL_TIME_MAX,
    };
    let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(now));
    let steam = Steam::over(transport, settings, Arc::clone(&clock), 7);
    (Arc::new(steam), clock)
}

/// A feed, and what it has handed over.
pub(crate) struct Reading {
    pub(crate) feed: SteamFeed,
    pub(crate) steam: Arc<Steam>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Vec<MatchId>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) ends: Vec<Disconnection>,
}

impl Reading {
    /// When the world begins.
    pub(crate) fn begin(transport: Arc<dyn Transport>, keys: &[&str], start: Start) -> Self {
        Self::begin_at(BEGIN, transport, keys, start)
    }

    pub(crate) fn begin_at(
        now: Timestamp,
        transport: Arc<dyn Transport>,
        keys: &[&str],
        start: Start,
    ) -> Self {
        let (steam, clock) = steam(transport, keys, now);
        let mut feed = SteamFeed::new(Arc::clone(&steam), start, Arc::clone(&clock));
        feed.resume(None);
        Self {
            feed,
            steam,
            clock,
            ids: Vec::new(),
            checkpoint: None,
            ends: Vec::new(),
        }
    }

    /// Another process in its place, which begins at `place`.
    pub(crate) fn restart(&mut self, place: Option<Checkpoint>) {
        let (steam, clock) = (Arc::clone(&self.steam), Arc::clone(&self.clock));
        self.feed = SteamFeed::new(steam, Start::At(0), clock);
        self.feed.resume(place);
    }

    pub(crate) async fn next(&mut self) -> FeedEvent {
        let event = self.feed.next().await;
        match &event {
            FeedEvent::Received(batch) => self.take(batch),
            FeedEvent::Disconnected(end) => self.ends.push(end.clone()),
            FeedEvent::Connected | FeedEvent::Covered(_) | FeedEvent::PassedOver(_) => {}
        }
        event
    }

    /// The next batch, whatever happens before.
    pub(crate) async fn batch(&mut self) -> ReceivedBatch {
        loop {
            if let FeedEvent::Received(batch) = self.next().await {
                return batch;
            }
        }
    }

    fn take(&mut self, batch: &ReceivedBatch) {
        let found = batch.frames.iter().filter_map(|frame| frame.as_ref().ok());
        self.ids.extend(found.map(FoundMatch::id));
        self.checkpoint.clone_from(&batch.checkpoint);
    }
}
