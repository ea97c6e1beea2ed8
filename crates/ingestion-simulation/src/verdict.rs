//! The promises, and what was seen of them.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use domain::MatchId;
use ingestion_application::LedgerFigures;

use crate::{run::FINISHED_MS, sequence};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Matches that were received, with the time of it in milliseconds, are not in the topic.
    Lost(Vec<(MatchId, u64)>),
    /// Matches are in the topic more than once.
    Twice(Vec<MatchId>),
    /// Matches that the feed which keeps its place has not read, with those of
    /// which what it knows is missing.
    LeftOut(Vec<MatchId>),
    /// What was known of these matches was told more than once.
    ToldTwice(Vec<MatchId>),
    /// Invalid frames that were received are not in the dead-letter topic.
    DeadLettersLost {
        /// At least so many must be there …
        expected: usize,
        /// … and so many are.
        found: usize,
    },
    /// The ledger does not add up.
    Imbalance(LedgerFigures),
    /// What is pending is not delivered though nothing is in the way any more.
    Stuck(LedgerFigures),
    /// So many connections were tried within ten seconds.
    Hammered(usize),
    /// The journal became larger than it may.
    JournalTooLarge(u64),
    /// So many milliseconds after the first match that neither Kafka nor the
    /// journal could take, more were received.
    ReadOn(u64),
    /// Asked to end, the process lost what it held, or did not end in time.
    BadEnd(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// So many attempts of a feed within ten seconds are allowed.
const CONNECTIONS_MAX: usize = 12;

/// Compares what was received with what is in the topic.
pub(crate) fn judge_topic(
    received: &HashMap<MatchId, u64>,
    topic: &[MatchId],
) -> Result<(), Violation> {
    let mut counts = HashMap::new();
    for id in topic {
        *counts.entry(*id).or_insert(0_u32) += 1;
    }
    let twice: Vec<_> = counts
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(id, _)| *id)
        .collect();
    if !twice.is_empty() {
        return Err(Violation::Twice(twice));
    }
    let lost: Vec<_> = received
        .iter()
        .filter(|(id, _)| !counts.contains_key(id))
        .map(|(id, at_ms)| (*id, *at_ms))
        .collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(Violation::Lost(lost))
    }
}

/// Compares what the feed that keeps its place had to read with the topics:
/// all of it, whatever has happened to which process.
pub(crate) fn judge_sequence(
    topic: &[MatchId],
    summaries: &HashMap<MatchId, u32>,
) -> Result<(), Violation> {
    let topic: HashSet<_> = topic.iter().copied().collect();
    let all = (0..sequence::ended(FINISHED_MS)).map(sequence::id_at);
    let is_there = |id: &MatchId| topic.contains(id) && summaries.contains_key(id);
    let left_out: Vec<_> = all.filter(|id| !is_there(id)).collect();
    if !left_out.is_empty() {
        return Err(Violation::LeftOut(left_out));
    }
    let twice = summaries.iter().filter(|(_, count)| **count > 1);
    let twice: Vec<_> = twice.map(|(id, _)| *id).collect();
    if twice.is_empty() {
        Ok(())
    } else {
        Err(Violation::ToldTwice(twice))
    }
}

/// Looks for too many connections of so many feeds in the ten seconds before now.
pub(crate) fn judge_connections(at_ms: &[u64], now_ms: u64, feeds: usize) -> Result<(), Violation> {
    let recent = at_ms.iter().rev().take_while(|at| **at + 10_000 > now_ms);
    let count = recent.count();
    if count > CONNECTIONS_MAX * feeds {
        Err(Violation::Hammered(count))
    } else {
        Ok(())
    }
}
