//! What every store of profiles must do, as one suite of checks.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context as _, Result, bail, ensure};
use domain::UserId;
use futures_util::future::join_all;
use user_application::{
    Details, Plan, Profile, Subscription, Version,
    ports::{
        Begun, CHANGES_MAX, Change, Changed, Deletion, Found, ProfileStore, RememberedChange,
        Removal, Remover, Subscribed, SubscriptionOrder,
    },
};

use crate::users::{beginning, details, time, user};

/// So many ask at the same time.
const MANY: u8 = 8;

/// Checks everything; `make` makes an empty store.
///
/// # Errors
/// A promise is broken; it says which.
pub async fn check(make: impl AsyncFn() -> Result<Arc<dyn ProfileStore>>) -> Result<()> {
    let fresh = async || make().await.context("a store can be made");
    what_was_written_is_read(&*fresh().await?)
        .await
        .context("what was written is read")?;
    a_profile_begins_once(&*fresh().await?)
        .await
        .context("a profile begins once")?;
    a_change_needs_the_newest_version(&*fresh().await?)
        .await
        .context("a change needs the newest version")?;
    of_several_changes_one_is_made(&*fresh().await?)
        .await
        .context("of several changes one is made")?;
    the_newest_changes_are_remembered(&*fresh().await?)
        .await
        .context("the newest changes are remembered")?;
    what_is_deleted_is_gone(&*fresh().await?)
        .await
        .context("what is deleted is gone")?;
    who_signed_in_before_begins_and_removes_nothing(&*fresh().await?)
        .await
        .context("who signed in before begins and removes nothing")?;
    an_administrator_removes_what_is_there(&*fresh().await?)
        .await
        .context("an administrator removes what is there")?;
    a_subscription_is_set(&*fresh().await?)
        .await
        .context("a subscription is set")?;
    an_order_with_a_key_is_one(&*fresh().await?)
        .await
        .context("an order with a key is one")?;
    pages_are_in_the_order_of_ids(&*fresh().await?)
        .await
        .context("pages are in the order of ids")
}

async fn begun(store: &dyn ProfileStore, number: u8, seconds: i64) -> Result<Profile> {
    match store.begin(beginning(number, seconds)).await? {
        Begun::Profile(profile) => Ok(*profile),
        Begun::Barred => bail!("user {number} is barred"),
    }
}

fn change(profile: &Profile, details: Details, seconds: i64) -> Change {
    Change {
        user: profile.user,
        from: profile.version,
        fields: profile.details.differences(&details),
        details,
        by: user(200),
        at: time(seconds),
    }
}

async fn changed(store: &dyn ProfileStore, change: Change) -> Result<Profile> {
    match store.change(change).await? {
        Changed::Yes(profile) => Ok(*profile),
        other => bail!("{other:?}"),
    }
}

async fn profile(store: &dyn ProfileStore, user: UserId) -> Result<Profile> {
    let found = store.find(user).await?;
    found.profile.context("there is a profile")
}

fn removal(number: u8, by: Remover, seconds: i64) -> Removal {
    Removal {
        user: user(number),
        by,
        at: time(seconds),
    }
}

fn order(number: u8, plan: Plan, key: Option<&str>, seconds: i64) -> SubscriptionOrder {
    SubscriptionOrder {
        user: user(number),
        subscription: Subscription {
            plan,
            status: "past_due".to_owned(),
            current_period_end: Some(time(100_000)),
            source: Some("a \"shop\"".to_owned()),
        },
        key: key.map(str::to_owned),
        keys_since: time(seconds - 24 * 3_600),
        by: user(200),
        at: time(seconds),
    }
}

async fn what_was_written_is_read(store: &dyn ProfileStore) -> Result<()> {
    ensure!(store.find(user(1)).await? == Found::default());
    let first = begun(store, 1, 0).await?;
    ensure!(first == beginning(1, 0).profile(None), "{first:?}");
    ensure!(first.version == Version::new(1) && first.updated_at == time(0));
    ensure!(profile(store, user(1)).await? == first);
    let whole = changed(store, change(&first, details("käse \u{1F9C0}"), 10)).await?;
    ensure!(
        whole == first.changed(details("käse \u{1F9C0}"), time(10)),
        "{whole:?}"
    );
    ensure!(whole.version == Version::new(2));
    let read = profile(store, user(1)).await?;
    ensure!(read == whole, "{read:?} for {whole:?}");

    // What was given can be taken away again, and Steam may be silent.
    let least = changed(store, change(&whole, Details::first(None, None), 20)).await?;
    ensure!(profile(store, user(1)).await? == least);
    let mut nobody = beginning(2, 0);
    nobody.steam_id = None;
    store.begin(nobody).await?;
    ensure!(profile(store, user(2)).await?.steam_id.is_none());
    ensure!(
        profile(store, user(1)).await? == least,
        "another's is another's"
    );

    // Clocks of two instances differ.
    let later = changed(store, change(&least, details("b"), -1_000)).await?;
    ensure!(later.updated_at == time(20) && profile(store, user(1)).await? == later);
    Ok(())
}

async fn a_profile_begins_once(store: &dyn ProfileStore) -> Result<()> {
    let all = join_all((0..MANY).map(|it| begun(store, 1, it.into()))).await;
    let all = all.into_iter().collect::<Result<Vec<_>>>()?;
    ensure!(all.iter().all(|one| *one == all[0]), "{all:?}");
    let changed = changed(store, change(&all[0], details("a"), 10)).await?;
    ensure!(
        begun(store, 1, 20).await? == changed,
        "it does not begin anew"
    );
    ensure!(store.page(None, 10).await?.len() == 1);
    Ok(())
}

async fn a_change_needs_the_newest_version(store: &dyn ProfileStore) -> Result<()> {
    let first = begun(store, 1, 0).await?;
    let missing = Change {
        user: user(2),
        ..change(&first, details("a"), 1)
    };
    ensure!(store.change(missing).await? == Changed::Missing);
    let second = changed(store, change(&first, details("a"), 1)).await?;
    let stale = store.change(change(&first, details("b"), 2)).await?;
    ensure!(stale == Changed::Stale(second.version), "{stale:?}");
    ensure!(
        profile(store, user(1)).await? == second,
        "nothing was changed"
    );
    let early = Change {
        from: second.version.next(),
        ..change(&second, details("b"), 2)
    };
    ensure!(store.change(early).await? == Changed::Stale(second.version));
    ensure!(
        store.changes(user(1)).await?.len() == 1,
        "what came to nothing is no change"
    );
    Ok(())
}

async fn of_several_changes_one_is_made(store: &dyn ProfileStore) -> Result<()> {
    let mut before = begun(store, 1, 0).await?;
    for round in 0..5 {
        let changes = (0..MANY).map(|it| {
            let wanted = details(&format!("round {round} by {it}"));
            store.change(change(&before, wanted, round))
        });
        let mut made = None;
        for came in join_all(changes).await {
            match came? {
                Changed::Yes(profile) => {
                    ensure!(
                        made.replace(*profile).is_none(),
                        "two were made of one version"
                    );
                }
                Changed::Stale(version) => ensure!(version == before.version.next()),
                Changed::Missing => bail!("it is there"),
            }
        }
        let made = made.context("one is made")?;
        ensure!(profile(store, user(1)).await? == made);
        before = made;
    }
    ensure!(store.changes(user(1)).await?.len() == 5);
    Ok(())
}

async fn the_newest_changes_are_remembered(store: &dyn ProfileStore) -> Result<()> {
    let mut now = begun(store, 1, 0).await?;
    let mut seconds = 0;
    for _ in 0..CHANGES_MAX + 3 {
        seconds += 1;
        let mut wanted = now.details.clone();
        wanted.locale = user_application::Locale::new(if seconds % 2 == 0 { "en" } else { "de" });
        now = changed(store, change(&now, wanted, seconds)).await?;
    }
    let changes = store.changes(user(1)).await?;
    ensure!(changes.len() == CHANGES_MAX, "{} changes", changes.len());
    let newest = RememberedChange {
        at: time(seconds),
        by: user(200),
        fields: vec!["locale".to_owned()],
    };
    ensure!(changes[0] == newest, "{:?}", changes[0]);
    ensure!(changes.is_sorted_by_key(|change| std::cmp::Reverse(change.at)));
    ensure!(store.changes(user(2)).await?.is_empty());
    Ok(())
}

async fn what_is_deleted_is_gone(store: &dyn ProfileStore) -> Result<()> {
    let first = begun(store, 1, 0).await?;
    let changed = changed(store, change(&first, details("a"), 1)).await?;
    store.subscribe(order(1, Plan::Pro, Some("k"), 2)).await?;
    begun(store, 2, 0).await?;
    let owner = Remover::Owner(Some(time(-60)));
    store.remove(removal(1, owner, 10)).await?;

    let gone = Found {
        profile: None,
        deletion: Some(Deletion { at: time(10) }),
    };
    ensure!(store.find(user(1)).await? == gone);
    ensure!(
        store.changes(user(1)).await?.is_empty(),
        "nor who changed what"
    );
    ensure!(store.change(change(&changed, details("b"), 11)).await? == Changed::Missing);
    let forgotten = store.subscribe(order(1, Plan::Pro, Some("k"), 12)).await?;
    ensure!(
        forgotten == Subscribed::Missing,
        "nor what was bought: {forgotten:?}"
    );
    ensure!(
        profile(store, user(2)).await?.user == user(2),
        "another's is there"
    );

    // Once more, and whoever signs in afterwards begins anew.
    store.remove(removal(1, owner, 20)).await?;
    ensure!(
        store.find(user(1)).await? == gone,
        "the second time is not the first"
    );
    let anew = begun(store, 1, 100).await?;
    ensure!(
        anew.details == beginning(1, 0).details && anew.subscription == Subscription::default()
    );
    ensure!(
        anew.version > changed.version.next(),
        "a version never comes again"
    );
    ensure!(anew.version == Version::first(Some(time(10))) && anew.created_at == time(100));
    let found = store.find(user(1)).await?;
    ensure!(found.profile == Some(anew) && found.deletion == gone.deletion);
    Ok(())
}

async fn who_signed_in_before_begins_and_removes_nothing(store: &dyn ProfileStore) -> Result<()> {
    // Also where there was nothing yet: the next look makes nothing.
    store
        .remove(removal(1, Remover::Owner(Some(time(-60))), 0))
        .await?;
    ensure!(
        store.begin(beginning(1, 30)).await? == Begun::Barred,
        "signed in before"
    );
    ensure!(
        store.begin(beginning(1, 60)).await? == Begun::Barred,
        "at the same time"
    );
    let mut silent = beginning(1, 1_000);
    silent.signed_in_at = None;
    ensure!(
        store.begin(silent).await? == Begun::Barred,
        "nobody says when"
    );
    ensure!(store.find(user(1)).await?.profile.is_none());

    let anew = begun(store, 1, 1_000).await?;
    for signed_in_at in [None, Some(time(-60)), Some(time(0))] {
        store
            .remove(removal(1, Remover::Owner(signed_in_at), 1_100))
            .await?;
        ensure!(
            store.begin(beginning(1, 30)).await? == Begun::Barred,
            "also where there is one"
        );
        let found = store.find(user(1)).await?;
        ensure!(found.profile.as_ref() == Some(&anew), "{signed_in_at:?}");
        ensure!(found.deletion == Some(Deletion { at: time(0) }));
    }
    store
        .remove(removal(1, Remover::Owner(Some(time(940))), 1_200))
        .await?;
    let found = store.find(user(1)).await?;
    ensure!(found.profile.is_none() && found.deletion == Some(Deletion { at: time(1_200) }));
    Ok(())
}

async fn an_administrator_removes_what_is_there(store: &dyn ProfileStore) -> Result<()> {
    store.remove(removal(1, Remover::Admin, 0)).await?;
    ensure!(
        store.find(user(1)).await? == Found::default(),
        "nobody was there"
    );
    begun(store, 1, 10).await?;
    store.remove(removal(1, Remover::Admin, 20)).await?;
    let gone = store.find(user(1)).await?;
    ensure!(gone.profile.is_none() && gone.deletion == Some(Deletion { at: time(20) }));
    store.remove(removal(1, Remover::Admin, 30)).await?;
    ensure!(store.find(user(1)).await? == gone);
    Ok(())
}

async fn a_subscription_is_set(store: &dyn ProfileStore) -> Result<()> {
    ensure!(store.subscribe(order(1, Plan::Plus, None, 0)).await? == Subscribed::Missing);
    let first = begun(store, 1, 0).await?;
    ensure!(first.subscription == Subscription::default());
    let wanted = order(1, Plan::Plus, None, 10);
    let expected = first.subscribed(wanted.subscription.clone(), time(10));
    let came = store.subscribe(wanted.clone()).await?;
    ensure!(
        came == Subscribed::Yes(expected.subscription_state()),
        "{came:?}"
    );
    let read = profile(store, user(1)).await?;
    ensure!(read == expected, "{read:?}");
    let remembered = RememberedChange {
        at: time(10),
        by: user(200),
        fields: vec!["subscription".to_owned()],
    };
    ensure!(store.changes(user(1)).await? == [remembered]);

    ensure!(
        store.subscribe(order(1, Plan::Plus, None, 20)).await? == came,
        "nothing is new"
    );
    ensure!(profile(store, user(1)).await? == expected);
    // A change keeps it, and it keeps a change.
    let both = changed(store, change(&expected, details("a"), 30)).await?;
    ensure!(both.subscription == wanted.subscription);
    let mut free = order(1, Plan::Free, None, 40);
    free.subscription = Subscription::default();
    store.subscribe(free).await?;
    let free = profile(store, user(1)).await?;
    ensure!(
        free == both.subscribed(Subscription::default(), time(40)),
        "{free:?}"
    );
    Ok(())
}

async fn an_order_with_a_key_is_one(store: &dyn ProfileStore) -> Result<()> {
    begun(store, 1, 0).await?;
    begun(store, 2, 0).await?;
    let all =
        join_all((0..MANY).map(|_| store.subscribe(order(1, Plan::Plus, Some("k 1"), 10)))).await;
    let all = all.into_iter().collect::<Result<Vec<_>, _>>()?;
    let first = all[0].clone();
    ensure!(all.iter().all(|one| *one == first), "{all:?}");
    ensure!(store.changes(user(1)).await?.len() == 1);

    // It is known also where something else has come since.
    store
        .subscribe(order(1, Plan::Pro, Some("k 2"), 20))
        .await?;
    let again = store
        .subscribe(order(1, Plan::Plus, Some("k 1"), 30))
        .await?;
    ensure!(again == first, "{again:?}");
    ensure!(
        profile(store, user(1)).await?.subscription.plan == Plan::Pro,
        "it did nothing"
    );
    let other = store
        .subscribe(order(1, Plan::Free, Some("k 1"), 40))
        .await?;
    ensure!(other == Subscribed::KeyReused, "for something else");
    let other = store
        .subscribe(order(2, Plan::Plus, Some("k 1"), 40))
        .await?;
    ensure!(other == Subscribed::KeyReused, "for somebody else");

    let day = 24 * 3_600;
    ensure!(
        store
            .subscribe(order(1, Plan::Plus, Some("k 1"), 10 + day))
            .await?
            == first
    );
    let forgotten = store
        .subscribe(order(2, Plan::Plus, Some("k 1"), 11 + day))
        .await?;
    ensure!(
        matches!(forgotten, Subscribed::Yes(_)),
        "a day later: {forgotten:?}"
    );
    Ok(())
}

async fn pages_are_in_the_order_of_ids(store: &dyn ProfileStore) -> Result<()> {
    ensure!(store.page(None, 5).await?.is_empty());
    for number in [4, 1, 250, 3, 2, 7] {
        begun(store, number, 0).await?;
    }
    let ids = async |after, limit| -> Result<Vec<UserId>> {
        let page = store.page(after, limit).await?;
        Ok(page.into_iter().map(|profile| profile.user).collect())
    };
    ensure!(ids(None, 10).await? == [1, 2, 3, 4, 7, 250].map(user));
    ensure!(ids(None, 2).await? == [1, 2].map(user));
    ensure!(ids(Some(user(2)), 2).await? == [3, 4].map(user));
    ensure!(
        ids(Some(user(5)), 2).await? == [7, 250].map(user),
        "nobody has this id"
    );
    ensure!(ids(Some(user(250)), 2).await?.is_empty());
    let all: BTreeSet<_> = ids(None, 100).await?.into_iter().collect();
    ensure!(all.len() == 6);
    Ok(())
}
