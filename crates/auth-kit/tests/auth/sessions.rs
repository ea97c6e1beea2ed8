//! Sessions that ended before their tokens, where there is Redis.

use std::sync::Arc;

use anyhow::{Result, ensure};
use auth_kit::Refused;
use bytes::Bytes;
use identity::revoked_key;
use redis_kit::{KeySpace, MemoryKeySpace, RedisPlace, RedisSettings, ServerKeySpace};
use test_kit::ports::free_ports;
use tokio::{net::TcpListener, time::timeout};

use crate::world::{DEADLINE, Watched, World, taken};

/// Keys on a server at this port, which is waited for much longer than anybody waits for an answer.
fn at(port: u16) -> Result<Arc<dyn KeySpace>> {
    let url = format!("redis://127.0.0.1:{port}");
    let settings = RedisSettings {
        place: RedisPlace::try_new(&url).map_err(anyhow::Error::msg)?,
        key_prefix: String::new(),
    };
    Ok(Arc::new(ServerKeySpace::new(&settings, 20 * DEADLINE)))
}

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
    let watched = with_sessions(&world, at(free_ports(1)?[0])?).await?;
    for _ in 0..3 {
        taken(&watched.verifier, &world.token()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_redis_that_is_silent_holds_nobody_up() -> Result<()> {
    let world = World::new().await?;
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let watched = with_sessions(&world, at(silent.local_addr()?.port())?).await?;
    let takes = async {
        for _ in 0..3 {
            taken(&watched.verifier, &world.token()).await?;
        }
        Ok(())
    };
    timeout(DEADLINE, takes).await?
}
