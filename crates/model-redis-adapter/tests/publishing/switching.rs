//! What readers see of a publication, and when.

use anyhow::{Result, ensure};
use model_application::ports::{ModelPublisher as _, PublishError, RunId};
use redis_kit::TimeToLive;
use uuid::Uuid;

use super::{DAY, HOUR, MINUTE, Place, publication};

const ALL: [&str; 4] = [
    "counters:1",
    "counters:2",
    "meta:patch_7.36",
    "meta:patches",
];

fn staged(run: u128, key: &str) -> String {
    format!("staging:{}:{key}", RunId(Uuid::from_u128(run)))
}

pub(super) async fn readers_see_nothing_of_what_is_staged_and_then_all_of_it(
    place: &Place,
) -> Result<()> {
    let publisher = &place.publisher;
    let first = publication(1, "7.36", &["counters:1", "counters:2"]);
    publisher.stage(&first).await?;
    ensure!(place.shown(&ALL).await? == "- - - -");
    let (one, two) = (staged(1, "counters:1"), staged(1, "counters:2"));
    ensure!(place.shown(&[&one, &two]).await? == "1 1");
    let waits = place.keys.time_to_live(&one).await?;
    ensure!(
        matches!(waits, TimeToLive::Left(left) if left <= HOUR),
        "{waits:?}"
    );

    publisher.switch(&first, None).await?;
    publisher.verify(&first).await?;
    ensure!(place.shown(&ALL).await? == "1 1 1 1");
    ensure!(place.shown(&[&one, &two]).await? == "- -");

    let second = publication(2, "7.36", &["counters:1", "counters:2"]);
    publisher.stage(&second).await?;
    ensure!(place.shown(&ALL).await? == "1 1 1 1");
    publisher.switch(&second, None).await?;
    ensure!(place.shown(&ALL).await? == "2 2 2 2");
    publisher.verify(&second).await?;
    place.time.pass(DAY).await?;
    ensure!(
        place.shown(&ALL).await? == "- - - -",
        "everything has the same end"
    );
    Ok(())
}

pub(super) async fn what_a_patch_has_no_more_is_gone_and_other_patches_stay(
    place: &Place,
) -> Result<()> {
    let publisher = &place.publisher;
    let other = publication(1, "7.35", &["counters:old"]);
    let first = publication(1, "7.36", &["counters:1", "counters:2"]);
    let second = publication(2, "7.36", &["counters:2", "counters:3"]);
    for publication in [&other, &first, &second] {
        publisher.stage(publication).await?;
        publisher.switch(publication, None).await?;
    }
    let all = ["counters:1", "counters:2", "counters:3", "counters:old"];
    ensure!(place.shown(&all).await? == "- 2 2 1");
    Ok(())
}

/// As when the answer to the first attempt was lost.
pub(super) async fn a_switch_may_be_repeated(place: &Place) -> Result<()> {
    let publisher = &place.publisher;
    let publication = publication(1, "7.36", &["counters:1", "counters:2"]);
    publisher.stage(&publication).await?;
    publisher.switch(&publication, None).await?;
    publisher.switch(&publication, None).await?;
    publisher.verify(&publication).await?;
    // Also when everything was staged once more.
    publisher.stage(&publication).await?;
    publisher.switch(&publication, None).await?;
    ensure!(place.shown(&ALL).await? == "1 1 1 1");
    Ok(())
}

pub(super) async fn what_was_staged_too_long_ago_is_staged_again(place: &Place) -> Result<()> {
    let publisher = &place.publisher;
    let first = publication(1, "7.36", &["counters:1", "counters:2"]);
    publisher.stage(&first).await?;
    publisher.switch(&first, None).await?;
    let second = publication(2, "7.36", &["counters:1", "counters:2"]);
    publisher.stage(&second).await?;
    place.time.pass(HOUR).await?;
    let refused = publisher.switch(&second, None).await;
    let key = staged(2, "counters:1");
    ensure!(refused == Err(PublishError::Missing { key }), "{refused:?}");
    ensure!(place.shown(&ALL).await? == "1 1 1 1");
    publisher.stage(&second).await?;
    publisher.switch(&second, None).await?;
    ensure!(place.shown(&ALL).await? == "2 2 2 2");
    place.time.pass(23 * HOUR + MINUTE).await?;
    ensure!(
        place.shown(&ALL).await? == "2 2 2 2",
        "a day has begun with the second"
    );
    Ok(())
}

pub(super) async fn those_who_listen_are_told(place: &Place) -> Result<()> {
    let mut heard = place.keys.subscribe("models:published").await?;
    let publication = publication(7, "7.36", &["counters:1"]);
    place.publisher.stage(&publication).await?;
    place.publisher.switch(&publication, None).await?;
    let message = heard.next().await;
    let expected = r#"{"patch":"7.36","run":"00000000-0000-0000-0000-000000000007"}"#;
    ensure!(message.is_some_and(|message| message == expected));
    Ok(())
}

pub(super) async fn what_is_not_as_it_was_published_is_found(place: &Place) -> Result<()> {
    let publisher = &place.publisher;
    let keys: Vec<_> = (0..19).map(|number| format!("counters:{number}")).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let all = publication(1, "7.36", &keys);
    publisher.stage(&all).await?;
    publisher.switch(&all, None).await?;
    publisher.verify(&all).await?;
    // As many as are read again, so each is.
    for key in keys.into_iter().chain(["meta:patch_7.36"]) {
        let key = key.to_owned();
        let other = (key.clone(), "other".into());
        place.keys.set_many(&[other], None).await?;
        let found = publisher.verify(&all).await;
        ensure!(
            found == Err(PublishError::Different { key: key.clone() }),
            "{found:?}"
        );
        place.keys.delete(std::slice::from_ref(&key)).await?;
        let found = publisher.verify(&all).await;
        ensure!(
            found == Err(PublishError::Missing { key: key.clone() }),
            "{found:?}"
        );
        place.keys.set_many(&[(key, "1".into())], None).await?;
    }
    publisher.verify(&publication(1, "7.36", &[])).await?;
    Ok(())
}
