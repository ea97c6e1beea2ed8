//! What `docs/auth/KEYS.md` says to do when a key has leaked.

use anyhow::{Result, ensure};
use reqwest::StatusCode;
use sql_test_kit::shared_postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::support::{ANA, Service, World};

const OTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

async fn run(url: &str, statement: &str) -> Result<u64> {
    let mut connection = PgConnection::connect(url).await?;
    let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
    Ok(statement.execute(&mut connection).await?.rows_affected())
}

/// What own sessions are answered with this token.
async fn status(service: &Service, token: &str) -> Result<StatusCode> {
    let asked = service
        .site
        .client
        .get(format!("{}/api/v1/sessions", service.site.url));
    Ok(asked.bearer_auth(token).send().await?.status())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_leaked_key_are_over_and_nobody_is_logged_out() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("leaked").await?;
    let mut world = World::new(&url).await?;
    let service = world.start_ready().await?;
    let tokens = world.sign_in(&service, ANA).await?;
    ensure!(status(&service, &tokens.access).await? == StatusCode::OK);
    let before = service.site.text("/.well-known/jwks.json").await;
    ensure!(service.stop().await? == 0);

    // Both have leaked.
    world.set("AUTH_KEY_ENCRYPTION_KEY", Some(OTHER_KEY));
    ensure!(run(&url, "DELETE FROM auth.signing_keys").await? == 1);
    let service = world.start_ready().await?;
    let after = service.site.text("/.well-known/jwks.json").await;
    ensure!(before != after, "{after}");
    ensure!(status(&service, &tokens.access).await? == StatusCode::UNAUTHORIZED);
    let tokens = service.refresh(&tokens.refresh).await?;
    ensure!(status(&service, &tokens.access).await? == StatusCode::OK);

    // And who knows what else has.
    let ended = "UPDATE auth.sessions SET revoked_at = now(), revoked_reason = 'admin' WHERE revoked_at IS NULL";
    ensure!(run(&url, ended).await? == 1);
    let refused = service.try_refresh(&tokens.refresh).await?;
    ensure!(refused.status() == StatusCode::BAD_REQUEST, "{refused:?}");
    ensure!(service.stop().await? == 0);
    Ok(())
}

/// Another encryption key opens nothing: nobody is signed in, and health says why.
#[tokio::test(flavor = "multi_thread")]
async fn with_another_encryption_key_nothing_is_signed_and_health_says_so() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("closed").await?;
    let mut world = World::new(&url).await?;
    let service = world.start_ready().await?;
    let tokens = world.sign_in(&service, ANA).await?;
    ensure!(service.stop().await? == 0);
    world.set("AUTH_KEY_ENCRYPTION_KEY", Some(OTHER_KEY));
    let service = world.start().await?;
    let says_so = async || {
        let health = service.site.text("/api/v1/health").await;
        health.contains("AUTH_KEY_ENCRYPTION_KEY")
    };
    test_kit::waiting::wait_until(crate::support::DEADLINE, "health says why", says_so).await?;
    let refused = service.try_refresh(&tokens.refresh).await?;
    ensure!(
        refused.status() == StatusCode::SERVICE_UNAVAILABLE,
        "{refused:?}"
    );
    ensure!(
        status(&service, &tokens.access).await? == StatusCode::OK,
        "it still verifies"
    );
    ensure!(service.stop().await? == 0);

    // Nothing was used up.
    world.set("AUTH_KEY_ENCRYPTION_KEY", Some(crate::support::KEY));
    let service = world.start_ready().await?;
    service.refresh(&tokens.refresh).await?;
    Ok(())
}
