//! What the service has said of gaps, over all its processes.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use crate::support::Service;

/// A time in which a feed could not be heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interruption {
    pub(super) source: &'static str,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// The gaps that were listed at any time.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// By source and beginning: the latest end, and the last state.
    listed: BTreeMap<(String, Timestamp), (Option<Timestamp>, String)>,
    expected: Vec<Interruption>,
}

impl Gaps {
    /// Looks at those that are listed now, if it answers.
    pub(super) async fn look(&mut self, service: &Service) {
        let Ok((200, body)) = service.get("/api/v1/ingestion/gaps").await else {
            return;
        };
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        for gap in answer["gaps"].as_array().into_iter().flatten() {
            let text = |field: &str| gap[field].as_str().unwrap_or_default();
            let (from, to) = (text("from").parse(), text("to").parse().ok());
            if let Ok(from) = from {
                let key = (text("source").to_owned(), from);
                self.listed.insert(key, (to, text("state").to_owned()));
            }
        }
    }

    pub(super) fn expect(&mut self, interruption: Interruption) {
        self.expected.push(interruption);
    }

    /// Interruptions that no gap, or no row of gaps, covers. Whoever was silent for a while
    /// before counts from when it was last heard.
    pub(super) fn not_listed(&self) -> Vec<Interruption> {
        let is_covered = |it: &&Interruption| {
            let of_source = self
                .listed
                .iter()
                .filter(|((name, _), _)| name == it.source);
            // Heard again, and lost again, within it.
            let mut up_to = it.from + 2.seconds();
            for ((_, from), (to, _)) in of_source {
                if *from <= up_to {
                    up_to = up_to.max(to.map_or(Timestamp::MAX, |to| to + 2.seconds()));
                }
            }
            up_to >= it.to
        };
        let expected = self.expected.iter();
        expected.filter(|it| !is_covered(it)).copied().collect()
    }

    /// How many of each source and state.
    pub(super) fn counts(&self) -> BTreeMap<(&str, &str), usize> {
        let mut counts = BTreeMap::new();
        for ((source, _), (_, state)) in &self.listed {
            *counts.entry((source.as_str(), state.as_str())).or_default() += 1;
        }
        counts
    }

    pub(super) fn expected_count(&self) -> usize {
        self.expected.len()
    }
}
