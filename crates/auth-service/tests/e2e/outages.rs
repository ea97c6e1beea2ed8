//! The database dead, frozen, and nothing at all there at the start.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Response, StatusCode};
use sql_test_kit::Postgres;
use steam_simulator::Mode;
use test_kit::waiting::wait_until;
use tokio::time::Instant;

use crate::support::{ANA, DEADLINE, NOWHERE, Service, World, location};

/// Away: so soon somebody is told, and frozen so soon.
const TOLD_AWAY: Duration = Duration::from_secs(1);
const TOLD_FROZEN: Duration = Duration::from_secs(3);
/// So soon after its return the database is used again.
const FOUND_AGAIN: Duration = Duration::from_secs(5);
/// So soon a process answers, without anything that it depends on; a machine that compiles takes longer.
const STARTED: Duration = Duration::from_secs(5);
/// A machine that compiles at the same time takes its time now and then, not each time.
const ATTEMPTS: usize = 5;

/// Asks until it was told so soon, a few times at most; each time it is 503 with Retry-After.
async fn ensure_told_within(
    expected: Duration,
    ask: impl AsyncFn() -> Result<Response>,
) -> Result<()> {
    let mut fastest = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let begun = Instant::now();
        let answer = ask().await?;
        fastest = fastest.min(begun.elapsed());
        let status = answer.status();
        ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        ensure!(answer.headers().contains_key("retry-after"), "{answer:?}");
        if fastest <= expected {
            return Ok(());
        }
    }
    anyhow::bail!("it took {fastest:?} at best, and {expected:?} are promised")
}

async fn ensure_found_again(service: &Service) -> Result<()> {
    let begun = Instant::now();
    let is_back = async || service.begin().await.is_ok();
    wait_until(DEADLINE, "people may sign in again", is_back).await?;
    let took = begun.elapsed();
    ensure!(took <= FOUND_AGAIN, "it took {took:?}");
    let is_ready = async || service.site.get("/readyz").await.status() == StatusCode::OK;
    wait_until(FOUND_AGAIN, "it is ready", is_ready).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dead_or_frozen_is_said_soon_and_found_again_soon() -> Result<()> {
    let server = Postgres::start().await?;
    let url = server.fresh_database("outages").await?;
    let world = World::new(&url).await?;
    let service = world.start_ready().await?;
    let tokens = world.sign_in(&service, ANA).await?;

    server.kill()?;
    let refreshes = async || service.try_refresh(&tokens.refresh).await;
    ensure_told_within(TOLD_AWAY, refreshes)
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
    let keys = service.site.get("/.well-known/jwks.json").await.status();
    ensure!(keys == StatusCode::OK, "keys that are known are shown");
    server.restart().await?;
    ensure_found_again(&service).await.context("dead")?;
    let tokens = service.refresh(&tokens.refresh).await?;

    server.pause()?;
    let refreshes = async || service.try_refresh(&tokens.refresh).await;
    ensure_told_within(TOLD_FROZEN, refreshes)
        .await
        .context("frozen")?;
    server.resume()?;
    ensure_found_again(&service).await.context("frozen")?;
    service.refresh(&tokens.refresh).await?;
    ensure!(service.stop().await? == 0);
    Ok(())
}

/// A browser that comes to a service without its database is told so as a browser is, and may come again.
#[tokio::test(flavor = "multi_thread")]
async fn it_starts_without_anything_and_is_ready_when_its_database_comes() -> Result<()> {
    let server = Postgres::start().await?;
    let url = server.fresh_database("late").await?;
    server.kill()?;
    let world = World::new(&url)
        .await?
        .with("REDIS_URL", Some("redis://127.0.0.1:1"));
    world.steam.set_mode(Mode::Close);
    let begun = Instant::now();
    let service = world.start().await?;
    ensure!(service.site.get("/livez").await.status() == StatusCode::OK);
    let took = begun.elapsed();
    ensure!(took <= STARTED, "it took {took:?}");
    ensure!(service.site.get("/readyz").await.status() == StatusCode::SERVICE_UNAVAILABLE);
    server.restart().await?;
    ensure_found_again(&service).await?;
    let health = service.site.json("/api/v1/health").await;
    let redis = health["checks"].as_array().into_iter().flatten();
    let redis = redis.into_iter().find(|check| check["name"] == "redis");
    ensure!(
        redis.context("it is told")?["status"] == "degraded",
        "{health}"
    );
    ensure!(service.stop().await? == 0);
    Ok(())
}

/// Steam cannot say whether it was Ana: she may load the same page again, once, and comes in.
#[tokio::test(flavor = "multi_thread")]
async fn a_steam_that_is_away_may_be_asked_once_more() -> Result<()> {
    let url = sql_test_kit::shared_postgres()
        .await?
        .fresh_database("steam")
        .await?;
    let world = World::new(&url).await?;
    let service = world.start_ready().await?;
    let begun = service.begin().await?;
    let path = world.back_from_steam(&begun, &service, ANA).await?;
    world.steam.set_mode(Mode::Refuse(429));
    let address = format!("{}{path}", service.site.url);
    let request = service
        .site
        .client
        .get(address)
        .header("cookie", &begun.cookie);
    let answer = request.send().await?;
    let back = location(&answer)?;
    ensure!(back.contains("error=temporarily_unavailable"), "{back}");
    let says_so = service.site.text("/api/v1/health").await;
    ensure!(says_so.contains("steam"), "{says_so}");
    world.steam.set_mode(Mode::Honest);
    let code = service.come_back(&path, &begun).await?;
    service.redeem(&code).await?;
    ensure!(service.stop().await? == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_nobody_is_sent_to_steam_in_vain() -> Result<()> {
    let world = World::new(NOWHERE).await?;
    let service = world.start().await?;
    let answer = service.authorize().await?;
    if answer.status() == StatusCode::SEE_OTHER {
        let back = location(&answer)?;
        ensure!(back.contains("error=temporarily_unavailable"), "{back}");
    } else {
        ensure!(
            answer.status() == StatusCode::SERVICE_UNAVAILABLE,
            "{answer:?}"
        );
    }
    ensure!(world.steam.counts().logins == 0);
    ensure!(service.stop().await? == 0);
    Ok(())
}
