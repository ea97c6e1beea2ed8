//! The topics after a run: all that was written there, judged by the contract,
//! and what the service has set aside.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use etl_application::{RawRecord, Record, ports::TopicPartition};
use etl_test_support::{
    records::{judge_id, judge_summary},
    reference::{Place, Reference},
};
use kafka_kit::embedded::{ReadFrom, TopicReader, TopicRecord};
use tokio::task::block_in_place;

use crate::support::{DEADLINE, Topics};

/// What the service writes behind the headers of a record that it sets aside.
const WHY: [&str; 5] = ["reason", "detail", "topic", "partition", "offset"];
/// So many differences are told.
const TOLD_MAX: usize = 5;

/// Every record of both topics.
pub(super) fn all_records(topics: &Topics) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for (topic, judge) in [
        (&topics.summaries, judge_summary as fn(&RawRecord) -> _),
        (&topics.ids, judge_id),
    ] {
        let name: Arc<str> = topic.as_str().into();
        for record in read(topics, topic)? {
            let from = TopicPartition {
                topic: Arc::clone(&name),
                partition: record.partition,
            };
            let offset = record.offset;
            let raw = raw(record);
            let content = judge(&raw);
            records.push(Record {
                from,
                offset,
                content,
                raw,
            });
        }
    }
    Ok(records)
}

fn read(topics: &Topics, topic: &str) -> Result<Vec<TopicRecord>> {
    block_in_place(|| {
        let reader = TopicReader::open(&topics.bootstrap_servers, topic, ReadFrom::Beginning)?;
        Ok(reader.read_to_end(DEADLINE)?)
    })
}

fn raw(record: TopicRecord) -> RawRecord {
    RawRecord {
        key: record.key,
        value: Some(record.value),
        headers: record.headers,
    }
}

/// What is wrong with the topic of dead letters; and how many there are.
pub(super) fn judge_dead_letters(
    topics: &Topics,
    records: &[Record],
    reference: &Reference,
) -> Result<(Vec<String>, usize)> {
    let places = records.iter();
    let places: BTreeMap<Place, &Record> = places
        .map(|record| ((record.from.clone(), record.offset), record))
        .collect();
    let letters = read(topics, &topics.dead_letters)?;
    let count = letters.len();
    let mut set_aside = BTreeSet::new();
    let mut wrong = Vec::new();
    for letter in letters {
        let mut letter = raw(letter);
        let own = letter.headers.len().saturating_sub(WHY.len());
        let why = letter.headers.split_off(own);
        let why = |name: &str| {
            let found = why.iter().find(|(of, _)| of == name);
            let (_, value) = found.with_context(|| format!("a dead letter has no {name}"))?;
            Ok::<_, anyhow::Error>(String::from_utf8(value.to_vec())?)
        };
        let from = TopicPartition {
            topic: why("topic")?.into(),
            partition: why("partition")?.parse()?,
        };
        let place = (from, why("offset")?.parse()?);
        let reason = why("reason")?;
        let expected = reference.dead_letters.get(&place);
        if expected.is_none_or(|expected| expected.as_str() != reason) {
            let detail = why("detail")?;
            wrong.push(format!(
                "{place:?} is a dead letter for {reason} ({detail}), expected {expected:?}"
            ));
        }
        let original = places.get(&place).map(|record| &record.raw);
        let is_same = original.is_some_and(|original| {
            (&original.key, &original.value, &original.headers)
                == (&letter.key, &letter.value, &letter.headers)
        });
        if !is_same {
            wrong.push(format!("the dead letter of {place:?} is not what it was"));
        }
        set_aside.insert(place);
    }
    let missing = reference.dead_letters.iter();
    let missing = missing.filter(|(place, _)| !set_aside.contains(place));
    wrong.extend(missing.map(|(place, reason)| {
        format!("{place:?} should be a dead letter for {reason}, and is none")
    }));
    let all = wrong.len();
    wrong.truncate(TOLD_MAX);
    if all > TOLD_MAX {
        wrong.push(format!(
            "{} more differences of dead letters",
            all - TOLD_MAX
        ));
    }
    Ok((wrong, count))
}
