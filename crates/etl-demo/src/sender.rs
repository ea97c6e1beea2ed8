//! Sends the summaries of a simulated week, and says what became of them.

use std::time::Duration;

use anyhow::Context as _;
use domain::{CountingRules, Day, Timestamp};
use etl_application::{EtlStatus, ports::CounterStore};
use feed_simulator::{
    World,
    summaries::{Knowledge, SentSummaries, Summaries, SummariesConfig, SummaryProducer},
};
use health_kit::{Clock as _, SystemClock};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::DemoArguments;

/// One record in a hundred repeats another one, one corrects one, and one in a
/// thousand is invalid.
pub(super) const REPEAT_FRACTION: f64 = 0.01;
pub(super) const CORRECT_FRACTION: f64 = 0.01;
pub(super) const INVALID_FRACTION: f64 = 0.001;
/// What the matches are spread over, and how long ago the last of them ended.
const SPAN: Duration = Duration::from_hours(7 * 24);
const OVER_SINCE: Duration = Duration::from_hours(2);
/// How long loading and counting may take when the demo ends.
const LAST_TIME_MAX: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Records after which others of the thread get their turn.
const RECORDS_PER_TURN: u32 = 64;

/// A task that sends until it is told to stop or everything is sent.
pub(super) struct Sender {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<SentSummaries>>,
}

/// What was sent, and what was found of it.
pub(super) struct Verdict {
    /// What it is, how much was sent, and how much was found.
    pub(super) figures: Vec<(&'static str, u64, u64)>,
    /// Days that were found otherwise than they must be.
    pub(super) wrong_days: Vec<Day>,
    /// Whether everything was found in time.
    pub(super) is_complete: bool,
}

impl Sender {
    pub(super) fn start(
        bootstrap_servers: &str,
        topic: &str,
        arguments: &DemoArguments,
    ) -> anyhow::Result<Self> {
        let before_ms = (SPAN + OVER_SINCE).as_millis();
        let begin_ms = SystemClock.now().as_unix_ms() - i64::try_from(before_ms)?;
        let world = World::beginning(arguments.seed, Timestamp::from_unix_ms(begin_ms));
        let summaries = Summaries::try_new(SummariesConfig {
            // No players: ten rows more a match would be seen by nobody, and slow the first counters.
            sources: vec![Knowledge::Pages],
            span: Some(SPAN),
            seed: arguments.seed,
            repeat_fraction: REPEAT_FRACTION,
            correct_fraction: CORRECT_FRACTION,
            invalid_fraction: INVALID_FRACTION,
            ..SummariesConfig::new(world, arguments.matches)
        })?;
        let producer = SummaryProducer::try_new(bootstrap_servers, topic)?;
        let stop = CancellationToken::new();
        let sending = send(summaries, producer, arguments.rate, stop.clone());
        Ok(Self {
            stop,
            task: tokio::spawn(sending),
        })
    }

    /// Stops sending, waits until all that was sent is loaded and counted, and compares.
    pub(super) async fn finish(
        self,
        etl: &EtlStatus,
        counters: &dyn CounterStore,
        rules: &CountingRules,
    ) -> anyhow::Result<Verdict> {
        self.stop.cancel();
        let sent = self.task.await.context("sending has failed")??;
        let done = async {
            while !is_done(etl, counters, &sent).await {
                sleep(LOOK_EVERY).await;
            }
        };
        let is_complete = timeout(LAST_TIME_MAX, done).await.is_ok();
        let total = etl.snapshot().ledger.total();
        let expected = sent.days(rules);
        let (first, last) = (
            Day::from_days_since_epoch(0),
            Day::from_days_since_epoch(65_535),
        );
        let found = counters.days(first, last).await?;
        let builds = found.into_iter().filter_map(|state| state.build);
        let builds: Vec<_> = builds.collect();
        let wrong = expected.iter().filter(|(day, counts)| {
            !builds.iter().any(|build| {
                build.day == **day
                    && build.counted == counts.counted
                    && build.left_out == counts.left_out
            })
        });
        Ok(Verdict {
            figures: vec![
                (
                    "summaries",
                    sent.records - sent.invalid_total(),
                    total.loaded,
                ),
                ("invalid records", sent.invalid_total(), total.dead_lettered),
                (
                    "counted matches",
                    expected.values().map(|counts| counts.counted).sum(),
                    builds.iter().map(|build| build.counted).sum(),
                ),
            ],
            wrong_days: wrong.map(|(day, _)| *day).collect(),
            is_complete,
        })
    }
}

async fn is_done(etl: &EtlStatus, counters: &dyn CounterStore, sent: &SentSummaries) -> bool {
    let total = etl.snapshot().ledger.total();
    let is_loaded = total.consumed >= sent.records && total.pending == 0;
    // What the builder tells is as old as its last look at the marks.
    is_loaded
        && counters
            .dirty_days(1)
            .await
            .is_ok_and(|dirty| dirty.is_empty())
}

async fn send(
    mut summaries: Summaries,
    producer: SummaryProducer,
    rate: f64,
    stop: CancellationToken,
) -> anyhow::Result<SentSummaries> {
    let begun = Instant::now();
    let mut count = 0_u32;
    while !stop.is_cancelled()
        && let Some(record) = summaries.next()
    {
        producer.send(&record).await?;
        count = count.saturating_add(1);
        if rate > 0.0 {
            let next = begun + Duration::from_secs_f64(f64::from(count) / rate);
            let _ = stop
                .run_until_cancelled(tokio::time::sleep_until(next))
                .await;
        } else if count.is_multiple_of(RECORDS_PER_TURN) {
            tokio::task::yield_now().await;
        }
    }
    producer.flush().await?;
    Ok(summaries.into_sent())
}
