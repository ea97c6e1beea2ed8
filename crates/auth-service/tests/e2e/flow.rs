//! The whole way, and whoever takes the tokens at its end.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use auth_kit::{AuthSettings, Principal, Scope, TokenVerifier, VerifierParts};
use health_kit::{HealthStatus, SystemClock};
use identity::Issuer;
use redis_kit::{RedisPlace, RedisSettings, ServerKeySpace};
use redis_test_kit::shared_redis;
use reqwest::StatusCode;
use sql_test_kit::shared_postgres;
use steam_simulator::Person;
use tempfile::TempDir;
use test_kit::waiting::wait_for;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{ANA, DEADLINE, ISSUER, Tokens, World};

/// Another service, which takes tokens.
struct Elsewhere {
    verifier: TokenVerifier,
    /// Until it is dropped, it looks for keys.
    _looking: DropGuard,
}

impl Elsewhere {
    /// It finds the keys at `url`, keeps them in `folder`, and looks for ended sessions in `redis`.
    fn start(url: &str, folder: &Path, redis: Option<&RedisSettings>) -> Result<Self> {
        let settings = AuthSettings {
            issuer: Some(Issuer::try_new(ISSUER)?),
            audience: "match-platform".to_owned(),
            key_set_url: Some(format!("{url}/.well-known/jwks.json")),
            key_file: folder.join("jwks.json"),
            skew: Duration::from_secs(30),
        };
        let parts = VerifierParts {
            user_agent: "another-service/1".to_owned(),
            when_without: HealthStatus::Unhealthy,
            sessions: redis.map(|redis| Arc::new(ServerKeySpace::new(redis, DEADLINE)) as _),
            clock: Arc::new(SystemClock),
        };
        let verifier = TokenVerifier::try_new(&settings, parts).map_err(anyhow::Error::msg)?;
        let end = CancellationToken::new();
        let (watching, ended) = (verifier.clone(), end.clone());
        tokio::spawn(async move { watching.watch(ended).await });
        Ok(Self {
            verifier,
            _looking: end.drop_guard(),
        })
    }

    /// Whose token it is, as soon as the keys are there.
    async fn who(&self, tokens: &Tokens) -> Result<Arc<Principal>> {
        wait_for(DEADLINE, "the token is taken", async || {
            self.verifier.verify(&tokens.access).await.ok()
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_and_the_token_is_taken_elsewhere_also_with_auth_dead() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("flow").await?;
    let world = World::new(&url)
        .await?
        .with("STEAM_API_KEY", Some("zQz-api-key"));
    let api = world.steam.origin().to_owned();
    let world = world.with("STEAM_API_URL", Some(&api));
    let picture = "https://avatars.example/ana.jpg".to_owned();
    let person = Person {
        name: "Ana".to_owned(),
        picture: picture.clone(),
    };
    world.steam.call(ANA.to_string().parse()?, person);
    let service = world.start_ready().await?;
    let health = service.site.text("/api/v1/health").await;
    ensure!(health.contains("STEAM_SIMULATED"), "{health}");

    let begun_at = world.steam.counts();
    ensure!(begun_at.checks == 0, "nobody has come yet");
    let tokens = world.sign_in(&service, ANA).await?;
    ensure!(world.steam.counts().checks == 1, "Steam was asked once");

    let folder = TempDir::new()?;
    let elsewhere = Elsewhere::start(&service.site.url, folder.path(), None)?;
    let who = elsewhere.who(&tokens).await?;
    ensure!(
        who.steam_id.map(|id| id.to_string()) == Some(ANA.to_string()),
        "{who:?}"
    );
    ensure!(who.name.as_ref().map(ToString::to_string).as_deref() == Some("Ana"));
    ensure!(who.picture.as_ref().map(ToString::to_string) == Some(picture));
    ensure!(who.scopes.contains(Scope::ProfileWrite));
    ensure!(
        !who.scopes.contains(Scope::Admin),
        "she asked for more than she may have"
    );
    drop(elsewhere);

    // Auth is dead, and the other service is started again.
    let refreshed = service.refresh(&tokens.refresh).await?;
    let url = service.site.url.clone();
    service.kill()?;
    let restarted = Elsewhere::start(&url, folder.path(), None)?;
    let again = restarted.who(&refreshed).await?;
    ensure!(again.user == who.user && again.session == who.session);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_is_known_elsewhere_by_redis() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("redis").await?;
    let redis = shared_redis().await?;
    let prefix = redis.fresh_prefix("auth").await?;
    let settings = RedisSettings {
        place: RedisPlace::try_new(redis.url()).map_err(anyhow::Error::msg)?,
        key_prefix: prefix.clone(),
    };
    let world = World::new(&url)
        .await?
        .with("REDIS_URL", Some(redis.url()))
        .with("REDIS_KEY_PREFIX", Some(&prefix));
    let service = world.start_ready().await?;
    let tokens = world.sign_in(&service, ANA).await?;
    let folder = TempDir::new()?;
    let reads = Elsewhere::start(&service.site.url, folder.path(), Some(&settings))?;
    reads.who(&tokens).await?;

    let revoked = service
        .form("/revoke", &[("token", &tokens.refresh)])
        .await?;
    ensure!(revoked.status() == StatusCode::OK);
    let refused = reads.verifier.verify(&tokens.access).await.err();
    refused.context("its session has ended")?;
    let told = redis.keys(&prefix).await?;
    ensure!(
        told.len() == 1 && told[0].contains("auth:revoked:"),
        "{told:?}"
    );
    ensure!(service.stop().await? == 0);
    Ok(())
}
