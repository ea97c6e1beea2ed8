//! Matches of the simulated world, as records of the topic and as answers in memory.

use std::sync::Arc;

use anyhow::Result;
use contracts::{Header, MatchSummaryRecord, version};
use domain::Day;
use etl_application::{Answer, Facts};
use feed_simulator::{
    World,
    summaries::{Summaries, SummariesConfig, SummaryProducer, SummaryRecord},
};

/// All answers, of one day as far as its matches go, in the order of the topic.
pub struct Matches {
    /// On which most of them started: the first after the world's beginning.
    pub day: Day,
    /// In batches, cut as the service cuts them by its default settings.
    batches: Vec<Batch>,
    /// In the batches so far that are in the topic too.
    batches_in_topic: usize,
}

/// Answers that are stored together.
pub type Batch = Arc<Vec<Answer>>;

/// `WAREHOUSE_BATCH_ROWS` by default.
const BATCH_ROWS: usize = 50_000;

impl Matches {
    /// Makes them, and sends the first `count` of them to a topic.
    ///
    /// # Errors
    /// The topic does not take them.
    pub async fn make(total: u64, count: u64, topic: &SummaryProducer) -> Result<Self> {
        let world = World::new(1);
        let day = Day::try_new(2026, 4, 13)?;
        let records = Summaries::try_new(SummariesConfig {
            from: Some(day.start()),
            ..SummariesConfig::new(world, total.max(count))
        })?;
        let mut batches = Vec::new();
        let mut batches_in_topic = 0;
        let (mut open, mut rows) = (Vec::new(), 0);
        for (record, nth) in records.zip(1_u64..) {
            if nth <= count {
                topic.send(&record).await?;
            }
            let answer = answer(&record)?;
            rows += Facts::of(&answer).row_count();
            open.push(answer);
            // What is in the topic ends with a batch.
            if rows >= BATCH_ROWS || nth == count {
                batches.push(Arc::new(std::mem::take(&mut open)));
                rows = 0;
            }
            if nth == count {
                batches_in_topic = batches.len();
            }
        }
        batches.push(Arc::new(open));
        topic.flush().await?;
        Ok(Self {
            day,
            batches,
            batches_in_topic,
        })
    }

    /// Those that are in the topic.
    #[must_use]
    pub fn in_topic(&self) -> &[Batch] {
        &self.batches[..self.batches_in_topic]
    }

    /// The others.
    #[must_use]
    pub fn others(&self) -> &[Batch] {
        &self.batches[self.batches_in_topic..]
    }
}

fn answer(record: &SummaryRecord) -> Result<Answer> {
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| Header { name, value });
    let read = MatchSummaryRecord::decode(Some(&record.key), &record.value, headers)?;
    Ok(Answer {
        version: version(read.received_at, &record.value),
        source: read.source.into(),
        summary: read.summary,
    })
}
