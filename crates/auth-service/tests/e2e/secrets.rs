//! Secrets go where they belong, and nowhere else.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_test_kit::secrets::assert_no_secret_is_answered;
use reqwest::StatusCode;
use sql_test_kit::{Postgres, dump};
use steam_simulator::Mode;
use test_kit::{
    secrets::{assert_no_secret, assert_no_secret_was_said},
    waiting::wait_until,
};

use crate::support::{ANA, DEADLINE, KEY, World};

/// Everything that was secret on the way, as it is written, and each as its bytes in hexadecimal.
fn written(secrets: &[&str]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for secret in secrets {
        all.push((*secret).to_owned());
        all.push(hexadecimal(secret)?);
    }
    Ok(all)
}

/// The bytes that it stands for, as a dump shows them.
fn hexadecimal(secret: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(secret)?;
    ensure!(bytes.len() == 32, "{secret} is none of ours");
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(digits.collect())
}

/// A world whose secrets are all planted, where everything is logged.
async fn planted(url: &str) -> Result<World> {
    Ok(World::new(url)
        .await?
        .with("LOG_LEVEL", Some("TRACE"))
        .with("API_TOKEN", Some("zQz-api-token"))
        .with("STEAM_API_KEY", Some("zQz-steam-key"))
        .with("STEAM_API_URL", Some("http://127.0.0.1:1"))
        .with("STEAM_OPENID_HEADERS", Some("X-Key: zQz-header")))
}

/// Without the database.
async fn assert_no_secret_in_commands(world: &World) -> Result<()> {
    for (arguments, expected) in [
        (&["validate"][..], 0),
        (&["doctor"], 69),
        (&["doctor", "--json"], 69),
        (&["migrate"], 69),
    ] {
        let ended = world.command(arguments).await?;
        ensure!(ended.exit_code == Some(expected), "{ended:?}");
        let said = ended.stdout + &ended.stderr;
        assert_no_secret(&format!("{arguments:?}"), &said);
        ensure!(!said.contains(KEY), "{arguments:?} shows the key");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_show_nowhere() -> Result<()> {
    let server = Postgres::start().await?;
    let plain = server.fresh_database("secrets").await?;
    // The server asks nobody for a password, and takes every one.
    let url = plain.replace("postgres@", "postgres:zQz-password@");
    ensure!(url != plain);
    let world = planted(&url).await?;
    let service = world.start_ready().await?;

    let begun = service.begin().await?;
    let path = world.back_from_steam(&begun, &service, ANA).await?;
    world.steam.set_mode(Mode::Refuse(503));
    let address = format!("{}{path}", service.site.url);
    let asked = service
        .site
        .client
        .get(address)
        .header("cookie", &begun.cookie);
    asked.send().await?;
    world.steam.set_mode(Mode::Honest);
    let code = service.come_back(&path, &begun).await?;
    let tokens = service.redeem(&code).await?;
    let next = service.refresh(&tokens.refresh).await?;
    let again = service.try_redeem("zQz-no-code").await?;
    ensure!(again.status() == StatusCode::BAD_REQUEST);
    assert_no_secret("a refused code", &again.text().await?);
    let refused = service.try_refresh("zQz-no-token").await?;
    assert_no_secret("a refused token", &refused.text().await?);
    let (_, browser) = begun.cookie.split_once('=').context("it has a name")?;
    let (_, attempt) = begun
        .steam
        .split_once("state%3D")
        .context("it is in return_to")?;
    let attempt = attempt.split(['&', '%']).next().unwrap_or_default();
    let secrets = written(&[browser, attempt, &code, &tokens.refresh, &next.refresh])?;
    let signature = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    let signatures = [signature(&tokens.access), signature(&next.access)];

    let stolen = dump(&plain, "auth").await?;
    ensure!(stolen.contains("native-app"), "the dump is one");
    for secret in secrets.iter().chain(&signatures) {
        ensure!(!stolen.contains(secret), "{secret} is in the database");
    }
    assert_no_secret("the database", &stolen);
    assert_no_secret_is_answered(&service.site, &next.access).await;
    server.kill()?;
    let away = async || {
        let answer = service.try_refresh(&next.refresh).await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE)
    };
    wait_until(DEADLINE, "it is away", away).await?;
    assert_no_secret_is_answered(&service.site, &next.access).await;
    assert_no_secret_in_commands(&world).await?;

    let said = service.said().await?;
    ensure!(said.exit_code == 0 && said.log.len() > 3, "{said:?}");
    assert_no_secret_was_said(&said.log, &said.errors)?;
    for secret in secrets
        .iter()
        .chain(&signatures)
        .map(String::as_str)
        .chain([KEY])
    {
        ensure!(!said.contains(secret), "{secret} was said");
    }
    Ok(())
}
