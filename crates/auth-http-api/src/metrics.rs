//! The figures of signing in for Prometheus.

use std::{collections::BTreeMap, fmt, sync::Arc};

use auth_application::{Auth, Grant, LoginResult};
use http_kit::{Metrics, Writer};
use identity::EndReason;

use crate::{caller::OwnKeys, interface::ApiState, limits::Limits};

/// Where the figures are from.
pub(crate) struct AuthMetrics {
    auth: Arc<Auth>,
    limits: Arc<Limits>,
    keys: Arc<OwnKeys>,
    connections_in_use: Arc<dyn Fn() -> usize + Send + Sync>,
    build: [(&'static str, &'static str); 2],
}

impl AuthMetrics {
    pub(crate) fn new(state: &ApiState, keys: Arc<OwnKeys>, limits: Arc<Limits>) -> Self {
        Self {
            auth: Arc::clone(&state.auth),
            limits,
            keys,
            connections_in_use: Arc::clone(&state.connections_in_use),
            build: [
                ("version", state.service.version),
                ("commit", state.service.commit),
            ],
        }
    }

    fn write_tokens(
        &self,
        writer: &mut Writer<'_>,
        issued: &BTreeMap<(Grant, identity::ClientId), u64>,
    ) -> fmt::Result {
        let clients = self.auth.settings().clients.iter();
        // From the start, at 0: a rate over a series that appears with its first event misses that event.
        let series = clients.flat_map(|client| {
            [Grant::Code, Grant::Refresh].map(|grant| {
                let count = issued.get(&(grant, client.id().clone()));
                let labels = [("grant", grant.as_str()), ("client", client.id().as_str())];
                (labels, count.copied().unwrap_or_default())
            })
        });
        writer.counters(
            "auth_tokens_issued",
            "Pairs of tokens that were given, by what for and to whom",
            series,
        )
    }
}

impl Metrics for AuthMetrics {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let mut figures = self.auth.figures().snapshot();
        figures.logins.entry((LoginResult::In, "")).or_default();
        let logins = figures.logins.iter().map(|((result, reason), count)| {
            ([("result", result.as_str()), ("reason", *reason)], *count)
        });
        let help = "Browsers that came back from Steam, by how that ended and why";
        writer.counters("auth_logins", help, logins)?;
        let help = "How long Steam took to answer whether it has said something";
        writer.histogram("auth_steam_request_seconds", help, &figures.steam_seconds)?;
        let help = "Whether Steam could answer when it was asked last: 1 yes, 0 no, -1 it was not asked yet";
        let state: i64 = figures.steam_answers.map_or(-1, i64::from);
        writer.gauge("auth_steam_state", help, &state)?;
        self.write_tokens(writer, &figures.tokens_issued)?;
        let help = "Sessions that have ended because a refresh token came again";
        writer.counter("auth_refresh_reuse", help, figures.refresh_reuse)?;
        let ended = EndReason::ALL.map(|reason| {
            let count = figures.revocations.get(reason.code()).copied();
            ([("reason", reason.code())], count.unwrap_or_default())
        });
        let help = "Sessions that were ended, by why";
        writer.counters("auth_revocations", help, ended.into_iter())?;
        let help = "Times at which verifiers were perhaps not told of a session that was ended";
        writer.counter("auth_revocations_untold", help, figures.revocations_untold)?;
        let help = "Entries of the audit log that were lost";
        writer.counter("auth_audit_lost", help, figures.audit_lost)?;
        let limited = self.limits.refused();
        let limited = limited.map(|(endpoint, count)| ([("endpoint", endpoint)], count));
        let help = "Requests that were refused because their network asks too often";
        writer.counters("auth_rate_limited", help, limited)?;
        let age = self.auth.ring().active_age().unwrap_or_default();
        writer.gauge(
            "auth_signing_key_age_seconds",
            "For how long the key has signed that signs now; 0 if none does",
            &age.as_secs_f64(),
        )?;
        let in_use = u64::try_from((self.connections_in_use)()).unwrap_or(u64::MAX);
        let help = "Connections to the database that are in use";
        writer.gauge("auth_db_pool_in_use", help, &in_use)?;
        self.keys.verifier().write_figures(writer)?;
        writer.info("auth_build", "What is running", self.build)
    }
}
