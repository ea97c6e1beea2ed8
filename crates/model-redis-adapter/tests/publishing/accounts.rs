//! Scores of accounts, and which are wanted.

use anyhow::{Context as _, Result, ensure};
use model_application::{
    SkillSpread,
    ports::{AccountStore as _, Document, LeaderLock as _, PublishError},
};
use redis_kit::TimeToLive;

use super::{DAY, MINUTE, Place, document};

pub(super) async fn scores_are_seen_and_end_by_themselves(place: &Place) -> Result<()> {
    // More than a change has, by number and by bytes.
    let documents: Vec<_> = (0..300)
        .map(|number: usize| {
            let length = if number == 200 { 600_000 } else { number };
            Document {
                key: format!("pas:account_{number}"),
                json: vec![b'x'; length].into(),
            }
        })
        .collect();
    place.accounts.put(&documents, None).await?;
    place.accounts.put(&[], None).await?;
    for document in &documents {
        let seen = place.keys.get(&document.key).await?;
        ensure!(seen.as_ref() == Some(&document.json), "{}", document.key);
    }
    let left = place.keys.time_to_live("pas:account_299").await?;
    let TimeToLive::Left(left) = left else {
        anyhow::bail!("it ends {left:?}");
    };
    ensure!(left <= DAY && left + MINUTE > DAY, "{left:?}");
    place
        .accounts
        .put(&[document("pas:account_1", 2)], None)
        .await?;
    ensure!(place.shown(&["pas:account_1"]).await? == "2");
    Ok(())
}

pub(super) async fn a_leader_that_was_paused_puts_nothing(place: &Place) -> Result<()> {
    let (accounts, lock) = (&place.accounts, &place.lock);
    let first = lock.take("a", MINUTE).await?.context("it is free")?;
    accounts
        .put(&[document("pas:account_1", 1)], Some(&first))
        .await?;
    place.time.pass(MINUTE).await?;
    let second = lock.take("b", MINUTE).await?.context("it has ended")?;
    let new = [document("pas:account_1", 2)];
    accounts.put(&new, Some(&second)).await?;
    let spread = SkillSpread::default();
    accounts.keep_spread(spread, Some(&second)).await?;

    let late = [document("pas:account_1", 3), document("pas:account_2", 3)];
    let refused = accounts.put(&late, Some(&first)).await;
    ensure!(refused == Err(PublishError::LeadershipLost), "{refused:?}");
    let other = SkillSpread {
        account: 1.0,
        ..spread
    };
    let refused = accounts.keep_spread(other, Some(&first)).await;
    ensure!(refused == Err(PublishError::LeadershipLost), "{refused:?}");
    ensure!(place.shown(&["pas:account_1", "pas:account_2"]).await? == "2 -");
    ensure!(accounts.spread().await? == Some(spread));
    Ok(())
}

pub(super) async fn those_that_are_tracked_are_known(place: &Place) -> Result<()> {
    let accounts = &place.accounts;
    ensure!(accounts.tracked(10).await?.accounts.is_empty());
    let members = ["76482434", "5", "0", "4294967295", "x", ""];
    place.time.add_members("pas:accounts", &members).await?;
    let mut tracked = accounts.tracked(10).await?;
    tracked.accounts.sort();
    let ids: Vec<_> = tracked.accounts.iter().map(|it| it.get()).collect();
    ensure!(ids == [5, 76_482_434] && tracked.others == 4, "{tracked:?}");
    let some = accounts.tracked(3).await?;
    ensure!(some.accounts.len() + some.others == 3, "{some:?}");
    Ok(())
}

pub(super) async fn the_spread_is_kept_to_the_last_digit(place: &Place) -> Result<()> {
    let accounts = &place.accounts;
    ensure!(accounts.spread().await?.is_none());
    let spread = SkillSpread {
        account: 0.1 + 0.2,
        hero: 1e-8 / 3.0,
        slope: -2.0 / 3.0,
    };
    accounts.keep_spread(spread, None).await?;
    ensure!(accounts.spread().await? == Some(spread));
    for odd in ["", "1 2", "1 2 x", "1 2 NaN"] {
        let value = ("models:skill_spread".to_owned(), odd.to_owned().into());
        place.keys.set_many(&[value], None).await?;
        ensure!(accounts.spread().await?.is_none(), "{odd}");
    }
    Ok(())
}
