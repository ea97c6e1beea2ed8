//! Readers that ask for many keys at once, as the promise is made to them.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use model_application::ports::ModelPublisher;

use crate::{Numbered, PATCH, hero_keys};

/// Reads all heroes of a slice and the overview of the patch, in one question.
pub struct Reader {
    publisher: Arc<dyn ModelPublisher>,
    keys: Vec<String>,
    seen: Seen,
}

/// What a reader has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often it was answered.
    pub reads: u64,
    /// The newest number; 0 for none.
    pub newest: u64,
    /// How many different numbers.
    pub numbers: u64,
}

impl Reader {
    /// Has seen nothing yet.
    #[must_use]
    pub fn new(publisher: Arc<dyn ModelPublisher>) -> Self {
        let mut keys = hero_keys();
        keys.push(format!("meta:patch_{PATCH}"));
        Self {
            publisher,
            keys,
            seen: Seen::default(),
        }
    }

    /// What it has seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// Forgets which number was the newest, as after a loss of all keys.
    pub fn forget(&mut self) {
        self.seen.newest = 0;
    }

    /// Reads once; the number of all values, or `None` when nothing is there at all.
    ///
    /// # Errors
    /// There is no answer; values are of different runs; one is missing; or the
    /// run is older than one that was seen before.
    pub async fn read(&mut self) -> Result<Option<u64>> {
        let values = self.publisher.published(&self.keys).await?;
        let there = values.iter().flatten().count();
        self.seen.reads += 1;
        if there == 0 && self.seen.newest == 0 {
            return Ok(None);
        }
        let of = values.len();
        ensure!(there == of, "missing: {there} of {of} keys are there");
        let runs: Vec<_> = values.iter().flatten().map(Numbered::of).collect();
        let Numbered { number, .. } = runs[0].context("it names no run")?;
        let others = runs.iter().filter(|other| **other != runs[0]).count();
        ensure!(
            others == 0,
            "mixed: {others} of {of} values are not of run {number}"
        );
        let newest = self.seen.newest;
        ensure!(
            number >= newest,
            "run {number} has overwritten run {newest}"
        );
        if number > newest {
            self.seen.numbers += 1;
        }
        self.seen.newest = number;
        Ok(Some(number))
    }
}
