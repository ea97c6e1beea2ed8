//! What is in the topics: a pure function of the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use contracts::{Header, MatchIdRecord, MatchSummaryRecord, RejectedRecord, version};
use domain::{MatchId, MatchSummary, Timestamp};
use etl_application::ports::TopicPartition;
use etl_application::{Answer, Content, DeadLetterReason, Invalid, RawRecord, Record};
use feed_simulator::World;
use feed_simulator::summaries::{Knowledge, Summaries, SummariesConfig, SummaryRecord};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// The topic of summaries.
pub(crate) const SUMMARIES: &str = "match_summaries";
/// The topic of bare ids.
pub(crate) const IDS: &str = "match_ids_raw";
const PARTITIONS_SUMMARIES: usize = 3;
const PARTITIONS_IDS: usize = 2;
/// Over so many days the matches of a run are spread.
const DAYS: u64 = 3;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// All records, and in which order they arrive.
pub(crate) struct Topics {
    pub(crate) partitions: BTreeMap<TopicPartition, Vec<Record>>,
    /// The partition of each record, in the order of arrival.
    pub(crate) arrivals: Vec<TopicPartition>,
    /// Matches that the warehouse refuses.
    pub(crate) refused: BTreeSet<MatchId>,
}

/// The world is the same in all runs: to make it takes a while.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::new(1))
}

/// A record before it has a place.
struct Unplaced {
    topic: &'static str,
    record: SummaryRecord,
}

impl Topics {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x70_71C5);
        let mut records = Vec::new();
        let summaries = Summaries::try_new(config(seed, &mut rng));
        for record in summaries.expect("the configuration is valid") {
            records.push(Unplaced {
                topic: SUMMARIES,
                record,
            });
        }
        let decoded: Vec<_> = records.iter().filter_map(decode).collect();
        for answer in &decoded {
            let dice = rng.random_range(0..100);
            let more = match dice {
                0..12 => moved(answer, &mut rng),
                12..17 => thin(answer, &mut rng),
                17..30 => id(answer.summary.match_id.get(), &mut rng),
                30..35 => id(rng.random_range(1..1_000_000), &mut rng),
                _ => continue,
            };
            // Anywhere: what is newer may come before what it corrects.
            let place = rng.random_range(0..=records.len());
            records.insert(place, more);
        }
        let mut topics = Self {
            partitions: partitions().map(|one| (one, Vec::new())).collect(),
            arrivals: Vec::new(),
            refused: BTreeSet::new(),
        };
        if rng.random_bool(0.5) {
            for _ in 0..rng.random_range(1..4) {
                let nth = rng.random_range(0..decoded.len());
                topics.refused.insert(decoded[nth].summary.match_id);
            }
        }
        for one in &records {
            topics.place(one);
        }
        topics
    }

    fn place(&mut self, one: &Unplaced) {
        let count = match one.topic {
            SUMMARIES => PARTITIONS_SUMMARIES,
            _ => PARTITIONS_IDS,
        };
        let key = one.record.key.iter();
        let sum: usize = key.map(|byte| usize::from(*byte)).sum();
        let from = partition(one.topic, sum % count);
        let records = self.partitions.entry(from.clone()).or_default();
        let offset = i64::try_from(records.len()).expect("a few hundred");
        records.push(judge(one, from.clone(), offset));
        self.arrivals.push(from);
    }

    pub(crate) fn record(&self, from: &TopicPartition, offset: i64) -> Option<&Record> {
        self.partitions
            .get(from)?
            .get(usize::try_from(offset).ok()?)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.partitions.values().flatten()
    }
}

/// Every partition of both topics.
pub(crate) fn partitions() -> impl Iterator<Item = TopicPartition> {
    let summaries = (0..PARTITIONS_SUMMARIES).map(|number| partition(SUMMARIES, number));
    summaries.chain((0..PARTITIONS_IDS).map(|number| partition(IDS, number)))
}

fn partition(topic: &str, number: usize) -> TopicPartition {
    TopicPartition {
        topic: Arc::from(topic),
        partition: i32::try_from(number).expect("a few"),
    }
}

fn config(seed: u64, rng: &mut StdRng) -> SummariesConfig {
    let count = rng.random_range(25..60);
    SummariesConfig {
        span: Some(Duration::from_hours(24 * DAYS)),
        sources: match rng.random_range(0..3) {
            0 => vec![Knowledge::Pages],
            1 => vec![Knowledge::Sequence, Knowledge::Pages],
            _ => vec![Knowledge::Pages, Knowledge::Sequence],
        },
        seed,
        repeat_fraction: 0.1,
        correct_fraction: 0.1,
        invalid_fraction: 0.05,
        ..SummariesConfig::new(world().clone(), count)
    }
}

/// A later answer of the same source that has the match on another day.
fn moved(answer: &Answer, rng: &mut StdRng) -> Unplaced {
    let days = if rng.random_bool(0.5) { 1 } else { -1 };
    let start_ms = answer.summary.start_time.as_unix_ms() + days * DAY_MS;
    let summary = MatchSummary {
        start_time: Timestamp::from_unix_ms(start_ms),
        ..answer.summary.clone()
    };
    told(summary, &answer.source, received_ms(answer) + 2 * DAY_MS)
}

/// What somebody says who knows a start and nothing else, of a match that may be nobody else's.
fn thin(answer: &Answer, rng: &mut StdRng) -> Unplaced {
    let id = match rng.random_range(0..2) {
        0 => answer.summary.match_id,
        _ => MatchId::try_new(rng.random_range(1..1_000_000)).expect("it is positive"),
    };
    let summary = MatchSummary::new(id, answer.summary.start_time);
    told(summary, "thin", received_ms(answer))
}

fn received_ms(answer: &Answer) -> i64 {
    i64::try_from(answer.version >> 16).expect("it was a time")
}

fn told(summary: MatchSummary, source: &str, received_ms: i64) -> Unplaced {
    let record = MatchSummaryRecord {
        summary,
        source,
        received_at: Timestamp::from_unix_ms(received_ms),
    };
    let encoded = record.encode();
    let headers = encoded.headers();
    let headers = headers.map(|header| (header.name.to_owned(), header.value.to_vec()));
    Unplaced {
        topic: SUMMARIES,
        record: SummaryRecord {
            key: encoded.key().to_vec(),
            value: encoded.value().to_vec(),
            headers: headers.into(),
        },
    }
}

fn id(raw: i64, rng: &mut StdRng) -> Unplaced {
    let is_valid = !rng.random_bool(0.1);
    let value = if is_valid {
        format!("{{\"match_id\":{raw}}}")
    } else {
        "nothing".to_owned()
    };
    Unplaced {
        topic: IDS,
        record: SummaryRecord {
            key: raw.to_string().into_bytes(),
            value: value.into_bytes(),
            headers: vec![("schema".to_owned(), MatchIdRecord::SCHEMA.into())],
        },
    }
}

fn decode(one: &Unplaced) -> Option<Answer> {
    let raw = raw(&one.record);
    match summary(&raw) {
        Ok(Content::Summary(answer)) => Some(*answer),
        _ => None,
    }
}

/// What a consumer makes of a record, by the contract of its topic.
fn judge(one: &Unplaced, from: TopicPartition, offset: i64) -> Record {
    let raw = raw(&one.record);
    let content = match one.topic {
        SUMMARIES => summary(&raw),
        _ => MatchIdRecord::judge(raw.key.as_deref(), raw.value_bytes(), headers(&raw))
            .map(|record| Content::Id(record.id)),
    };
    Record {
        from,
        offset,
        content: content.map_err(|rejected| Invalid {
            reason: reason(&rejected),
            detail: rejected.to_string(),
        }),
        raw,
    }
}

fn raw(record: &SummaryRecord) -> RawRecord {
    let headers = record.headers.iter();
    RawRecord {
        key: Some(Bytes::from(record.key.clone())),
        value: Some(Bytes::from(record.value.clone())),
        headers: headers
            .map(|(name, value)| (name.clone(), Bytes::from(value.clone())))
            .collect(),
    }
}

fn summary(raw: &RawRecord) -> Result<Content, RejectedRecord> {
    let record = MatchSummaryRecord::decode(raw.key.as_deref(), raw.value_bytes(), headers(raw))?;
    Ok(Content::Summary(Box::new(Answer {
        version: version(record.received_at, raw.value_bytes()),
        source: record.source.into(),
        summary: record.summary,
    })))
}

fn headers(raw: &RawRecord) -> impl Iterator<Item = Header<'_>> {
    let headers = raw.headers.iter();
    headers.map(|(name, value)| Header { name, value })
}

fn reason(rejected: &RejectedRecord) -> DeadLetterReason {
    DeadLetterReason::of_word(rejected.reason())
        .expect("each reason of the contract is one of loading")
}
