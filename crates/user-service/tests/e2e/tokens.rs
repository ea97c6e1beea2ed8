//! The issuer dead, and the service restarted meanwhile.

use std::sync::Arc;

use anyhow::{Result, ensure};
use auth_test_kit::Answers;
use reqwest::StatusCode;
use sql_test_kit::shared_postgres;
use tempfile::TempDir;
use test_kit::waiting::wait_until;

use crate::support::{DEADLINE, Service, USER, issuer, settings, user};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_taken_while_their_issuer_is_dead_also_after_a_restart() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("keys").await?;
    let issuer = issuer().await?;
    let settings = settings(&url, &issuer);
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start_in(&folder, &settings).await?;
    service.wait_until_healthy().await?;
    let token = issuer.token(user(1), USER);
    let profile = service.profile(&token).await?;
    issuer.answer(Answers::Nobody);
    ensure!(service.profile(&token).await? == profile);
    ensure!(service.stop().await? == 0);

    let service = Service::start_in(&folder, &settings).await?;
    // One that it has not seen before.
    let other = issuer.token(user(2), USER);
    let is_ready = async || service.site.get("/readyz").await.status() == StatusCode::OK;
    wait_until(DEADLINE, "it is ready", is_ready).await?;
    ensure!(service.profile(&token).await? == profile);
    ensure!(service.profile(&other).await?["id"] == user(2).to_string());
    ensure!(service.stop().await? == 0);

    // Whoever has never seen the keys takes no token, and says so in health.
    let stranger = Service::start(&settings).await?;
    let refused = stranger.look(&token).await?;
    ensure!(refused.status() == StatusCode::UNAUTHORIZED, "{refused:?}");
    let says_so = async || {
        let health = stranger.site.json("/api/v1/health").await;
        health["checks"][1]["name"] == "auth" && health["checks"][1]["status"] == "unhealthy"
    };
    wait_until(DEADLINE, "health says that there are no keys", says_so).await?;
    Ok(())
}
