//! `doctor`: everything the service depends on, tried.

use std::{path::Path, time::Duration};

use auth_kit::KeySet;
use client_kit::{ClientLimits, HttpClient};
use command_kit::doctor::{Checklist, DatabaseChecks, DoctorArguments};
use health_kit::SystemClock;
use service_kit::exit_code::ExitCode;
use user_postgres_adapter::SCHEMA;

use crate::{
    service::{database, user_agent},
    settings::Settings,
};

/// Longer than any one question may take.
const TIME_MAX: Duration = Duration::from_secs(20);
const CALL_TIME_MAX: Duration = Duration::from_secs(5);

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
            list.check_database(TIME_MAX, checks).await;
        }
        Err(error) => _ = list.check("database", TIME_MAX, async { Err(error) }).await,
    }
    list.check("auth.keys", TIME_MAX, keys(settings)).await;
    let kept = async { judge_folder(&settings.auth.key_file) };
    list.check("auth.cache", TIME_MAX, kept).await;
    list.conclude()
}

/// Whether the issuer has keys.
async fn keys(settings: &Settings) -> Result<String, String> {
    let url = settings
        .auth
        .key_set_url()
        .ok_or("AUTH_ISSUER is not given")?;
    let limits = ClientLimits {
        connect_time_max: CALL_TIME_MAX,
        call_time_max: CALL_TIME_MAX,
        body_bytes_max: KeySet::BYTES_MAX,
    };
    let client = HttpClient::try_new(&user_agent(), limits, None)?;
    let advice = "see whether auth-service runs, and AUTH_ISSUER or AUTH_JWKS_URL leads there";
    let answer = client.get(&url, None).await;
    let answer = answer.map_err(|error| format!("{url}: {error}; {advice}"))?;
    if answer.status != 200 {
        return Err(format!(
            "{url} answers with status {}; {advice}",
            answer.status
        ));
    }
    let set =
        KeySet::try_read(&answer.body).map_err(|fault| format!("{url}: {fault}; {advice}"))?;
    if set.is_empty() {
        return Err(format!(
            "{url} has no key that is of use here; see auth-service's health"
        ));
    }
    Ok(format!("{url} has keys: {}", set.len()))
}

/// Whether keys can be kept.
fn judge_folder(file: &Path) -> Result<String, String> {
    // What is not there yet is made within what is.
    let there = file.ancestors().skip(1).find(|folder| folder.exists());
    let there = there
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let metadata = there.metadata();
    let metadata = metadata.map_err(|error| format!("{}: {error}", there.display()))?;
    if !metadata.is_dir() || metadata.permissions().readonly() {
        return Err(format!(
            "{} cannot be written: give the user of the service the right to, or set AUTH_JWKS_CACHE_FILE; without \
             it a restart while auth-service is away takes no tokens",
            there.display()
        ));
    }
    Ok(format!("keys are kept in {}", file.display()))
}
