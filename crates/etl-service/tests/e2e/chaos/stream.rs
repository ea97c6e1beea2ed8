//! What is written into the topics meanwhile: summaries of two sources in any
//! order, late, corrected, repeated and invalid ones, and bare ids.

use std::time::Duration;

use anyhow::{Context as _, Result};
use etl_application::{Answer, Content, RawRecord};
use etl_test_support::records::{id, judge_summary, moved, thin};
use feed_simulator::{
    World,
    summaries::{Knowledge, Summaries, SummariesConfig, SummaryProducer, SummaryRecord},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::support::Topics;

/// Matches of which each step of the schedule hears.
const MATCHES_PER_STEP: u64 = 160;
/// Records a second, as long as there are some for this step.
const RATE: u32 = 400;
/// What a clock's ticks may cost.
const PAUSES_MADE_UP: Duration = Duration::from_millis(50);
/// At most so many records are late at a time.
const LATE_MAX: usize = 500;

/// Writes until it is told to end.
pub(super) struct Stream {
    steps: watch::Sender<u64>,
    writing: JoinHandle<Result<u64>>,
}

impl Stream {
    /// Begins to write for the first of so many steps.
    pub(super) fn begin(topics: &Topics, seed: u64, steps_max: u64) -> Result<Self> {
        let summaries = Summaries::try_new(SummariesConfig {
            sources: vec![Knowledge::Pages, Knowledge::Sequence],
            span: Some(Duration::from_hours(72)),
            seed,
            repeat_fraction: 0.1,
            correct_fraction: 0.08,
            invalid_fraction: 0.02,
            ..SummariesConfig::new(World::new(1), MATCHES_PER_STEP * steps_max)
        })?;
        let (steps, step) = watch::channel(1);
        let writer = Writer {
            summaries: SummaryProducer::try_new(&topics.bootstrap_servers, &topics.summaries)?,
            ids: SummaryProducer::try_new(&topics.bootstrap_servers, &topics.ids)?,
            rng: StdRng::seed_from_u64(seed ^ 0x57_8EA3),
            late: Vec::new(),
            due: Instant::now(),
            sent: 0,
        };
        Ok(Self {
            steps,
            writing: tokio::spawn(writer.write(summaries, step)),
        })
    }

    /// Goes on with the next step.
    pub(super) fn step(&self) {
        self.steps.send_modify(|steps| *steps += 1);
    }

    /// Writes what is left; how many records that makes.
    pub(super) async fn end(self) -> Result<u64> {
        self.steps.send_replace(u64::MAX);
        self.writing.await?
    }
}

struct Writer {
    summaries: SummaryProducer,
    ids: SummaryProducer,
    rng: StdRng,
    /// What others overtake.
    late: Vec<RawRecord>,
    /// When the next record may go.
    due: Instant,
    sent: u64,
}

impl Writer {
    async fn write(mut self, mut of: Summaries, mut step: watch::Receiver<u64>) -> Result<u64> {
        while let Some(record) = of.next() {
            let started = of.sent().matches;
            step.wait_for(|steps| started < steps.saturating_mul(MATCHES_PER_STEP))
                .await
                .context("the test ends before its stream")?;
            let raw = raw(record);
            let answer = match judge_summary(&raw) {
                Ok(Content::Summary(answer)) => Some(answer),
                _ => None,
            };
            self.place(raw).await?;
            if let Some(answer) = answer {
                self.add(&answer).await?;
            }
        }
        while !self.late.is_empty() {
            self.send_a_late_one().await?;
        }
        self.summaries.flush().await?;
        self.ids.flush().await?;
        Ok(self.sent)
    }

    /// What somebody else says of the same match, now and then.
    async fn add(&mut self, answer: &Answer) -> Result<()> {
        match self.rng.random_range(0..100) {
            0..6 => {
                let moved = moved(answer, &mut self.rng);
                self.place(moved).await
            }
            6..10 => {
                let thin = thin(answer, &mut self.rng);
                self.place(thin).await
            }
            10..20 => {
                let id = id(answer.summary.match_id.get(), &mut self.rng);
                self.pace().await;
                Ok(self.ids.send(&record(id)).await?)
            }
            _ => Ok(()),
        }
    }

    /// Sends a record now, or later.
    async fn place(&mut self, raw: RawRecord) -> Result<()> {
        if self.late.len() < LATE_MAX && self.rng.random_bool(0.2) {
            self.late.push(raw);
        } else {
            self.send(raw).await?;
        }
        if !self.late.is_empty() && self.rng.random_bool(0.2) {
            self.send_a_late_one().await?;
        }
        Ok(())
    }

    async fn send_a_late_one(&mut self) -> Result<()> {
        let place = self.rng.random_range(0..self.late.len());
        let raw = self.late.swap_remove(place);
        self.send(raw).await
    }

    async fn send(&mut self, raw: RawRecord) -> Result<()> {
        self.pace().await;
        Ok(self.summaries.send(&record(raw)).await?)
    }

    async fn pace(&mut self) {
        sleep_until(self.due).await;
        // Time that nobody asked for a record in is not made up for.
        self.due = self.due.max(Instant::now() - PAUSES_MADE_UP) + Duration::from_secs(1) / RATE;
        self.sent += 1;
    }
}

fn raw(record: SummaryRecord) -> RawRecord {
    let headers = record.headers.into_iter();
    RawRecord {
        key: Some(record.key.into()),
        value: Some(record.value.into()),
        headers: headers.map(|(name, value)| (name, value.into())).collect(),
    }
}

fn record(raw: RawRecord) -> SummaryRecord {
    let headers = raw.headers.into_iter();
    SummaryRecord {
        key: raw.key.unwrap_or_default().into(),
        value: raw.value.unwrap_or_default().into(),
        headers: headers.map(|(name, value)| (name, value.into())).collect(),
    }
}
