//! The service in a process that runs others too, with profiles in memory.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use auth_test_kit::TestIssuer;
use domain::{Timestamp, UserId};
use health_kit::{Clock, SystemClock};
use http_test_kit::{DEADLINE, client::Site};
use reqwest::StatusCode;
use service_kit::{config::ServiceSettings as _, exit_code::ExitCode, lifecycle::Lifecycle};
use tempfile::TempDir;
use test_kit::waiting::wait_until;
use user_memory_adapter::MemoryProfiles;
use user_service::{Service, settings::Settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_database_is_ready_and_ends_when_it_is_asked_to() -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let issuer = TestIssuer::start(Arc::clone(&clock)).await?;
    let folder = TempDir::new()?;
    let arguments = [
        // Nobody is there, and nobody is asked.
        ("DATABASE_URL", "postgresql://127.0.0.1:1/none".to_owned()),
        ("AUTH_ISSUER", issuer.url().to_owned()),
        (
            "AUTH_JWKS_CACHE_FILE",
            folder.path().join("keys.json").display().to_string(),
        ),
        ("API_HOST", "127.0.0.1".to_owned()),
        ("API_PORT", "0".to_owned()),
    ];
    let settings = Settings::load(&arguments, None, [], Path::new("."))?.settings;
    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    let drain = lifecycle.drain();
    let store = Arc::new(MemoryProfiles::new());
    let service = Service::build_on(&settings, store, &clock, drain.clone())?;
    let site = Site::at(service.address()?);
    let running = tokio::spawn(service.run(lifecycle, std::future::pending));

    let is_healthy = async || site.get("/api/v1/health").await.status() == StatusCode::OK;
    wait_until(DEADLINE, "it is healthy", is_healthy).await?;
    ensure!(site.get("/readyz").await.status() == StatusCode::OK);
    let user = UserId::new(Timestamp::from_unix_ms(1_764_547_200_000), [1; 10]);
    let token = issuer.token(user, "profile:read");
    let looked = site
        .client
        .get(format!("{}/api/v1/profiles/me", site.url))
        .bearer_auth(token);
    let profile: serde_json::Value = looked.send().await?.json().await?;
    ensure!(profile["id"] == user.to_string(), "{profile}");
    drain.cancel();
    let code = tokio::time::timeout(DEADLINE, running)
        .await
        .context("it ends")??;
    ensure!(code == ExitCode::Ok, "{code:?}");
    Ok(())
}
