//! Publishes one number after the other, as the leader, until it is killed.
//!
//! Says on its standard output what it has done, a line for each step.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Parser;
use model_application::ports::{LeaderLock as _, Leadership, ModelPublisher as _, PublishError};
use model_redis_adapter::{RedisLeaderLock, RedisPublisher};
use model_test_support::{Bug, Numbered, PATCH, Planted};
use redis_kit::{KeySpace, RedisPlace, RedisSettings, ServerKeySpace};
use tokio::time::sleep;
use uuid::Uuid;

/// Between two attempts at anything.
const PAUSE: Duration = Duration::from_millis(10);
const DOCUMENT_LIFE: Duration = Duration::from_hours(24);

#[derive(Parser)]
struct Arguments {
    /// Where Redis is.
    #[arg(long)]
    redis: String,
    /// What keys begin with.
    #[arg(long, default_value = "")]
    prefix: String,
    /// How long a call may take.
    #[arg(long)]
    deadline_ms: u64,
    /// How long the lock is held without being renewed.
    #[arg(long)]
    lock_ms: u64,
    /// Before each switch it waits for this file, if one is named.
    #[arg(long)]
    gate: Option<PathBuf>,
    /// A bug to make.
    #[arg(long)]
    bug: Option<Bug>,
}

struct Publisher {
    models: RedisPublisher,
    lock: RedisLeaderLock,
    lock_life: Duration,
    by: u64,
    gate: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let settings = RedisSettings {
        place: RedisPlace::try_new(&arguments.redis).map_err(anyhow::Error::msg)?,
        key_prefix: arguments.prefix,
    };
    let deadline = Duration::from_millis(arguments.deadline_ms);
    let mut keys: Arc<dyn KeySpace> = Arc::new(ServerKeySpace::new(&settings, deadline));
    if let Some(bug) = arguments.bug {
        keys = Arc::new(Planted::new(keys, bug));
    }
    let publisher = Publisher {
        models: RedisPublisher::new(Arc::clone(&keys), Some(DOCUMENT_LIFE)),
        lock: RedisLeaderLock::new(keys),
        lock_life: Duration::from_millis(arguments.lock_ms),
        by: Uuid::now_v7().as_u64_pair().1,
        gate: arguments.gate,
    };
    loop {
        match publisher.lead().await {
            Ok(()) => println!("lost the lock"),
            Err(error) => println!("failed: {error}"),
        }
        sleep(PAUSE).await;
    }
}

impl Publisher {
    /// Waits for the lock, and publishes as long as it has it.
    async fn lead(&self) -> Result<()> {
        let owner = self.by.to_string();
        let leadership = loop {
            if let Some(taken) = self.lock.take(&owner, self.lock_life).await? {
                break taken;
            }
            sleep(PAUSE).await;
        };
        println!("leads with {}", leadership.epoch);
        loop {
            let next = Numbered {
                number: self.newest().await? + 1,
                by: self.by,
            };
            match self.publish(next, &leadership).await {
                Ok(()) => println!("published {}", next.number),
                // Staged documents are gone with everything else.
                Err(PublishError::Missing { key }) => println!("missing {key}"),
                Err(PublishError::LeadershipLost) => {
                    println!("fenced with {}", next.number);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
            if !self.lock.renew(&leadership, self.lock_life).await? {
                return Ok(());
            }
        }
    }

    async fn newest(&self) -> Result<u64> {
        let overview = [format!("meta:patch_{PATCH}")];
        let values = self.models.published(&overview).await?;
        match &values[0] {
            Some(value) => Ok(Numbered::of(value).context("it names a number")?.number),
            None => Ok(0),
        }
    }

    async fn publish(
        &self,
        numbered: Numbered,
        leadership: &Leadership,
    ) -> Result<(), PublishError> {
        let publication = numbered.publication();
        self.models.stage(&publication).await?;
        if let Some(gate) = &self.gate {
            println!("staged {}", numbered.number);
            while !gate.exists() {
                sleep(PAUSE).await;
            }
        }
        self.models.switch(&publication, Some(leadership)).await?;
        self.models.verify(&publication).await?;
        let run = format!("{{\"run\":{}}}", numbered.number);
        self.models.record(run.into()).await
    }
}
