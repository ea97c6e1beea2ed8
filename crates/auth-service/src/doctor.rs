//! `doctor`: everything the service depends on, tried.

use std::time::Duration;

use anyhow::Result;
use auth_application::{
    SigningKey,
    ports::{KeyStore as _, TokenSigner as _},
};
use auth_postgres_adapter::{PostgresStore, SCHEMA};
use bytes::Bytes;
use client_kit::{ClientLimits, HttpClient};
use command_kit::doctor::{Checklist, DatabaseChecks, DoctorArguments};
use health_kit::{Clock as _, SystemClock};
use redis_kit::KeySpace as _;
use service_kit::exit_code::ExitCode;
use sql_kit::PostgresDatabase;

use crate::{
    service::{database, key_space, signer, user_agent},
    settings::Settings,
};

/// Longer than any one question may take.
const TIME_MAX: Duration = Duration::from_secs(20);
const STEAM_TIME_MAX: Duration = Duration::from_secs(6);
/// More than the page where people sign in has.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// A key that is put into Redis to see whether one can be.
const TRIAL_KEY: &str = "auth:revoked:doctor";
const TRIAL_LIFE: Duration = Duration::from_secs(10);

/// Tries everything, and tells it.
pub(crate) async fn run(settings: &Settings, arguments: DoctorArguments) -> ExitCode {
    let mut list = Checklist::new(arguments);
    let right = async { Ok::<_, String>("they are right; `validate` shows them".to_owned()) };
    list.check("settings", TIME_MAX, right).await;
    match database(settings) {
        Ok(database) => {
            let checks = DatabaseChecks {
                server: Box::pin(database.examine_server()),
                tables: Box::pin(database.examine_tables(SCHEMA)),
                clock: Box::pin(database.examine_clock(&SystemClock)),
            };
            if list.check_database(TIME_MAX, checks).await {
                let keys = keys(settings, &database);
                list.check("signing.keys", TIME_MAX, keys).await;
            } else {
                list.skip("signing.keys", "the tables cannot be used");
            }
        }
        Err(error) => _ = list.check("database", TIME_MAX, async { Err(error) }).await,
    }
    list.check("steam", TIME_MAX, steam(settings)).await;
    match key_space(settings) {
        Some(keys) => {
            let told = async {
                let values = [(TRIAL_KEY.to_owned(), Bytes::from_static(b"1"))];
                keys.set_many(&values, Some(TRIAL_LIFE)).await?;
                keys.delete(&[TRIAL_KEY.to_owned()]).await?;
                anyhow::Ok("ended sessions can be told of".to_owned())
            };
            list.check("redis", TIME_MAX, told).await;
        }
        None => list.skip("redis", "REDIS_URL is not given"),
    }
    list.conclude()
}

/// Whether the signing keys can be opened.
async fn keys(settings: &Settings, database: &PostgresDatabase) -> Result<String> {
    let keys = PostgresStore::new(database.clone()).keys().await?;
    let closed = signer(settings)?.load(&keys).await;
    if let Some((id, fault)) = closed.first() {
        anyhow::bail!(
            "{} of {} cannot be opened: {id}: {fault}",
            closed.len(),
            keys.len()
        );
    }
    if keys.is_empty() {
        return Ok("there is none yet; the service makes one when it starts".to_owned());
    }
    let signs = match SigningKey::active(&keys, SystemClock.now()) {
        Some(active) => format!("{} signs", active.id),
        None => "none signs now; the service makes one when it starts".to_owned(),
    };
    Ok(format!("{} can be opened; {signs}", keys.len()))
}

/// Whether the place answers where people sign in. Nothing is asked there.
async fn steam(settings: &Settings) -> Result<String> {
    let provider = &settings.sign_in.provider;
    let endpoint = provider.endpoint();
    let limits = ClientLimits {
        connect_time_max: STEAM_TIME_MAX,
        call_time_max: STEAM_TIME_MAX,
        body_bytes_max: PAGE_BYTES_MAX,
    };
    let client = HttpClient::try_new(&user_agent(), limits, None).map_err(anyhow::Error::msg)?;
    let answer = client.get(endpoint, None).await;
    let answer = answer.map_err(|error| {
        anyhow::anyhow!("{endpoint}: {error}; may this machine connect to the internet?")
    })?;
    let status = answer.status;
    if matches!(status, 403 | 429 | 500..) {
        anyhow::bail!(
            "{endpoint} answers with status {status}: it does not want this address, or is down; nobody can sign in \
             until that passes"
        );
    }
    let who = if provider.is_steam() {
        ""
    } else {
        "; it is not Steam, as STEAM_SIMULATED permits"
    };
    Ok(format!("{endpoint} answers with status {status}{who}"))
}
