//! What is in the topics: a pure function of the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::MatchId;
use etl_application::ports::TopicPartition;
use etl_application::{Answer, Content, RawRecord, Record};
use etl_test_support::records::{id, judge_id, judge_summary, moved, thin};
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
    raw: RawRecord,
}

impl Topics {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x70_71C5);
        let mut records = Vec::new();
        let summaries = Summaries::try_new(config(seed, &mut rng));
        for record in summaries.expect("the configuration is valid") {
            records.push(Unplaced {
                topic: SUMMARIES,
                raw: raw(record),
            });
        }
        let decoded: Vec<_> = records.iter().filter_map(decode).collect();
        for answer in &decoded {
            let dice = rng.random_range(0..100);
            let (topic, raw) = match dice {
                0..12 => (SUMMARIES, moved(answer, &mut rng)),
                12..17 => (SUMMARIES, thin(answer, &mut rng)),
                17..30 => (IDS, id(answer.summary.match_id.get(), &mut rng)),
                30..35 => (IDS, id(rng.random_range(1..1_000_000), &mut rng)),
                _ => continue,
            };
            // Anywhere: what is newer may come before what it corrects.
            let place = rng.random_range(0..=records.len());
            records.insert(place, Unplaced { topic, raw });
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
        let key = one.raw.key.iter().flatten();
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

fn decode(one: &Unplaced) -> Option<Answer> {
    match judge_summary(&one.raw) {
        Ok(Content::Summary(answer)) => Some(*answer),
        _ => None,
    }
}

/// What a consumer makes of a record, by the contract of its topic.
fn judge(one: &Unplaced, from: TopicPartition, offset: i64) -> Record {
    Record {
        from,
        offset,
        content: match one.topic {
            SUMMARIES => judge_summary(&one.raw),
            _ => judge_id(&one.raw),
        },
        raw: one.raw.clone(),
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
