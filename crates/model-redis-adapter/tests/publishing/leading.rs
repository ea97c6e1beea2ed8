//! One writer, also when an earlier one does not know that it is none.

use anyhow::{Context as _, Result, ensure};
use model_application::ports::{LeaderLock as _, ModelPublisher as _, PublishError, Renewal};

use super::{MINUTE, Place, document, publication};

pub(super) async fn a_leader_that_was_paused_changes_nothing(place: &Place) -> Result<()> {
    let (publisher, lock) = (&place.publisher, &place.lock);
    let first = lock.take("a", MINUTE).await?.context("it is free")?;
    let old = publication(1, "7.36", &["counters:1"]);
    publisher.stage(&old).await?;
    ensure!(lock.renew(&first, MINUTE).await?);
    place.time.pass(MINUTE).await?;

    let second = lock.take("b", MINUTE).await?.context("it has ended")?;
    ensure!(second.epoch > first.epoch);
    ensure!(lock.leader().await?.as_deref() == Some("b"));
    let new = publication(2, "7.36", &["counters:1"]);
    publisher.stage(&new).await?;
    publisher.switch(&new, Some(&second)).await?;

    let refused = publisher.switch(&old, Some(&first)).await;
    ensure!(refused == Err(PublishError::LeadershipLost), "{refused:?}");
    let renewal = Renewal {
        patch: "7.36".to_owned(),
        overview: document("meta:patch_7.36", 1),
        index: document("meta:patches", 1),
    };
    let refused = publisher.renew(&renewal, Some(&first)).await;
    ensure!(refused == Err(PublishError::LeadershipLost), "{refused:?}");
    ensure!(!lock.renew(&first, MINUTE).await?);
    ensure!(!lock.release(&first).await?);
    let all = ["counters:1", "meta:patch_7.36", "meta:patches"];
    ensure!(place.shown(&all).await? == "2 2 2");
    publisher.renew(&renewal, Some(&second)).await?;
    ensure!(place.shown(&all).await? == "2 1 1");
    Ok(())
}

pub(super) async fn whoever_lets_go_lets_the_next_one_in(place: &Place) -> Result<()> {
    let lock = &place.lock;
    ensure!(lock.leader().await?.is_none());
    let first = lock.take("a", MINUTE).await?.context("it is free")?;
    ensure!(lock.take("b", MINUTE).await?.is_none());
    ensure!(lock.release(&first).await?);
    let second = lock.take("b", MINUTE).await?.context("it is free")?;
    ensure!(second.epoch > first.epoch);
    Ok(())
}
