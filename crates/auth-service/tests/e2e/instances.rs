//! Two instances on one database, and one that is killed on the way.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use identity::RefreshToken;
use reqwest::StatusCode;
use sql_test_kit::shared_postgres;
use sqlx::{Connection as _, PgConnection};

use crate::support::{ANA, Tokens, World};

const REFRESHES: usize = 50;
/// What is kept of the refresh tokens that are worth something.
const TIPS: &str = "SELECT hash FROM auth.refresh_tokens t JOIN auth.sessions s ON s.id = t.session_id \
    WHERE t.used_at IS NULL AND t.revoked_at IS NULL AND s.revoked_at IS NULL";

async fn tips(url: &str) -> Result<Vec<Vec<u8>>> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar(TIPS).fetch_all(&mut connection).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_refreshes_at_once_at_two_instances_one_token_is_left() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("refreshes").await?;
    let world = World::new(&url).await?;
    let services = [world.start_ready().await?, world.start_ready().await?];
    let keys = services[0].site.text("/.well-known/jwks.json").await;
    ensure!(
        keys == services[1].site.text("/.well-known/jwks.json").await,
        "both have the one key"
    );
    let tokens = world.sign_in(&services[0], ANA).await?;

    let refreshes = (0..REFRESHES).map(|index| services[index % 2].try_refresh(&tokens.refresh));
    let mut given = Vec::new();
    for answer in join_all(refreshes).await {
        let answer = answer?;
        let status = answer.status();
        ensure!(
            status == StatusCode::OK || status == StatusCode::SERVICE_UNAVAILABLE,
            "whoever sends it again within seconds has lost an answer: {status}"
        );
        if status == StatusCode::OK {
            given.push(Tokens::of(answer).await?.refresh);
        }
    }
    let left = tips(&url).await?;
    ensure!(left.len() == 1, "{left:?}");
    let is_left = |token: &&String| {
        let token = RefreshToken::try_read(token);
        token.is_ok_and(|token| token.digest().as_bytes()[..] == left[0])
    };
    let tip = given.iter().find(is_left).context("somebody has it")?;
    let next = services[1].refresh(tip).await?;

    // Whoever has one of the others has it from before: that ends the session.
    let stale = given.iter().find(|token| *token != tip);
    let stale = stale.context("several were given")?;
    for token in [stale, &next.refresh] {
        let refused = services[0].try_refresh(token).await?;
        ensure!(refused.status() == StatusCode::BAD_REQUEST, "{refused:?}");
        let error: serde_json::Value = refused.json().await?;
        ensure!(error["error"] == "invalid_grant", "{error}");
    }
    ensure!(tips(&url).await?.is_empty());
    for service in services {
        ensure!(service.stop().await? == 0);
    }
    Ok(())
}

/// What was begun at an instance goes on at another, whenever the first one dies.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_may_be_killed_between_any_two_steps() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("killed").await?;
    let world = World::new(&url).await?;
    let first = world.start_ready().await?;
    let begun = first.begin().await?;
    let path = world.back_from_steam(&begun, &first, ANA).await?;
    first.kill()?;
    let second = world.start_ready().await?;
    let code = second.come_back(&path, &begun).await?;
    second.kill()?;
    let third = world.start_ready().await?;
    let tokens = third.redeem(&code).await?;
    // Its answer is lost: the client knows only what it had before.
    let lost = third.refresh(&tokens.refresh).await?;
    third.kill()?;
    let fourth = world.start_ready().await?;
    let again = fourth.refresh(&tokens.refresh).await?;
    ensure!(again.refresh != lost.refresh);
    let next = fourth.refresh(&again.refresh).await?;
    ensure!(tips(&url).await?.len() == 1);

    // A code works once, also at an instance that has never seen it.
    let refused = fourth.try_redeem(&code).await?;
    ensure!(refused.status() == StatusCode::BAD_REQUEST, "{refused:?}");
    let refused = fourth.try_refresh(&next.refresh).await?;
    ensure!(
        refused.status() == StatusCode::BAD_REQUEST,
        "what it gave is over: {refused:?}"
    );
    ensure!(fourth.stop().await? == 0);
    Ok(())
}

/// Instances are killed while clients refresh; each client sends a token again whose answer it did not get.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_logged_out_by_an_instance_that_is_killed_in_the_middle() -> Result<()> {
    const CLIENTS: usize = 8;
    let url = shared_postgres().await?.fresh_database("middle").await?;
    let world = World::new(&url).await?;
    let service = world.start_ready().await?;
    let mut tokens = Vec::new();
    for index in 0..CLIENTS {
        let person = ANA + u64::try_from(index)?;
        tokens.push(world.sign_in(&service, person).await?.refresh);
    }
    let refreshes = tokens.iter().map(|token| service.try_refresh(token));
    let killed = async {
        // In the middle of them, or before, or after: each is a case.
        tokio::task::yield_now().await;
        service.process.signal("KILL")
    };
    let (answers, signalled) = tokio::join!(join_all(refreshes), killed);
    signalled?;
    let other = world.start_ready().await?;
    for (token, answer) in tokens.iter().zip(answers) {
        let known = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => Tokens::of(answer).await.ok(),
            _ => None,
        };
        let known = known.map_or_else(|| token.clone(), |known| known.refresh);
        other.refresh(&known).await.context("it goes on")?;
    }
    ensure!(tips(&url).await?.len() == CLIENTS);
    ensure!(other.stop().await? == 0);
    Ok(())
}
