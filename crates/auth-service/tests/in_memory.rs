//! The service in a process that runs others too, with everything in memory.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use auth_application::Stores;
use auth_memory_adapter::MemoryStore;
use auth_service::{Service, settings::Settings};
use health_kit::{Clock, SystemClock};
use http_test_kit::{DEADLINE, client::Site};
use reqwest::StatusCode;
use service_kit::{config::ServiceSettings as _, exit_code::ExitCode, lifecycle::Lifecycle};
use tempfile::TempDir;
use test_kit::waiting::wait_until;

const CLIENTS: &str = "[[clients]]\nid = \"a\"\nname = \"A\"\nkind = \"native\"\n\
                       redirect_uris = [\"http://127.0.0.1/\"]\nscopes = []\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_database_is_ready_and_ends_when_it_is_asked_to() -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("clients.toml"), CLIENTS)?;
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let arguments = [
        // Nobody is there, and nobody is asked.
        ("DATABASE_URL", "postgresql://127.0.0.1:1/none".to_owned()),
        ("AUTH_ISSUER", "https://login.example".to_owned()),
        ("AUTH_KEY_ENCRYPTION_KEY", key.to_owned()),
        ("API_HOST", "127.0.0.1".to_owned()),
        ("API_PORT", "0".to_owned()),
    ];
    let settings = Settings::load(&arguments, None, [], Path::new(folder.path()))?.settings;
    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    let drain = lifecycle.drain();
    let stores = Stores::of(Arc::new(MemoryStore::default()));
    let service = Service::build_on(&settings, stores, &clock, drain.clone())?;
    let site = Site::at(service.address()?);
    let running = tokio::spawn(service.run(lifecycle, std::future::pending));

    let is_healthy = async || site.get("/api/v1/health").await.status() == StatusCode::OK;
    wait_until(DEADLINE, "it is healthy", is_healthy).await?;
    ensure!(site.get("/readyz").await.status() == StatusCode::OK);
    ensure!(site.get("/.well-known/jwks.json").await.status() == StatusCode::OK);
    let health = site.text("/api/v1/health").await;
    ensure!(!health.contains("STEAM_SIMULATED"), "{health}");
    drain.cancel();
    let code = tokio::time::timeout(DEADLINE, running)
        .await
        .context("it ends")??;
    ensure!(code == ExitCode::Ok, "{code:?}");
    Ok(())
}
