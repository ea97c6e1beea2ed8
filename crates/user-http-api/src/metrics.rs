//! The figures of profiles for Prometheus.

use std::{fmt, sync::Arc};

use auth_kit::TokenVerifier;
use http_kit::{Metrics, Writer};
use user_application::Profiles;

use crate::{figures::RequestFigures, interface::ApiState};

/// Where the figures are from.
pub(crate) struct UserMetrics {
    requests: Arc<RequestFigures>,
    profiles: Arc<Profiles>,
    verifier: TokenVerifier,
    connections_in_use: Arc<dyn Fn() -> usize + Send + Sync>,
    build: [(&'static str, &'static str); 2],
}

impl UserMetrics {
    pub(crate) fn new(state: &ApiState, requests: Arc<RequestFigures>) -> Self {
        Self {
            requests,
            profiles: Arc::clone(&state.profiles),
            verifier: state.verifier.clone(),
            connections_in_use: Arc::clone(&state.connections_in_use),
            build: [
                ("version", state.service.version),
                ("commit", state.service.commit),
            ],
        }
    }
}

impl Metrics for UserMetrics {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.counters(
            "user_requests",
            "Requests about profiles that were answered",
            // From the start, at 0: a rate over a series that appears with its first event misses that event.
            self.requests.counts().map(|(operation, outcome, count)| {
                ([("operation", operation), ("outcome", outcome)], count)
            }),
        )?;
        writer.counter(
            "user_conflicts",
            "Changes of what somebody else had changed in between",
            self.requests.conflicts(),
        )?;
        writer.histogram(
            "user_db_seconds",
            "How long calls of the database took",
            &self.profiles.figures().took(),
        )?;
        let in_use = u64::try_from((self.connections_in_use)()).unwrap_or(u64::MAX);
        writer.gauge(
            "user_db_pool_in_use",
            "Connections to the database that are in use",
            &in_use,
        )?;
        self.verifier.write_figures(writer)?;
        writer.info("user_build", "What is running", self.build)
    }
}
