//! What happens to the brokers and to the feed.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use feed_simulator::Fault;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    schedule::{BrokerFault, BrokerFaultKind, FeedFault, Planned},
    world::{RATE, World},
};

/// A broker starts in seconds; on a busy machine in some more.
const BROKER_START_MAX: Duration = Duration::from_mins(2);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Hurts and heals brokers, episode by episode.
pub(crate) async fn hurt_brokers(
    world: Arc<World>,
    zero_ms: u64,
    episodes: Vec<Planned<Vec<BrokerFault>>>,
) -> Result<()> {
    for episode in episodes {
        sleep_until(&world, zero_ms, episode.at).await;
        let mut faults = JoinSet::new();
        for fault in episode.fault {
            faults.spawn(hurt_broker(Arc::clone(&world), fault));
        }
        while let Some(ended) = faults.join_next().await {
            ended??;
        }
        until_all_brokers_answer(&world).await?;
    }
    Ok(())
}

/// Waits until the cluster is whole.
pub(crate) async fn until_all_brokers_answer(world: &World) -> Result<()> {
    let begun = Instant::now();
    loop {
        let answered = world.cluster.wait_until_it_answers().await;
        if answered.is_ok() || begun.elapsed() > BROKER_START_MAX {
            return answered;
        }
    }
}

async fn hurt_broker(world: Arc<World>, fault: BrokerFault) -> Result<()> {
    let cluster = &world.cluster;
    sleep(fault.delay).await;
    let incident = world.begun(fault.kind);
    match fault.kind {
        BrokerFaultKind::Kill => cluster.kill(fault.broker)?,
        BrokerFaultKind::Freeze => cluster.pause(fault.broker)?,
        BrokerFaultKind::Restart => cluster.terminate(fault.broker)?,
    }
    sleep(fault.hold).await;
    match fault.kind {
        BrokerFaultKind::Kill => cluster.restart(fault.broker)?,
        BrokerFaultKind::Freeze => cluster.resume(fault.broker)?,
        BrokerFaultKind::Restart => {
            cluster.kill(fault.broker)?;
            cluster.restart(fault.broker)?;
        }
    }
    // The time a broker takes to start is not the service's.
    until_it_listens(&world, fault.broker).await?;
    world.healed(incident);
    Ok(())
}

async fn until_it_listens(world: &World, broker: usize) -> Result<()> {
    let servers = world.cluster.bootstrap_servers();
    let address = servers.split(',').nth(broker);
    let address = address.context("each broker has an address")?;
    let begun = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        ensure!(
            begun.elapsed() < BROKER_START_MAX,
            "broker {broker} does not come back"
        );
        sleep(ASK_AGAIN_AFTER).await;
    }
    Ok(())
}

/// Hurts and heals the feed, fault by fault.
pub(crate) async fn hurt_feed(
    world: Arc<World>,
    zero_ms: u64,
    faults: Vec<Planned<FeedFault>>,
) -> Result<()> {
    let feed = &world.feed;
    for Planned { at, fault } in faults {
        sleep_until(&world, zero_ms, at).await;
        let incident = world.begun(&fault);
        match fault {
            FeedFault::Cut(fault) => {
                feed.cut(fault.clone());
                if let Fault::Silence(silence) = fault {
                    sleep(silence).await;
                }
            }
            FeedFault::Refuse(fault, hold) => {
                feed.refuse(fault);
                feed.cut(Fault::Reset);
                sleep(hold).await;
                feed.accept_again();
            }
            FeedFault::Burst(rate, hold) => {
                feed.set_rate(f64::from(rate))?;
                sleep(hold).await;
                feed.set_rate(RATE)?;
            }
        }
        world.healed(incident);
    }
    Ok(())
}

/// Waits for a moment of the schedule; those that have passed are now.
pub(crate) async fn sleep_until(world: &World, zero_ms: u64, at: Duration) {
    let now = Duration::from_millis(world.now_ms() - zero_ms);
    sleep(at.saturating_sub(now)).await;
}
