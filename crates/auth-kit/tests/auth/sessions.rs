//! Sessions that ended before their tokens, where there is Redis.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use auth_kit::Refused;
use bytes::Bytes;
use identity::revoked_key;
use redis_kit::{KeySpace, MemoryKeySpace, RedisPlace, RedisSettings, ServerKeySpace};
use test_kit::ports::free_ports;

use crate::world::{Watched, World, taken};

async fn with_sessions(world: &World, keys: Arc<dyn KeySpace>) -> Result<Watched> {
    let watched = Watched::begin(world.unwatched(&world.settings()?, Some(keys))?);
    watched
        .is(health_kit::HealthStatus::Healthy, "1 key")
        .await?;
    Ok(watched)
}

#[tokio::test]
async fn a_token_of_a_session_that_has_ended_is_refused_from_then_on() -> Result<()> {
    let world = World::new().await?;
    let keys = MemoryKeySpace::new(Arc::clone(&world.clock) as _);
    let watched = with_sessions(&world, Arc::new(keys.clone())).await?;
    let token = world.token();
    let session = taken(&watched.verifier, &token).await?.session;
    let session = session.expect("it names one");
    let value = (revoked_key(session), Bytes::from_static(b"1"));
    keys.set_many(&[value], None).await?;
    ensure!(watched.verifier.verify(&token).await == Err(Refused::SessionEnded));
    // Whoever has another session, or none, is not meant.
    let mut claims = world.claims();
    claims["sid"] = serde_json::Value::from("01890000-0000-7000-8000-0000000000ff");
    taken(&watched.verifier, &world.issuer.sign(&claims)).await?;
    if let Some(claims) = claims.as_object_mut() {
        claims.remove("sid");
    }
    taken(&watched.verifier, &world.issuer.sign(&claims)).await?;
    Ok(())
}

#[tokio::test]
async fn while_redis_is_away_tokens_are_taken() -> Result<()> {
    let world = World::new().await?;
    let port = free_ports(1)?[0];
    let settings = RedisSettings {
        place: RedisPlace::try_new(&format!("redis://127.0.0.1:{port}"))
            .map_err(anyhow::Error::msg)?,
        key_prefix: String::new(),
    };
    let keys = ServerKeySpace::new(&settings, Duration::from_secs(1));
    let watched = with_sessions(&world, Arc::new(keys)).await?;
    for _ in 0..3 {
        taken(&watched.verifier, &world.token()).await?;
    }
    Ok(())
}
