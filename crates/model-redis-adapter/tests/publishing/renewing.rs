//! What has not changed, and the runs that everybody may see.

use anyhow::{Result, ensure};
use model_application::ports::{ModelPublisher as _, PublishError, Renewal};

use super::{DAY, HOUR, Place, document, publication};

const ALL: [&str; 4] = [
    "counters:1",
    "counters:2",
    "meta:patch_7.36",
    "meta:patches",
];

fn renewal(run: u128) -> Renewal {
    Renewal {
        patch: "7.36".to_owned(),
        overview: document("meta:patch_7.36", run),
        index: document("meta:patches", run),
    }
}

pub(super) async fn what_has_not_changed_lives_on(place: &Place) -> Result<()> {
    let publisher = &place.publisher;
    let first = publication(1, "7.36", &["counters:1", "counters:2"]);
    publisher.stage(&first).await?;
    publisher.switch(&first, None).await?;
    place.time.pass(23 * HOUR).await?;
    publisher.renew(&renewal(2), None).await?;
    ensure!(place.shown(&ALL).await? == "1 1 2 2");
    place.time.pass(23 * HOUR).await?;
    ensure!(place.shown(&ALL).await? == "1 1 2 2");
    // What it has is known as long as it is there.
    publisher.renew(&renewal(3), None).await?;
    place.time.pass(DAY).await?;
    ensure!(place.shown(&ALL).await? == "- - - -");
    Ok(())
}

pub(super) async fn what_is_partly_gone_is_not_renewed(place: &Place) -> Result<()> {
    let publisher = &place.publisher;
    let nothing = publisher.renew(&renewal(1), None).await;
    ensure!(
        matches!(nothing, Err(PublishError::Missing { .. })),
        "{nothing:?}"
    );
    ensure!(place.shown(&ALL).await? == "- - - -");

    let first = publication(1, "7.36", &["counters:1", "counters:2"]);
    publisher.stage(&first).await?;
    publisher.switch(&first, None).await?;
    place.keys.delete(&["counters:2".to_owned()]).await?;
    let key = "counters:2".to_owned();
    let part = publisher.renew(&renewal(2), None).await;
    ensure!(part == Err(PublishError::Missing { key }), "{part:?}");
    ensure!(place.shown(&ALL).await? == "1 - 1 1");
    Ok(())
}

pub(super) async fn the_last_fifty_runs_are_kept(place: &Place) -> Result<()> {
    for run in 1..=53 {
        place.publisher.record(run.to_string().into()).await?;
    }
    let runs = place.keys.list("models:runs").await?;
    ensure!(runs.len() == 50);
    ensure!(runs[0] == "53" && runs[49] == "4", "{runs:?}");
    Ok(())
}
