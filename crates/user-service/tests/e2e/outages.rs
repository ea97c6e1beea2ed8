//! The database dead, frozen, and not there at the start.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::json;
use sql_test_kit::Postgres;
use test_kit::waiting::wait_until;
use tokio::time::Instant;

use crate::support::{DEADLINE, Service, USER, issuer, settings, user};

/// Away: so soon somebody is told, and frozen so soon.
const TOLD_AWAY: Duration = Duration::from_secs(1);
const TOLD_FROZEN: Duration = Duration::from_secs(3);
/// So soon after its return the database is used again.
const FOUND_AGAIN: Duration = Duration::from_secs(5);
/// A machine that compiles at the same time takes its time now and then, not each time.
const ATTEMPTS: usize = 5;

/// Asks until it was told so soon, a few times at most; each time it is 503 with Retry-After.
async fn ensure_told_within(service: &Service, token: &str, expected: Duration) -> Result<()> {
    let mut fastest = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let begun = Instant::now();
        let answer = service.look(token).await?;
        fastest = fastest.min(begun.elapsed());
        ensure!(
            answer.status() == StatusCode::SERVICE_UNAVAILABLE,
            "{answer:?}"
        );
        ensure!(answer.headers().contains_key("retry-after"), "{answer:?}");
        let problem = answer.json::<serde_json::Value>().await?;
        ensure!(problem["type"] == "database-away", "{problem}");
        if fastest <= expected {
            return Ok(());
        }
    }
    anyhow::bail!("it took {fastest:?} at best, and {expected:?} are promised")
}

async fn ensure_found_again(service: &Service, token: &str) -> Result<()> {
    let begun = Instant::now();
    let is_back = async || {
        service
            .look(token)
            .await
            .is_ok_and(|it| it.status() == StatusCode::OK)
    };
    wait_until(DEADLINE, "profiles are seen again", is_back).await?;
    let took = begun.elapsed();
    ensure!(took <= FOUND_AGAIN, "it took {took:?}");
    let is_ready = async || service.site.get("/readyz").await.status() == StatusCode::OK;
    wait_until(FOUND_AGAIN, "it is ready", is_ready).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dead_or_frozen_is_said_soon_and_found_again_soon() -> Result<()> {
    let (server, issuer) = (Postgres::start().await?, issuer().await?);
    let url = server.fresh_database("outages").await?;
    let service = Service::start_ready(&settings(&url, &issuer)).await?;
    let token = issuer.token(user(1), USER);
    let profile = service.profile(&token).await?;

    server.kill()?;
    ensure_told_within(&service, &token, TOLD_AWAY)
        .await
        .context("dead")?;
    let away = async || {
        let ready = service.site.get("/readyz").await.status();
        ready == StatusCode::SERVICE_UNAVAILABLE
    };
    wait_until(DEADLINE, "it is not ready", away).await?;
    ensure!(
        service.site.get("/livez").await.status() == StatusCode::OK,
        "it is alive"
    );
    let health = service.site.json("/api/v1/health").await;
    ensure!(health["checks"][0]["name"] == "database", "{health}");
    ensure!(health["checks"][0]["status"] == "unhealthy", "{health}");
    server.restart().await?;
    ensure_found_again(&service, &token).await.context("dead")?;
    ensure!(
        service.profile(&token).await? == profile,
        "what was kept is there"
    );

    server.pause()?;
    ensure_told_within(&service, &token, TOLD_FROZEN)
        .await
        .context("frozen")?;
    let patched = service
        .patch(&token, &profile["version"], &json!({"locale": "de"}))
        .await?;
    ensure!(
        patched.status() == StatusCode::SERVICE_UNAVAILABLE,
        "{patched:?}"
    );
    server.resume()?;
    ensure_found_again(&service, &token)
        .await
        .context("frozen")?;
    ensure!(service.stop().await? == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_without_its_database_and_makes_the_tables_when_that_comes() -> Result<()> {
    let (server, issuer) = (Postgres::start().await?, issuer().await?);
    let url = server.fresh_database("late").await?;
    server.kill()?;
    let service = Service::start(&settings(&url, &issuer)).await?;
    ensure!(service.site.get("/livez").await.status() == StatusCode::OK);
    ensure!(service.site.get("/readyz").await.status() == StatusCode::SERVICE_UNAVAILABLE);
    let token = issuer.token(user(1), USER);
    let is_told = async || {
        let answer = service.look(&token).await;
        answer.is_ok_and(|it| it.status() == StatusCode::SERVICE_UNAVAILABLE)
    };
    // Before that it has no keys yet.
    wait_until(
        DEADLINE,
        "the token is taken, and there is no profile",
        is_told,
    )
    .await?;
    server.restart().await?;
    ensure_found_again(&service, &token).await?;
    ensure!(service.stop().await? == 0);
    Ok(())
}
