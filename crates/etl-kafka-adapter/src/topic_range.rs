//! A part of the topic of summaries, read again.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use etl_application::backfill::Span;
use etl_application::ports::{BackfillOrigin, BackfillPiece, OriginError, Place};
use etl_application::{Answer, Content, Invalid};
use health_kit::Clock;
use kafka_kit::{
    scan::{ScanError, ScanPart, Scanned, Scanning, TopicScan},
    settings::SettingsError,
};
use tokio::time::Instant;

use crate::{
    judge::{Contract, judge},
    settings::KafkaSettings,
};

/// Records that are judged in one go.
const PIECE_RECORDS_MAX: usize = 500;
/// So long it is waited for a transaction that hides a part of the range: longer
/// than brokers leave one open, which is 15 minutes unless they are told otherwise.
const HIDDEN_TIME_MAX: Duration = Duration::from_mins(30);

/// The topic of summaries, for whoever reads a part of it again. It belongs to
/// no group, and touches no position of one; needs Read and Describe.
pub struct SummaryTopic {
    topic: Option<TopicScan>,
    clock: Arc<dyn Clock>,
}

/// A judged record, with its place and size; none if it was written at another time.
type Judged = (Place, usize, Option<Result<Answer, Invalid>>);

/// A part of the topic, from its position to its end.
pub struct SummaryRange {
    topic: TopicScan,
    span: Span,
    clock: Arc<dyn Clock>,
    /// What is left to read.
    parts: Vec<ScanPart>,
    /// How many offsets there were at first.
    whole: u64,
    reading: Option<Scanning<Result<Judged, ScanError>>>,
    /// Since when nothing but what a transaction hides is left.
    hidden_since: Option<Instant>,
}

impl SummaryTopic {
    /// Prepares to read; nothing is connected. By the clock it is judged what is
    /// from the future.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &KafkaSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        let topic = settings.match_summary_topic.as_deref();
        let topic =
            topic.map(|topic| TopicScan::new(&settings.client, topic, "KAFKA_MATCH_SUMMARY_TOPIC"));
        Ok(Self { topic, clock })
    }

    /// Finds what was written in a time and is there now, or goes on at a
    /// position that the range gave before: it ends where it was to end then.
    /// What a transaction hides is waited for; if that stays open for longer
    /// than brokers permit, the rest is not to be had.
    ///
    /// # Errors
    /// [`OriginError`].
    pub async fn open(&self, span: Span, at: &str) -> Result<SummaryRange, OriginError> {
        let Some(topic) = self.topic.clone() else {
            return Err(OriginError::Gone {
                detail: "KAFKA_MATCH_SUMMARY_TOPIC is empty: there is no topic to read".to_owned(),
            });
        };
        let mut range = SummaryRange {
            topic,
            span,
            clock: Arc::clone(&self.clock),
            parts: Vec::new(),
            whole: 0,
            reading: None,
            hidden_since: None,
        };
        if let Some((parts, whole)) = read_position(at) {
            (range.parts, range.whole) = (parts, whole);
            range.reopen().await?;
        } else {
            let (from, to) = (span.from.as_unix_ms(), span.to.as_unix_ms());
            let reading = range
                .topic
                .read_span(from, to, judged(span, Arc::clone(&range.clock)))
                .await;
            let reading = reading.map_err(|error| unavailable(&error))?;
            (range.parts, range.whole) = (reading.parts.clone(), reading.places);
            range.reading = Some(reading);
        }
        Ok(range)
    }
}

impl SummaryRange {
    /// Begins to read what is left.
    async fn reopen(&mut self) -> Result<(), OriginError> {
        let judged = judged(self.span, Arc::clone(&self.clock));
        let reading = self.topic.read_parts(self.parts.clone(), judged);
        let reading = reading.await.map_err(|error| unavailable(&error))?;
        for wanted in &self.parts {
            let mut found = reading.parts.iter();
            let found = found.find(|found| found.partition == wanted.partition);
            let next = found.map_or(wanted.end, |found| found.next);
            if next != wanted.next {
                let ScanPart {
                    partition, next, ..
                } = wanted;
                return Err(OriginError::Gone {
                    detail: format!(
                        "the topic does not have offset {next} of partition {partition} any more; \
                         begin another backfill for what is left"
                    ),
                });
            }
        }
        self.reading = Some(reading);
        Ok(())
    }

    /// What an error of the scan means to whoever waits for the range.
    fn not_read(&mut self, error: &ScanError) -> OriginError {
        if !error.is_hidden() {
            self.hidden_since = None;
            return unavailable(error);
        }
        let since = *self.hidden_since.get_or_insert_with(Instant::now);
        if since.elapsed() < HIDDEN_TIME_MAX {
            return unavailable(error);
        }
        OriginError::Gone {
            detail: format!("{error}; begin another backfill when it has ended"),
        }
    }

    fn piece(&mut self, read: Vec<Judged>) -> BackfillPiece {
        let mut piece = BackfillPiece::default();
        for (place, size_bytes, judged) in read {
            if let Place::Offset { partition, offset } = place {
                let mut parts = self.parts.iter_mut();
                if let Some(part) = parts.find(|part| part.partition == partition) {
                    part.next = offset.saturating_add(1).min(part.end);
                }
            }
            piece.size_bytes += size_bytes;
            match judged {
                Some(Ok(answer)) => piece.answers.push((place, answer)),
                Some(Err(invalid)) => piece.invalid.push((place, invalid)),
                None => {}
            }
        }
        self.parts.retain(|part| part.left() > 0);
        piece.position = write_position(&self.parts, self.whole);
        let left: u64 = self.parts.iter().map(ScanPart::left).sum();
        piece.done = Some(share(self.whole.saturating_sub(left), self.whole));
        piece
    }
}

#[async_trait]
impl BackfillOrigin for SummaryRange {
    fn goes_on(&self) -> bool {
        true
    }

    async fn next(&mut self) -> Result<Option<BackfillPiece>, OriginError> {
        if self.reading.is_none() {
            self.reopen().await?;
        }
        let Some(reading) = &mut self.reading else {
            return Ok(None);
        };
        let mut read = Vec::with_capacity(PIECE_RECORDS_MAX);
        if reading
            .records
            .recv_many(&mut read, PIECE_RECORDS_MAX)
            .await
            == 0
        {
            return Ok(None);
        }
        // After an error nothing follows. What came before it is read again.
        match read.into_iter().collect() {
            Ok(read) => {
                self.hidden_since = None;
                Ok(Some(self.piece(read)))
            }
            Err(error) => {
                self.reading = None;
                Err(self.not_read(&error))
            }
        }
    }
}

fn unavailable(error: &ScanError) -> OriginError {
    OriginError::Unavailable {
        detail: error.to_string(),
    }
}

/// Judges on the thread that reads.
fn judged(
    span: Span,
    clock: Arc<dyn Clock>,
) -> impl Fn(Result<Scanned, ScanError>) -> Result<Judged, ScanError> {
    move |scanned| {
        let record = scanned?.record;
        let place = Place::Offset {
            partition: record.from.partition,
            offset: record.offset,
        };
        let written_at = record.written_at_unix_ms.map(Timestamp::from_unix_ms);
        // What nobody has dated is meant rather than left out.
        if written_at.is_some_and(|at| at < span.from || at >= span.to) {
            return Ok((place, 0, None));
        }
        let judged = judge(record, Contract::MatchSummary, clock.now());
        let size_bytes = judged.raw.value_bytes().len();
        let answer = judged.content.map(|content| match content {
            Content::Summary(answer) => *answer,
            Content::Id(_) => unreachable!("a summary was asked for"),
        });
        Ok((place, size_bytes, Some(answer)))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody sees what is lost of so many offsets"
)]
fn share(done: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        done as f64 / whole as f64
    }
}

/// How many offsets there were at first, and what is left of each partition:
/// `1000 0:12-500 3:7-80`.
fn write_position(parts: &[ScanPart], whole: u64) -> String {
    let mut text = whole.to_string();
    for ScanPart {
        partition,
        next,
        end,
    } in parts
    {
        write!(text, " {partition}:{next}-{end}").expect("a string takes everything");
    }
    text
}

fn read_position(text: &str) -> Option<(Vec<ScanPart>, u64)> {
    let mut words = text.split(' ');
    let whole = words.next()?.parse().ok()?;
    let part = |word: &str| {
        let (partition, offsets) = word.split_once(':')?;
        let (next, end) = offsets.split_once('-')?;
        Some(ScanPart {
            partition: partition.parse().ok()?,
            next: next.parse().ok()?,
            end: end.parse().ok()?,
        })
    };
    let parts: Option<_> = words.map(part).collect();
    Some((parts?, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_is_written() {
        let part = |partition, next, end| ScanPart {
            partition,
            next,
            end,
        };
        for (parts, text) in [
            (vec![], "1000"),
            (
                vec![part(0, 12, 500), part(11, 7, 80)],
                "1000 0:12-500 11:7-80",
            ),
        ] {
            assert_eq!(write_position(&parts, 1000), text);
            assert_eq!(read_position(text), Some((parts, 1000)));
        }
        for nonsense in ["", "x", "1000 0:1", "1000 0-1:2", "lines=1 byte=2"] {
            assert_eq!(read_position(nonsense), None, "{nonsense}");
        }
    }
}
