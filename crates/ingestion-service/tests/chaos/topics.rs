//! What a `read_committed` consumer finds in the topics after a run.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use contracts::MatchIdRecord;
use domain::MatchId;
use kafka_kit::embedded::{ReadFrom, TopicReader};
use tokio::task::spawn_blocking;

use crate::world::World;

/// A topic has no more when nothing comes for so long: nobody writes any more, and nobody hurts the brokers.
const QUIET: Duration = Duration::from_secs(10);
/// Records taken at once.
const CHUNK: usize = 10_000;

/// All that is in the topics.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The ids in the publish topic, sorted, repeated ones each time: 8 bytes a match.
    pub(crate) ids: Vec<i64>,
    /// Dead letters by reason.
    pub(crate) dead_letters: BTreeMap<String, u64>,
}

impl Found {
    /// Reads both topics from their beginnings.
    pub(crate) async fn read(world: &World) -> Result<Self> {
        let servers = world.cluster.bootstrap_servers().to_owned();
        let topic = world.topic.clone();
        let ids = spawn_blocking(move || published_ids(&servers, &topic));
        let servers = world.cluster.bootstrap_servers().to_owned();
        let topic = world.dead_letter_topic.clone();
        let dead_letters = spawn_blocking(move || dead_letters(&servers, &topic));
        Ok(Self {
            ids: ids.await??,
            dead_letters: dead_letters.await??,
        })
    }
}

fn published_ids(servers: &str, topic: &str) -> Result<Vec<i64>> {
    let reader = TopicReader::open(servers, topic, ReadFrom::Beginning)?;
    let mut ids: Vec<i64> = Vec::new();
    loop {
        let chunk = reader.read_values(CHUNK, QUIET, MatchIdRecord::decode_id)?;
        if chunk.is_empty() {
            break;
        }
        ids.extend(chunk.into_iter().map(MatchId::get));
    }
    ids.sort_unstable();
    Ok(ids)
}

fn dead_letters(servers: &str, topic: &str) -> Result<BTreeMap<String, u64>> {
    let reader = TopicReader::open(servers, topic, ReadFrom::Beginning)?;
    let mut by_reason = BTreeMap::new();
    loop {
        let records = reader.read(CHUNK, QUIET);
        if records.is_empty() {
            return Ok(by_reason);
        }
        for record in records {
            let reason = record.headers.iter().find(|(name, _)| name == "reason");
            let reason = reason.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
            *by_reason.entry(reason.unwrap_or_default()).or_default() += 1;
        }
    }
}
