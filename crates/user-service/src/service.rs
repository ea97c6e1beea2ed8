//! The wiring of the service, and the order in which its parts end.

use std::{convert::Infallible, net::TcpListener, sync::Arc};

use anyhow::Context as _;
use auth_kit::{TokenVerifier, VerifierParts};
use command_kit::{COMMIT, VERSION, conclude};
use health_kit::{Clock, Health, HealthReporter, HealthStatus, Readiness, SystemClock};
use http_kit::ServiceParts;
use service_kit::{exit_code::ExitCode, lifecycle::Lifecycle};
use sql_kit::{PostgresDatabase, PostgresHealth};
use tokio_util::sync::CancellationToken;
use user_application::{Profiles, ports::ProfileStore};
use user_http_api::ApiState;
use user_postgres_adapter::{PostgresProfiles, SCHEMA};

use crate::settings::Settings;

/// The service, put together and not yet running.
pub struct Service {
    listener: TcpListener,
    api: ApiState,
    /// None where profiles are kept elsewhere.
    database: Option<(PostgresDatabase, Arc<PostgresHealth>)>,
}

impl Service {
    /// Puts the service together, with profiles in the database of the settings. Taken from the world is the port of
    /// the HTTP interface; to be called within a runtime.
    ///
    /// `drain` is cancelled when the service is asked to end.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub fn build(settings: &Settings, drain: CancellationToken) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = database(settings)?;
        let health = PostgresHealth::new(database.clone(), Arc::clone(&clock))
            .with_tables(SCHEMA, settings.database.migrate);
        let store = Arc::new(PostgresProfiles::new(database.clone()));
        let database = Some((database, Arc::new(health)));
        Self::assemble(settings, store, database, &clock, drain)
    }

    /// The same with profiles that are kept elsewhere, as in memory; nothing of `[database]` is used then.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub fn build_on(
        settings: &Settings,
        store: Arc<dyn ProfileStore>,
        clock: &Arc<dyn Clock>,
        drain: CancellationToken,
    ) -> anyhow::Result<Self> {
        Self::assemble(settings, store, None, clock, drain)
    }

    fn assemble(
        settings: &Settings,
        store: Arc<dyn ProfileStore>,
        database: Option<(PostgresDatabase, Arc<PostgresHealth>)>,
        clock: &Arc<dyn Clock>,
        drain: CancellationToken,
    ) -> anyhow::Result<Self> {
        let listener = http_kit::listen(&settings.api.host, settings.api.port)?;
        let verifier = verifier(settings, Arc::clone(clock))?;
        let mut needed: Vec<Arc<dyn HealthReporter>> = Vec::new();
        if let Some((_, health)) = &database {
            needed.push(health.clone());
        }
        let mut reporters = needed.clone();
        reporters.push(Arc::new(verifier.clone()));
        let counted = database.as_ref().map(|(database, _)| database.clone());
        let api = ApiState {
            service: ServiceParts::new(
                settings.service_name.clone(),
                (VERSION, COMMIT),
                &settings.api,
                Health::new(reporters),
                Readiness::new(drain, needed),
            ),
            profiles: Arc::new(Profiles::new(store, Arc::clone(clock))),
            verifier,
            connections_in_use: Arc::new(move || {
                counted.as_ref().map_or(0, PostgresDatabase::in_use)
            }),
        };
        Ok(Self {
            listener,
            api,
            database,
        })
    }

    /// Where its HTTP interface answers.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs until `next_signal` says so, then finishes the answers that are under way.
    pub async fn run(
        self,
        lifecycle: Lifecycle,
        next_signal: impl AsyncFnMut() -> &'static str,
    ) -> ExitCode {
        tracing::info!(version = VERSION, commit = COMMIT, "started");
        let drain = lifecycle.drain();
        let verifier = self.api.verifier.clone();
        lifecycle.spawn(
            "http",
            user_http_api::serve(self.listener, self.api, drain.clone()),
        );
        let end = drain.clone();
        lifecycle.spawn("keys", async move {
            verifier.watch(end).await;
            Ok::<_, Infallible>(())
        });
        if let Some((_, health)) = &self.database {
            let health = Arc::clone(health);
            lifecycle.spawn("database", async move { health.watch(drain).await });
        }
        let ending = lifecycle.run(next_signal).await;
        let mut in_the_way = None;
        if let Some((database, health)) = self.database {
            in_the_way = health.in_the_way();
            database.close().await;
        }
        conclude(&ending, in_the_way)
    }
}

/// The database that the settings name.
pub(crate) fn database(settings: &Settings) -> anyhow::Result<PostgresDatabase> {
    let database = PostgresDatabase::named(&settings.database, &settings.service_name);
    database.context("DATABASE_URL is not given")
}

fn verifier(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<TokenVerifier> {
    let parts = VerifierParts {
        user_agent: user_agent(),
        when_without: HealthStatus::Unhealthy,
        sessions: None,
        clock,
    };
    TokenVerifier::try_new(&settings.auth, parts).map_err(anyhow::Error::msg)
}

/// What the service calls itself where it asks others.
pub(crate) fn user_agent() -> String {
    format!("user-service/{VERSION}")
}
