//! Two instances on one database.

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::{join_all, try_join_all};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sql_test_kit::shared_postgres;

use crate::support::{ME, Service, USER, issuer, settings, user};

const CLIENTS: usize = 6;
const CHANGES: usize = 10;

/// Counts one more in a profile, at whichever instance, until nobody was in between; how often somebody was.
async fn count_one(service: &Service, token: &str) -> Result<usize> {
    for conflicts in 0..1_000 {
        let profile = service.profile(token).await?;
        let count = profile["preferences"]["overlay"]["count"]
            .as_u64()
            .unwrap_or(0);
        let patch = json!({"preferences": {"overlay": {"count": count + 1}}});
        let answer = service.patch(token, &profile["version"], &patch).await?;
        match answer.status() {
            StatusCode::OK => return Ok(conflicts),
            StatusCode::PRECONDITION_FAILED => {}
            _ => bail!("{answer:?}"),
        }
    }
    bail!("it never gets through")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_lost_between_two_instances() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("instances").await?;
    let issuer = issuer().await?;
    let settings = settings(&url, &issuer);
    let services = [
        Service::start_ready(&settings).await?,
        Service::start_ready(&settings).await?,
    ];
    let token = issuer.token(user(1), USER);

    // Everybody's first look at once: one profile begins.
    let looks = (0..CLIENTS).map(|client| services[client % 2].profile(&token));
    let profiles = try_join_all(looks).await?;
    ensure!(
        profiles.iter().all(|profile| *profile == profiles[0]),
        "{profiles:?}"
    );

    let clients = (0..CLIENTS).map(async |client| {
        let mut conflicts = 0;
        for change in 0..CHANGES {
            conflicts += count_one(&services[(client + change) % 2], &token).await?;
        }
        anyhow::Ok(conflicts)
    });
    let conflicts: usize = join_all(clients).await.into_iter().sum::<Result<usize>>()?;
    let profile = services[0].profile(&token).await?;
    ensure!(
        profile["preferences"]["overlay"]["count"] == CLIENTS * CHANGES,
        "{profile}"
    );
    ensure!(profile["version"] == CLIENTS * CHANGES + 1, "{profile}");
    ensure!(conflicts > 0, "they were in each other's way");
    let mut counted = 0;
    for service in &services {
        let metrics = service.site.text("/metrics").await;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("user_conflicts_total "));
        counted += line.context("it is counted")?.parse::<usize>()?;
    }
    ensure!(counted == conflicts, "{counted} of {conflicts} are counted");

    // Deleted at one, gone at the other.
    let deleted = services[0]
        .request(Method::DELETE, ME, &token)
        .send()
        .await?;
    ensure!(deleted.status() == StatusCode::NO_CONTENT);
    ensure!(services[1].look(&token).await?.status() == StatusCode::GONE);
    for service in services {
        ensure!(service.stop().await? == 0);
    }
    Ok(())
}

/// An order of a shop that is sent to both, because the first one seemed not to answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_a_key_counts_once_at_two_instances() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("orders").await?;
    let issuer = issuer().await?;
    let settings = settings(&url, &issuer);
    let services = [
        Service::start_ready(&settings).await?,
        Service::start_ready(&settings).await?,
    ];
    services[0].profile(&issuer.token(user(1), USER)).await?;
    let admin = issuer.token(user(9), "admin");
    let path = format!("/api/v1/profiles/{}/subscription", user(1));
    let orders = (0..CLIENTS).map(async |client| {
        let request = services[client % 2].request(Method::PUT, &path, &admin);
        let request = request
            .header("idempotency-key", "order-1")
            .json(&json!({"plan": "pro"}));
        let answer = request.send().await?;
        ensure!(answer.status() == StatusCode::OK, "{answer:?}");
        Ok(answer.json::<Value>().await?)
    });
    let answers = join_all(orders)
        .await
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    ensure!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    ensure!(answers[0]["version"] == 2, "{}", answers[0]);
    Ok(())
}
