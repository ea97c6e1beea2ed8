//! How far the lists were seen, for whoever shows it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use opendota_client::PageList;

/// How far one list was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListProgress {
    pub(crate) list: PageList,
    /// What was there then was handed over; before that was once so, when it was
    /// looked at first. None before that.
    pub(crate) complete_at: Option<Timestamp>,
    /// How many ids will not be looked at, for want of calls.
    pub(crate) given_up: u64,
}

/// Told by the feed, read by health and figures.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<Vec<ListProgress>>);

impl Progress {
    pub(crate) fn tell(&self, lists: impl Iterator<Item = ListProgress>) {
        let mut told = self.lock();
        told.clear();
        told.extend(lists);
    }

    pub(crate) fn lists(&self) -> Vec<ListProgress> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ListProgress>> {
        // It is told anew with each page, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ListProgress {
    /// How long ago everything was seen; nothing if the clock was set back.
    pub(crate) fn behind(&self, now: Timestamp) -> Option<Duration> {
        let ms = now.as_unix_ms() - self.complete_at?.as_unix_ms();
        Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
    }
}
