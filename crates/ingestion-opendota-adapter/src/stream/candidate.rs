//! One of the upstreams that the feed can be read from, and when it may be tried.

use std::{sync::Arc, time::Duration};

use client_kit::Backoff;
use tokio::time::Instant;

use super::{
    link::{Link, Manners},
    upstream::Upstream,
};
use crate::ending::ConnectionEnd;

pub(super) struct Candidate {
    upstream: Arc<Upstream>,
    backoff: Backoff,
    /// It is left alone until then.
    not_before: Instant,
    /// What was last said of it in the log while another one was in use.
    told: String,
}

impl Candidate {
    pub(super) fn new(upstream: Upstream, backoff: Backoff) -> Self {
        Self {
            upstream: Arc::new(upstream),
            backoff,
            not_before: Instant::now(),
            told: String::new(),
        }
    }

    /// Host and port, for people.
    pub(super) fn name(&self) -> &str {
        self.upstream.name()
    }

    pub(super) fn not_before(&self) -> Instant {
        self.not_before
    }

    pub(super) fn connect(&self, manners: &Arc<Manners>) -> Link {
        Link::start(&self.upstream, manners)
    }

    /// It has proved itself with data.
    pub(super) fn proved(&mut self) {
        self.backoff.forget();
        self.told.clear();
    }

    /// It has failed, or ended: it is left alone for a while.
    pub(super) fn failed(&mut self, ending: &ConnectionEnd, now: Instant) {
        let asked_for = ending.retry_after.unwrap_or_default();
        self.not_before = now + self.backoff.next_wait().max(asked_for);
    }

    /// Says in the log why it is still not in use; once, as long as it is the same.
    pub(super) fn tell_failure(&mut self, ending: &ConnectionEnd, retry_in: Duration) {
        if self.told == ending.detail {
            return;
        }
        self.told.clone_from(&ending.detail);
        tracing::info!(
            source = %super::SOURCE,
            upstream = self.name(),
            reason = %ending.reason,
            retry_in_ms = u64::try_from(retry_in.as_millis()).ok(),
            "the preferred address of the feed cannot be used yet: {}",
            ending.detail
        );
    }
}
