//! The wiring of the service, and the order in which its parts end.

use std::{convert::Infallible, net::TcpListener, sync::Arc};

use anyhow::{Context as _, Result};
use auth_application::{
    Auth, AuthParts, KeyRing, Stores,
    ports::{PersonLookup, RevocationList},
};
use auth_http_api::ApiState;
use auth_kit::TokenVerifier;
use auth_postgres_adapter::{PostgresStore, SCHEMA};
use auth_steam_adapter::{SteamChecker, SteamPeople};
use auth_token_adapter::{SealedKeys, SealedSigner, SystemChance, key_set};
use command_kit::{COMMIT, VERSION, conclude};
use health_kit::{Clock, Health, HealthReporter, HealthStatus, Readiness, SystemClock};
use http_kit::ServiceParts;
use redis_kit::{RedisHealth, ServerKeySpace};
use service_kit::{exit_code::ExitCode, lifecycle::Lifecycle};
use sql_kit::{PostgresDatabase, PostgresHealth};
use tokio_util::sync::CancellationToken;

use crate::{
    revocations::{CALL_TIME_MAX, RedisRevocations},
    settings::Settings,
    steam_health::SteamHealth,
};

/// The settings refuse both.
const NO_ISSUER: &str = "AUTH_ISSUER is not given";
const NO_KEY: &str = "AUTH_KEY_ENCRYPTION_KEY is not given";

/// The service, put together and not yet running.
pub struct Service {
    listener: TcpListener,
    api: ApiState,
    /// None where everything is kept elsewhere.
    database: Option<(PostgresDatabase, Arc<PostgresHealth>)>,
    redis: Option<Arc<RedisHealth>>,
}

impl Service {
    /// Puts the service together, with everything in the database of the settings. Taken from the world is the port of
    /// the HTTP interface; to be called within a runtime.
    ///
    /// `drain` is cancelled when the service is asked to end.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub fn build(settings: &Settings, drain: CancellationToken) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = database(settings)?;
        let health = PostgresHealth::new(database.clone(), Arc::clone(&clock))
            .with_tables(SCHEMA, settings.database.migrate);
        let stores = Stores::of(Arc::new(PostgresStore::new(database.clone())));
        let database = Some((database, Arc::new(health)));
        Self::assemble(settings, stores, database, &clock, drain)
    }

    /// The same with everything kept elsewhere, as in memory; nothing of `[database]` is used then.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub fn build_on(
        settings: &Settings,
        stores: Stores,
        clock: &Arc<dyn Clock>,
        drain: CancellationToken,
    ) -> Result<Self> {
        Self::assemble(settings, stores, None, clock, drain)
    }

    fn assemble(
        settings: &Settings,
        stores: Stores,
        database: Option<(PostgresDatabase, Arc<PostgresHealth>)>,
        clock: &Arc<dyn Clock>,
        drain: CancellationToken,
    ) -> Result<Self> {
        let listener = http_kit::listen(&settings.api.host, settings.api.port)?;
        let (redis, revocations) = revocations(settings, clock);
        let auth = Arc::new(auth(settings, stores, revocations, clock)?);
        let rules = settings.rules().context(NO_ISSUER)?;
        let mut needed: Vec<Arc<dyn HealthReporter>> = Vec::new();
        if let Some((_, health)) = &database {
            needed.push(health.clone());
        }
        needed.push(auth.ring().clone());
        let mut reporters = needed.clone();
        let steam = SteamHealth::new(Arc::clone(&auth), Arc::clone(clock));
        reporters.push(Arc::new(steam));
        if let Some(redis) = &redis {
            reporters.push(redis.clone());
        }
        let counted = database.as_ref().map(|(database, _)| database.clone());
        let api = ApiState {
            service: ServiceParts::new(
                settings.service_name.clone(),
                (VERSION, COMMIT),
                &settings.api,
                Health::new(reporters),
                Readiness::new(drain, needed),
            ),
            auth,
            verifier: TokenVerifier::with_own_keys(rules, Arc::clone(clock)),
            key_set: |keys| key_set(keys),
            rates: settings.rates,
            is_steam_simulated: !settings.sign_in.provider.is_steam(),
            connections_in_use: Arc::new(move || {
                counted.as_ref().map_or(0, PostgresDatabase::in_use)
            }),
        };
        Ok(Self {
            listener,
            api,
            database,
            redis,
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
        let auth = Arc::clone(&self.api.auth);
        lifecycle.spawn(
            "http",
            auth_http_api::serve(self.listener, self.api, drain.clone()),
        );
        if let Some(redis) = self.redis {
            let end = drain.clone();
            lifecycle.spawn("redis", async move {
                redis.watch(end).await;
                Ok::<_, Infallible>(())
            });
        }
        let health = self.database.as_ref().map(|(_, health)| Arc::clone(health));
        if let Some(health) = health.clone() {
            let end = drain.clone();
            lifecycle.spawn("database", async move { health.watch(end).await });
        }
        lifecycle.spawn("upkeep", async move {
            if let Some(health) = health {
                // Keys stand in tables: once these are there, the first look finds them.
                drain.run_until_cancelled(health.look()).await;
            }
            auth.look_after_itself(&drain).await;
            Ok::<_, Infallible>(())
        });
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
pub(crate) fn database(settings: &Settings) -> Result<PostgresDatabase> {
    let database = PostgresDatabase::named(&settings.database, &settings.service_name);
    database.context("DATABASE_URL is not given")
}

/// Who opens signing keys, and signs with them.
pub(crate) fn signer(settings: &Settings) -> Result<SealedSigner> {
    let signing = settings.signing.as_ref();
    let signing = signing.context(NO_KEY)?;
    let rules = settings.rules().context(NO_ISSUER)?;
    Ok(SealedSigner::new(signing.encryption_key.clone(), rules))
}

/// Who tells verifiers of ended sessions, if anybody does.
pub(crate) fn key_space(settings: &Settings) -> Option<ServerKeySpace> {
    let redis = settings.redis.as_ref()?;
    Some(ServerKeySpace::new(redis, CALL_TIME_MAX))
}

/// What the service calls itself where it asks others.
pub(crate) fn user_agent() -> String {
    format!("auth-service/{VERSION}")
}

type Told = (Option<Arc<RedisHealth>>, Option<Arc<dyn RevocationList>>);

fn revocations(settings: &Settings, clock: &Arc<dyn Clock>) -> Told {
    let Some(keys) = key_space(settings) else {
        return (None, None);
    };
    // Without it everything goes on; only ended sessions end a little later elsewhere.
    let health = RedisHealth::new(
        keys.server().clone(),
        HealthStatus::Degraded,
        Arc::clone(clock),
    );
    let list = RedisRevocations::new(Arc::new(keys));
    (Some(Arc::new(health)), Some(Arc::new(list)))
}

fn auth(
    settings: &Settings,
    stores: Stores,
    revocations: Option<Arc<dyn RevocationList>>,
    clock: &Arc<dyn Clock>,
) -> Result<Auth> {
    let application = settings.application();
    let application = application.context(NO_ISSUER)?;
    let signing = settings.signing.as_ref();
    let signing = signing.context(NO_KEY)?;
    let ring = KeyRing::new(
        stores.keys.clone(),
        Arc::new(SealedKeys::new(signing.encryption_key.clone())),
        Arc::new(signer(settings)?),
        signing.schedule,
        Arc::clone(clock),
    );
    let sign_in = &settings.sign_in;
    let (provider, headers) = (sign_in.provider.clone(), sign_in.headers.clone());
    let checker = SteamChecker::try_new(&user_agent(), provider, headers);
    let seed = clock.now().as_unix_ms().unsigned_abs();
    let people = SteamPeople::try_new(
        &user_agent(),
        sign_in.people.clone(),
        Arc::clone(clock),
        seed,
    );
    let people = people.map_err(anyhow::Error::msg)?;
    Ok(Auth::new(AuthParts {
        settings: application,
        stores,
        checker: Arc::new(checker.map_err(anyhow::Error::msg)?),
        people: people.map(|people| Arc::new(people) as Arc<dyn PersonLookup>),
        revocations,
        ring: Arc::new(ring),
        chance: Arc::new(SystemChance),
        clock: Arc::clone(clock),
    }))
}
