//! The figures of loading as JSON.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{get, web};
use domain::Day;
use etl_application::{
    DayFigures, DeadLetterReason, EtlSnapshot, Freshness, LoadFigures, TopicFigures,
    ports::PartitionLag,
};
use http_kit::rfc3339;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiState,
    backfills::BackfillAnswer,
    wishes::{BudgetAnswer, WishesAnswer},
};

/// So many days are named at most; there may be more.
const NAMED_DAYS_MAX: usize = 100;

/// Loading at one moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct EtlAnswer {
    /// When that was.
    #[schema(format = DateTime)]
    at: String,
    /// What became of everything consumed.
    ledger: LedgerAnswer,
    /// The same by topic.
    topics: Vec<TopicAnswer>,
    /// Dead letters by reason.
    dead_letters: BTreeMap<&'static str, u64>,
    /// How far this member of the group has read, by partition.
    partitions: Vec<PartitionAnswer>,
    /// What is on its way to the warehouse.
    batch: BatchAnswer,
    /// How fast it goes.
    rates: RatesAnswer,
    /// How old matches are when they have been loaded.
    freshness: FreshnessAnswer,
    /// Rows that the warehouse has acknowledged, by table, repeated ones included.
    rows: BTreeMap<&'static str, u64>,
    /// Attempts to store that failed, by cause.
    retries: BTreeMap<&'static str, u64>,
    /// How the days are.
    days: DaysAnswer,
    /// What became of wishes for details.
    wishes: WishesAnswer,
    /// What may be asked for; null if nobody is asked.
    #[schema(required = true)]
    budget: Option<BudgetAnswer>,
    /// Past ranges that this process loads.
    backfills: Vec<BackfillAnswer>,
}

/// consumed = loaded + `dead_lettered` + pending, in every answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct LedgerAnswer {
    /// Records read by this process, what was read again included.
    consumed: u64,
    /// Everything that follows from them is in the warehouse.
    loaded: u64,
    /// Records set aside, acknowledged by the dead-letter topic.
    dead_lettered: u64,
    /// Consumed, and neither yet.
    pending: u64,
}

/// One topic.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopicAnswer {
    /// Which topic.
    topic: String,
    #[serde(flatten)]
    ledger: LedgerAnswer,
    /// How long ago the last record read had been written, in the partition
    /// farthest behind; 0 when all has been read, null if it is not known.
    #[schema(required = true)]
    seconds_behind: Option<f64>,
}

/// One partition of this member.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartitionAnswer {
    /// Its topic.
    topic: String,
    /// Its number there.
    partition: i32,
    /// The offset to go on at, as it was committed last; null if none is yet.
    #[schema(required = true)]
    position: Option<i64>,
    /// One above the last record there is; null if it is not known.
    #[schema(required = true)]
    high_watermark: Option<i64>,
    /// Records from the position on; null if it is not known.
    #[schema(required = true)]
    lag: Option<u64>,
}

/// What is on its way to the warehouse.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchAnswer {
    /// Records of the batch that is being filled.
    filling_records: usize,
    /// Batches that are being stored.
    in_flight: usize,
}

/// Over the last five to ten seconds.
#[derive(Serialize, ToSchema)]
pub(crate) struct RatesAnswer {
    /// Records read in a second.
    consumed_per_second: f64,
    /// Records loaded in a second.
    loaded_per_second: f64,
}

/// From the end of a match to its being loaded, of those loaded within the last
/// minute; null without any.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_field_names,
    reason = "the unit belongs into the name of every field of an answer"
)]
pub(crate) struct FreshnessAnswer {
    /// Half of them were at most so old.
    #[schema(required = true)]
    p50_seconds: Option<f64>,
    /// 95 of 100 were at most so old.
    #[schema(required = true)]
    p95_seconds: Option<f64>,
    /// 99 of 100 were at most so old.
    #[schema(required = true)]
    p99_seconds: Option<f64>,
}

/// How the days are, as the builder of this process sees them.
#[derive(Serialize, ToSchema)]
pub(crate) struct DaysAnswer {
    /// Days whose counters are behind their facts.
    dirty: usize,
    /// The earliest of them, at most 100.
    dirty_days: Vec<String>,
    /// How often a day has been built since the start.
    built: u64,
    /// How often a day did not add up.
    mismatches: u64,
    /// Days that did not add up when they were built last, at most 100; they
    /// keep their former counters.
    wrong: Vec<WrongDayAnswer>,
}

/// A day that does not add up.
#[derive(Serialize, ToSchema)]
pub(crate) struct WrongDayAnswer {
    /// Which day.
    #[schema(format = Date)]
    day: String,
    /// What is different.
    reason: String,
}

/// What became of everything consumed, and how the days are.
#[utoipa::path(
    tag = "etl",
    responses((status = 200, description = "The figures, now.", body = EtlAnswer))
)]
#[get("/api/v1/etl")]
pub(crate) async fn etl(state: web::Data<ApiState>) -> web::Json<EtlAnswer> {
    web::Json(state.etl.snapshot().into())
}

impl From<EtlSnapshot> for EtlAnswer {
    fn from(snapshot: EtlSnapshot) -> Self {
        let behind = snapshot.behind();
        let topics = snapshot.ledger.topics.iter();
        let topics = topics.map(|(topic, figures)| TopicAnswer {
            topic: topic.to_string(),
            ledger: (*figures).into(),
            seconds_behind: seconds(behind.get(topic).copied()),
        });
        let topics = topics.collect();
        let reasons = &snapshot.ledger.reasons;
        let dead_letters = DeadLetterReason::ALL.iter().map(|reason| {
            let count = reasons.get(reason).copied().unwrap_or_default();
            (reason.as_str(), count)
        });
        Self {
            at: rfc3339(snapshot.at.as_unix_ms()),
            ledger: snapshot.ledger.total().into(),
            topics,
            dead_letters: dead_letters.collect(),
            batch: BatchAnswer::from(&snapshot.load),
            rates: RatesAnswer {
                consumed_per_second: snapshot.rates.consumed_per_second,
                loaded_per_second: snapshot.rates.loaded_per_second,
            },
            freshness: snapshot.load.freshness.into(),
            rows: snapshot.load.rows,
            retries: snapshot.load.retries,
            days: DaysAnswer::from(&snapshot.days),
            wishes: WishesAnswer::from(&snapshot.details),
            budget: BudgetAnswer::of(&snapshot.details),
            backfills: snapshot.backfills.into_iter().map(Into::into).collect(),
            partitions: snapshot.partitions.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<TopicFigures> for LedgerAnswer {
    fn from(figures: TopicFigures) -> Self {
        Self {
            consumed: figures.consumed,
            loaded: figures.loaded,
            dead_lettered: figures.dead_lettered,
            pending: figures.pending,
        }
    }
}

impl From<PartitionLag> for PartitionAnswer {
    fn from(partition: PartitionLag) -> Self {
        Self {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            position: partition.position,
            high_watermark: partition.high_watermark,
            lag: partition.lag,
        }
    }
}

impl From<&LoadFigures> for BatchAnswer {
    fn from(figures: &LoadFigures) -> Self {
        Self {
            filling_records: figures.batch_records,
            in_flight: figures.batches_in_flight,
        }
    }
}

impl From<Freshness> for FreshnessAnswer {
    fn from(freshness: Freshness) -> Self {
        Self {
            p50_seconds: seconds(freshness.p50),
            p95_seconds: seconds(freshness.p95),
            p99_seconds: seconds(freshness.p99),
        }
    }
}

impl From<&DayFigures> for DaysAnswer {
    fn from(figures: &DayFigures) -> Self {
        let dirty_days = figures.dirty.iter().take(NAMED_DAYS_MAX);
        let wrong = figures.wrong.iter().take(NAMED_DAYS_MAX);
        Self {
            dirty: figures.dirty.len(),
            dirty_days: dirty_days.map(Day::to_string).collect(),
            built: figures.builds.count(),
            mismatches: figures.mismatches,
            wrong: wrong
                .map(|(day, reason)| WrongDayAnswer {
                    day: day.to_string(),
                    reason: reason.clone(),
                })
                .collect(),
        }
    }
}

fn seconds(duration: Option<Duration>) -> Option<f64> {
    duration.map(|it| it.as_secs_f64())
}
