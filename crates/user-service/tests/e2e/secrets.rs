//! Secrets go where they belong, and nowhere else.

use anyhow::{Context as _, Result, ensure};
use http_test_kit::secrets::assert_no_secret_is_answered;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sql_test_kit::Postgres;
use test_kit::{
    secrets::{assert_no_secret, assert_no_secret_was_said},
    waiting::wait_until,
};

use crate::support::{DEADLINE, ME, Service, USER, command, issuer, settings, user};

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_show_nowhere() -> Result<()> {
    let (server, issuer) = (Postgres::start().await?, issuer().await?);
    let plain = server.fresh_database("secrets").await?;
    // The server asks nobody for a password, and takes every one.
    let url = plain.replace("postgres@", "postgres:zQz-password@");
    ensure!(url != plain);
    let mut settings = settings(&url, &issuer);
    settings.push(("LOG_LEVEL", "TRACE"));
    settings.push(("API_TOKEN", "zQz-api-token"));
    let service = Service::start_ready(&settings).await?;

    let token = issuer.token(user(1), USER);
    let signature = token
        .rsplit('.')
        .next()
        .context("a token has three parts")?
        .to_owned();
    let profile = service.profile(&token).await?;
    // What users write is theirs: no log tells it.
    let patch =
        json!({"display_name": "zQz-name", "preferences": {"overlay": {"a": "zQz-overlay"}}});
    let patched = service.patch(&token, &profile["version"], &patch).await?;
    ensure!(patched.status() == StatusCode::OK);
    let wrong = json!({"locale": "zQz locale", "zQz-key": 1});
    let refused = service
        .patch(&token, &json!(2), &json!({"preferences": wrong.clone()}))
        .await?;
    ensure!(refused.status() == StatusCode::UNPROCESSABLE_ENTITY);
    let garbage = service.look("zQz.zQz.zQz").await?;
    ensure!(garbage.status() == StatusCode::UNAUTHORIZED);
    let head = format!("{:?}", garbage.headers());
    assert_no_secret("a refused token", &(head + &garbage.text().await?));
    let deleted = service.request(Method::DELETE, ME, &token).send().await?;
    ensure!(deleted.status() == StatusCode::NO_CONTENT);

    let other = issuer.token(user(2), USER);
    assert_no_secret_is_answered(&service.site, &other).await;
    server.kill()?;
    let away = async || {
        let answer = service.look(&other).await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE)
    };
    wait_until(DEADLINE, "it is away", away).await?;
    assert_no_secret_is_answered(&service.site, &other).await;
    for (arguments, expected) in [
        (&["validate"][..], 0),
        (&["doctor"], 69),
        (&["doctor", "--json"], 69),
        (&["migrate"], 69),
    ] {
        let ended = command(arguments, &settings).await?;
        ensure!(ended.exit_code == Some(expected), "{ended:?}");
        assert_no_secret(&format!("{arguments:?}"), &(ended.stdout + &ended.stderr));
    }

    let said = service.said().await?;
    ensure!(said.exit_code == 0 && said.log.len() > 3, "{said:?}");
    assert_no_secret_was_said(&said.log, &said.errors)?;
    ensure!(!said.contains(&signature), "a token is in the log");
    Ok(())
}
