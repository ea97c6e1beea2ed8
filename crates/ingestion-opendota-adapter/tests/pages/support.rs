//! An upstream without a socket, and what a feed hands over.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::{MatchId, Timestamp};
use feed_simulator::upstream::{Outcome, Upstream};
use health_kit::Clock;
use ingestion_application::{
    Checkpoint, DeadLetterReason, FoundMatch,
    ports::{Disconnection, FeedEvent, FeedReader as _, ReceivedBatch},
};
use ingestion_opendota_adapter::pages::{PagesFeed, Plan};
use opendota_client::{OpenDota, OpenDotaSettings, PageList, ProcessMemory, Transport};
use secrecy::SecretString;
use test_kit::clock::RunningClock;
use tokio::time::{Instant, sleep};

/// When the default world of the simulator begins: not at the beginning of a minute.
pub(crate) const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_776_000_000);

/// For worlds of some thousand matches.
pub(crate) const SMALL: Plan = Plan {
    reach: 6_000,
    pages_max: 4,
    ..Plan::DEFAULT
};

/// Calls the simulated upstream in this process.
pub(crate) struct InProcess(pub(crate) Upstream);

#[async_trait]
impl Transport for InProcess {
    async fn get(&self, url: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        match self.0.answer(url.trim_start_matches("http://upstream")) {
            Outcome::Closed => Err(CallFailed::Connection("closed".to_owned())),
            Outcome::Answer(answer, delay) => {
                sleep(delay).await;
                let lower = |name| match name {
                    "X-Rate-Limit-Remaining-Minute" => "x-rate-limit-remaining-minute",
                    "X-Rate-Limit-Remaining-Day" => "x-rate-limit-remaining-day",
                    _ => "content-type",
                };
                let mut headers: Vec<(&'static str, &str)> = Vec::new();
                for (name, value) in &answer.headers {
                    headers.push((lower(*name), value.as_str()));
                }
                if !headers.iter().any(|(name, _)| *name == "content-type") {
                    headers.push(("content-type", "application/json; charset=utf-8"));
                }
                Ok(HttpAnswer::new(answer.status, &headers, answer.body))
            }
        }
    }
}

/// Answers from a list, and writes down what it was asked for; at its end the
/// last answer is repeated.
pub(crate) struct Script {
    answers: Mutex<VecDeque<HttpAnswer>>,
    asked: Mutex<Vec<(u64, String)>>,
    begun: Instant,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = HttpAnswer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
            begun: Instant::now(),
        })
    }

    /// Seconds, and paths with their query.
    pub(crate) fn asked(&self) -> Vec<(u64, String)> {
        self.asked.lock().expect("no panic").clone()
    }
}

#[async_trait]
impl Transport for Script {
    async fn get(&self, url: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        let path = url.trim_start_matches("http://upstream/api").to_owned();
        let asked = (self.begun.elapsed().as_secs(), path);
        self.asked.lock().expect("no panic").push(asked);
        let mut answers = self.answers.lock().expect("no panic");
        let answer = answers.pop_front().expect("there is one more");
        if answers.is_empty() {
            answers.push_back(HttpAnswer::new(
                answer.status,
                &[("content-type", "application/json")],
                answer.body.clone(),
            ));
        }
        Ok(answer)
    }
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> HttpAnswer {
    HttpAnswer::new(status, &[("content-type", "application/json")], body.into())
}

/// A page of these rows.
pub(crate) fn page(rows: &[String]) -> HttpAnswer {
    answer(200, format!("[{}]", rows.join(",")))
}

/// A row that says little.
pub(crate) fn row(id: i64) -> String {
    let start = BEGIN.unix_seconds() - 3_600;
    format!("{{\"match_id\":{id},\"start_time\":{start},\"duration\":1800}}")
}

pub(crate) fn settings(url: &str, has_key: bool) -> OpenDotaSettings {
    OpenDotaSettings {
        url: url.to_owned(),
        key: has_key.then(|| "key".into()),
        reserve_percent: 30,
        call_time_max: OpenDotaSettings::CALL_TIME_MAX,
    }
}

/// A feed, and what it has handed over.
pub(crate) struct Reading {
    pub(crate) feed: PagesFeed,
    pub(crate) client: Arc<OpenDota>,
    pub(crate) clock: Arc<dyn Clock>,
    lists: Vec<PageList>,
    plan: Plan,
    /// How often each match was handed over.
    pub(crate) ids: BTreeMap<MatchId, u32>,
    /// What was known of the match that was handed over last.
    pub(crate) last: BTreeMap<MatchId, FoundMatch>,
    pub(crate) odd: Vec<(DeadLetterReason, String)>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) ends: Vec<Disconnection>,
}

impl Reading {
    pub(crate) fn begin(
        transport: Arc<dyn Transport>,
        has_key: bool,
        lists: &[PageList],
        plan: Plan,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(RunningClock::from(BEGIN));
        let settings = settings("http://upstream/api", has_key);
        let memory = Arc::new(ProcessMemory::default());
        let client = OpenDota::over(transport, settings, memory, Arc::clone(&clock));
        Self::of(Arc::new(client), clock, lists, plan)
    }

    pub(crate) fn of(
        client: Arc<OpenDota>,
        clock: Arc<dyn Clock>,
        lists: &[PageList],
        plan: Plan,
    ) -> Self {
        let mut feed = PagesFeed::with_plan(Arc::clone(&client), lists, plan, Arc::clone(&clock));
        feed.resume(None);
        Self {
            feed,
            client,
            clock,
            lists: lists.to_vec(),
            plan,
            ids: BTreeMap::new(),
            last: BTreeMap::new(),
            odd: Vec::new(),
            checkpoint: None,
            ends: Vec::new(),
        }
    }

    /// Another process in its place, which begins at `place`, and knows nothing of
    /// the calls of the one before.
    pub(crate) fn restart(&mut self, transport: Arc<dyn Transport>, place: Option<Checkpoint>) {
        let settings = settings("http://upstream/api", true);
        let memory = Arc::new(ProcessMemory::default());
        let client = OpenDota::over(transport, settings, memory, Arc::clone(&self.clock));
        self.client = Arc::new(client);
        let (client, clock) = (Arc::clone(&self.client), Arc::clone(&self.clock));
        self.feed = PagesFeed::with_plan(client, &self.lists, self.plan, clock);
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

    /// Lets so much time go by, with the feed asked all the while.
    pub(crate) async fn pass(&mut self, time: std::time::Duration) {
        let ask = async {
            loop {
                self.next().await;
            }
        };
        let _elapsed = tokio::time::timeout(time, ask).await;
    }

    fn take(&mut self, batch: &ReceivedBatch) {
        for frame in &batch.frames {
            match frame {
                Ok(found) => {
                    *self.ids.entry(found.id()).or_default() += 1;
                    self.last.insert(found.id(), found.clone());
                }
                Err(odd) => {
                    let payload = String::from_utf8_lossy(&odd.payload).into_owned();
                    self.odd.push((odd.reason, payload));
                }
            }
        }
        if batch.checkpoint.is_some() {
            self.checkpoint.clone_from(&batch.checkpoint);
        }
    }
}
