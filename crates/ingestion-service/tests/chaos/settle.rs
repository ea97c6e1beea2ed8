//! The end of a run: everything healed, everything delivered, the service ended.

use std::time::Duration;

use anyhow::Result;
use test_kit::waiting::wait_until;
use tokio::time::timeout;

use crate::{
    keeper::Keeper,
    lanes::until_all_brokers_answer,
    world::{RATE, World},
};

/// Everything is well again within this time.
const SETTLED_MAX: Duration = Duration::from_mins(2);
/// So few that no more come; what was sent and not proved is sent again at once.
const NEARLY_NOTHING: f64 = 0.001;

/// Heals everything, lets the service deliver what is left in both folders, and ends it.
pub(crate) async fn settle(world: &World, keeper: &mut Keeper) -> Result<()> {
    until_all_brokers_answer(world).await?;
    world.feed.accept_again();
    world.feed.set_rate(RATE)?;
    until_all_is_well(world, keeper).await;
    if keeper.is_other_left() {
        keeper.end_with_nothing_pending().await?;
        keeper.change_folder_if_left();
        keeper.launch(&[])?;
        until_all_is_well(world, keeper).await;
    }
    world.feed.set_rate(NEARLY_NOTHING)?;
    let proved = world.feed.until(|truth| truth.frames_unproved == 0);
    if timeout(SETTLED_MAX, proved).await.is_err() {
        world.finding("the service does not read what the feed has sent");
    }
    world.feed.pause();
    note_failure(world, keeper.until_nothing_is_pending(SETTLED_MAX).await);
    keeper.end_with_nothing_pending().await
}

/// The service is healthy, and publishes after every fault there was.
async fn until_all_is_well(world: &World, keeper: &Keeper) {
    note_failure(world, keeper.until_health_is("healthy", SETTLED_MAX).await);
    note_failure(world, until_all_is_recovered(world).await);
}

async fn until_all_is_recovered(world: &World) -> Result<()> {
    let all_recovered = async || {
        let incidents = world.incidents();
        incidents.iter().all(|it| it.recovered_ms.is_some())
    };
    wait_until(
        SETTLED_MAX,
        "published again after each fault",
        all_recovered,
    )
    .await
}

fn note_failure(world: &World, outcome: Result<()>) {
    if let Err(error) = outcome {
        world.finding(format!("{error:#}"));
    }
}
