//! Changes in one step: whole or not at all, for those who read and for those
//! who have lost the lock.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use redis_kit::{Change, Guard, KeySpace, Lock, Outcome, Step, TimeToLive};

use super::{HOUR, MINUTE, Target, bytes, put, shown};

pub(super) async fn check(make: impl AsyncFn() -> Result<Box<dyn Target>>) -> Result<()> {
    everything_changes(&*make().await?).await?;
    nothing_changes_when_a_key_is_missing(&*make().await?).await?;
    what_moves_has_its_new_end(&*make().await?).await?;
    listeners_find_what_they_are_told_of(&*make().await?).await?;
    whoever_lost_the_lock_changes_nothing(&*make().await?).await?;
    whoever_has_the_lock_may_also_have_let_it_end(&*make().await?).await?;
    an_epoch_of_before_a_loss_is_no_good(&*make().await?).await?;
    readers_never_see_a_part(&*make().await?).await
}

fn rename(from: &str, to: &str, expiry: Option<Duration>) -> Step {
    Step::Rename {
        from: from.to_owned(),
        to: to.to_owned(),
        expiry,
    }
}

fn set(key: &str, value: &str) -> Step {
    Step::Set {
        key: key.to_owned(),
        value: bytes(value),
        expiry: Some(HOUR),
    }
}

fn renew(key: &str, expiry: Option<Duration>) -> Step {
    Step::Renew {
        key: key.to_owned(),
        expiry,
    }
}

fn delete(key: &str) -> Step {
    Step::Delete {
        key: key.to_owned(),
    }
}

fn publish(channel: &str, message: &str) -> Step {
    Step::Publish {
        channel: channel.to_owned(),
        message: bytes(message),
    }
}

async fn change(keys: &dyn KeySpace, guard: Option<&Guard>, steps: Vec<Step>) -> Result<Outcome> {
    let guard = guard.cloned();
    Ok(keys.change(&Change { guard, steps }).await?)
}

fn lock() -> Lock {
    Lock {
        owner_key: "leader".to_owned(),
        epoch_key: "epoch".to_owned(),
    }
}

async fn take(keys: &dyn KeySpace, owner: &str) -> Result<Guard> {
    let epoch = keys.take_lock(&lock(), owner, MINUTE).await?;
    Ok(Guard {
        lock: lock(),
        owner: owner.to_owned(),
        epoch: epoch.context("the lock is free")?,
    })
}

async fn everything_changes(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    put(
        &*keys,
        &[("staged", "new"), ("here", "old"), ("gone", "old")],
        None,
    )
    .await?;
    let steps = vec![
        rename("staged", "here", None),
        set("meta", "m"),
        delete("gone"),
        delete("never there"),
        renew("here too", None),
    ];
    put(&*keys, &[("here too", "same")], Some(MINUTE)).await?;
    ensure!(change(&*keys, None, steps).await? == Outcome::Made);
    let all = ["staged", "here", "gone", "meta", "here too"];
    ensure!(shown(&*keys, &all).await? == "- new - m same");
    ensure!(keys.time_to_live("here too").await? == TimeToLive::Endless);
    ensure!(change(&*keys, None, Vec::new()).await? == Outcome::Made);
    Ok(())
}

async fn nothing_changes_when_a_key_is_missing(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    put(
        &*keys,
        &[("staged", "new"), ("here", "old"), ("gone", "old")],
        None,
    )
    .await?;
    for missing in [rename("lost", "x", None), renew("lost", None)] {
        let steps = vec![
            set("meta", "m"),
            delete("gone"),
            rename("staged", "here", Some(HOUR)),
            missing,
        ];
        let outcome = change(&*keys, None, steps).await?;
        ensure!(
            outcome == Outcome::Missing("lost".to_owned()),
            "{outcome:?}"
        );
        let all = ["staged", "here", "gone", "meta"];
        ensure!(shown(&*keys, &all).await? == "new old old -");
        ensure!(keys.time_to_live("staged").await? == TimeToLive::Endless);
    }
    Ok(())
}

async fn what_moves_has_its_new_end(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    put(&*keys, &[("a", "1"), ("b", "2"), ("c", "3")], Some(MINUTE)).await?;
    put(&*keys, &[("kept", "4"), ("to a", "0")], Some(MINUTE)).await?;
    let steps = vec![
        rename("a", "to a", Some(HOUR)),
        rename("b", "to b", None),
        renew("kept", Some(HOUR)),
        set("set", "5"),
    ];
    ensure!(change(&*keys, None, steps).await? == Outcome::Made);
    target.pass(MINUTE).await?;
    let all = ["to a", "to b", "c", "kept", "set"];
    ensure!(shown(&*keys, &all).await? == "1 2 - 4 5");
    target.pass(HOUR).await?;
    ensure!(shown(&*keys, &all).await? == "- 2 - - -");
    Ok(())
}

async fn listeners_find_what_they_are_told_of(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    put(&*keys, &[("staged", "new")], None).await?;
    let mut heard = keys.subscribe("published").await?;
    let steps = vec![publish("published", "here"), rename("staged", "here", None)];
    ensure!(change(&*keys, None, steps).await? == Outcome::Made);
    ensure!(heard.next().await == Some(bytes("here")));
    ensure!(shown(&*keys, &["here"]).await? == "new");
    // Of what is not made nobody hears.
    let steps = vec![publish("published", "not"), renew("lost", None)];
    change(&*keys, None, steps).await?;
    keys.publish("published", bytes("last")).await?;
    ensure!(heard.next().await == Some(bytes("last")));
    Ok(())
}

async fn whoever_lost_the_lock_changes_nothing(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    put(
        &*keys,
        &[("old staged", "old"), ("new staged", "new")],
        None,
    )
    .await?;
    let old = take(&*keys, "old").await?;
    target.pass(MINUTE).await?;
    let new = take(&*keys, "new").await?;
    ensure!(new.epoch > old.epoch, "{new:?} is not above {old:?}");
    let steps = |from: &str| vec![rename(from, "here", None), set("meta", from)];
    let made = change(&*keys, Some(&new), steps("new staged")).await?;
    ensure!(made == Outcome::Made);
    let fenced = change(&*keys, Some(&old), steps("old staged")).await?;
    ensure!(fenced == Outcome::Fenced);
    ensure!(shown(&*keys, &["here", "meta", "old staged"]).await? == "new new staged old");
    // Also when the later one has let go.
    ensure!(keys.release_lock(&lock(), "new").await?);
    let fenced = change(&*keys, Some(&old), steps("old staged")).await?;
    ensure!(fenced == Outcome::Fenced);
    Ok(())
}

async fn whoever_has_the_lock_may_also_have_let_it_end(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    let guard = take(&*keys, "slow").await?;
    ensure!(change(&*keys, Some(&guard), vec![set("a", "1")]).await? == Outcome::Made);
    target.pass(MINUTE).await?;
    let made = change(&*keys, Some(&guard), vec![set("a", "2")]).await?;
    ensure!(made == Outcome::Made, "nobody else has taken it");
    // With the same epoch, as after a failover that has lost the newest.
    let other = take(&*keys, "other").await?;
    let same = Guard {
        epoch: other.epoch,
        ..guard
    };
    let fenced = change(&*keys, Some(&same), vec![set("a", "3")]).await?;
    ensure!(fenced == Outcome::Fenced, "another has the lock");
    Ok(())
}

async fn an_epoch_of_before_a_loss_is_no_good(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    let before = take(&*keys, "before").await?;
    target.clear().await?;
    put(&*keys, &[("staged", "1")], None).await?;
    let steps = || vec![rename("staged", "here", None)];
    ensure!(change(&*keys, Some(&before), steps()).await? == Outcome::Fenced);
    target.pass(MINUTE).await?;
    let after = take(&*keys, "after").await?;
    ensure!(after.epoch >= before.epoch, "{after:?} is below {before:?}");
    ensure!(change(&*keys, Some(&before), steps()).await? == Outcome::Fenced);
    ensure!(change(&*keys, Some(&after), steps()).await? == Outcome::Made);
    Ok(())
}

async fn readers_never_see_a_part(target: &dyn Target) -> Result<()> {
    const KEYS: usize = 127;
    const CHANGES: usize = 30;
    let keys = target.keys();
    let published: Vec<_> = (0..KEYS).map(|key| format!("hero:{key}")).collect();
    let stage_and_change = async |number: usize| {
        let values = published.iter().map(|key| {
            let value = bytes(&number.to_string());
            (format!("staging:{number}:{key}"), value)
        });
        keys.set_many(&values.collect::<Vec<_>>(), Some(HOUR))
            .await?;
        let from = |key: &String| format!("staging:{number}:{key}");
        let steps = published
            .iter()
            .map(|key| rename(&from(key), key, Some(HOUR)));
        change(&*keys, None, steps.collect()).await
    };
    stage_and_change(0).await?;
    let done = AtomicBool::new(false);
    let change_all = async {
        for number in 1..=CHANGES {
            ensure!(stage_and_change(number).await? == Outcome::Made);
            // Where no call waits for anything, the reader has its turn here.
            tokio::task::yield_now().await;
        }
        done.store(true, Ordering::Relaxed);
        Ok(())
    };
    let read = async {
        let mut reads = 0;
        while !done.load(Ordering::Relaxed) {
            let values = keys.get_many(&published).await?;
            let first = values[0].as_ref().context("it is there")?;
            ensure!(
                values.iter().all(|value| value.as_ref() == Some(first)),
                "mixed"
            );
            reads += 1;
            tokio::task::yield_now().await;
        }
        ensure!(reads > 0);
        Ok(())
    };
    tokio::try_join!(change_all, read)?;
    Ok(())
}
