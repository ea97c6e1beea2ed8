//! The topic as its consumers read it, followed while instances come and go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Result;
use contracts::MatchIdRecord;
use domain::MatchId;
use kafka_kit::embedded::{ReadFrom, TopicReader};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{Topics, wait_until};

/// How long the reader waits for something.
const READ_WAIT: Duration = Duration::from_millis(50);

/// How often each match was read.
pub(crate) struct Account {
    counts: Arc<Mutex<HashMap<i64, usize>>>,
    _reading: DropGuard,
}

impl Account {
    /// Follows the topic in a thread of its own.
    pub(crate) fn open(topics: &Topics) -> Result<Self> {
        let counts: Arc<Mutex<HashMap<i64, usize>>> = Arc::default();
        let reader = TopicReader::open(
            &topics.bootstrap_servers,
            &topics.publish,
            ReadFrom::Beginning,
        )?;
        let stop = CancellationToken::new();
        thread::spawn({
            let (counts, stop) = (Arc::clone(&counts), stop.clone());
            move || {
                while !stop.is_cancelled() {
                    let read = reader.read_values(100, READ_WAIT, MatchIdRecord::decode_id);
                    let ids = read.expect("the topic holds nothing but ids");
                    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                    for id in ids.into_iter().map(MatchId::get) {
                        *counts.entry(id).or_default() += 1;
                    }
                }
            }
        });
        Ok(Self {
            counts,
            _reading: stop.drop_guard(),
        })
    }

    /// The highest id that was read; 0 before the first.
    pub(crate) fn highest(&self) -> i64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.keys().max().copied().unwrap_or_default()
    }

    /// Asserts that each of `sent` was read once, and nothing else.
    pub(crate) async fn check(&self, sent: &[i64]) {
        let counts = || {
            let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.clone()
        };
        let missing = || {
            let counts = counts();
            let missing = sent.iter().filter(|id| !counts.contains_key(id));
            missing.copied().collect::<Vec<_>>()
        };
        wait_until(&format!("none of {} is missing", sent.len()), async || {
            missing().is_empty()
        })
        .await;
        let counts = counts();
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "read more than once: {twice:?}");
        assert_eq!(counts.len(), sent.len(), "nothing else is there");
    }
}
