//! What can be done with profiles, and by whom, in front of profiles in memory.

use std::{sync::Arc, time::Duration};

use domain::{DisplayName, PictureUrl, SteamId, Timestamp, UserId};
use health_kit::Clock;
use serde_json::json;
use test_kit::clock::HandClock;
use user_application::{
    Caller, DEFAULT_NAME, Edit, Plan, Profile, Profiles, Refusal, Subscription, Version, Whose,
    ports::ProfileStore,
};
use user_memory_adapter::MemoryProfiles;

struct World {
    profiles: Profiles,
    store: Arc<MemoryProfiles>,
    clock: Arc<HandClock>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(HandClock::at(Timestamp::from_unix_ms(1_764_547_200_500)));
        let store = Arc::new(MemoryProfiles::new());
        Self {
            profiles: Profiles::new(store.clone(), clock.clone()),
            store,
            clock,
        }
    }

    fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds));
    }

    /// Somebody who has just signed in: tokens say whole seconds.
    fn signed_in(&self, number: u8) -> Caller {
        let now = self.clock.now();
        Caller {
            user: user(number),
            may_read: true,
            may_write: true,
            is_admin: false,
            signed_in_at: Some(Timestamp::from_unix_seconds(now.unix_seconds())),
            steam_id: SteamId::try_new(76_561_198_046_967_340).ok(),
            name: DisplayName::try_new("Ana").ok(),
            picture: PictureUrl::try_new("https://avatars.example/a.jpg").ok(),
        }
    }

    async fn change(
        &self,
        caller: &Caller,
        whose: Whose,
        expected: &[Version],
        edit: &Edit,
    ) -> Result<Profile, Refusal> {
        self.profiles.change(caller, whose, expected, edit).await
    }

    async fn look(&self, caller: &Caller) -> Profile {
        let looked = self.profiles.look(caller, Whose::Mine).await;
        looked.expect("it may be looked at")
    }
}

fn user(number: u8) -> UserId {
    UserId::new(Timestamp::from_unix_ms(1_764_547_200_000), [number; 10])
}

fn admin(world: &World) -> Caller {
    Caller {
        may_read: false,
        may_write: false,
        is_admin: true,
        ..world.signed_in(99)
    }
}

fn rename(name: &str) -> Edit {
    Edit::Patch(json!({ "display_name": name }))
}

#[tokio::test]
async fn a_profile_begins_with_the_first_look_as_the_token_says() {
    let world = World::new();
    let ana = world.signed_in(1);
    let profile = world.look(&ana).await;
    assert_eq!(profile.user, user(1));
    assert_eq!(profile.steam_id, ana.steam_id);
    assert_eq!(profile.details.display_name.as_str(), "Ana");
    assert_eq!(profile.details.avatar_url, ana.picture);
    assert_eq!(profile.subscription, Subscription::default());
    assert_eq!(
        (profile.version, profile.created_at),
        (Version::new(1), world.clock.now())
    );

    // Another token says something else; the profile stays as it is.
    let renamed = Caller {
        name: DisplayName::try_new("Bea").ok(),
        ..ana.clone()
    };
    assert_eq!(world.look(&renamed).await, profile);
    assert_eq!(
        world.profiles.look(&ana, Whose::Of(user(1))).await,
        Ok(profile)
    );
    assert_eq!(world.profiles.figures().took().count(), 4);

    let silent = Caller {
        name: None,
        picture: None,
        steam_id: None,
        ..world.signed_in(2)
    };
    let profile = world.look(&silent).await;
    assert_eq!(profile.details.display_name.as_str(), DEFAULT_NAME);
    assert!(profile.steam_id.is_none() && profile.details.avatar_url.is_none());
}

#[tokio::test]
async fn a_change_does_not_begin_a_profile() {
    let world = World::new();
    let ana = world.signed_in(1);
    let changed = world
        .change(&ana, Whose::Mine, &[Version::new(1)], &rename("B"))
        .await;
    assert_eq!(changed, Err(Refusal::NotFound));
    assert_eq!(
        world.store.find(user(1)).await,
        Ok(user_application::ports::Found::default())
    );
}

#[tokio::test]
async fn anothers_profile_is_not_there_and_an_administrator_sees_all() {
    let world = World::new();
    let (ana, bea, admin) = (world.signed_in(1), world.signed_in(2), admin(&world));
    let profile = world.look(&ana).await;
    let version = [profile.version];
    // Nobody learns whether it is there.
    for whose in [Whose::Of(user(1)), Whose::Of(user(7))] {
        let looked = world.profiles.look(&bea, whose).await;
        assert_eq!(looked, Err(Refusal::NotFound));
        let changed = world.change(&bea, whose, &version, &rename("B")).await;
        assert_eq!(changed, Err(Refusal::NotFound));
        assert_eq!(
            world.profiles.remove(&bea, whose).await,
            Err(Refusal::NotFound)
        );
    }
    assert_eq!(world.look(&ana).await, profile, "nothing was done");

    let looked = world.profiles.look(&admin, Whose::Of(user(1))).await;
    assert_eq!(looked, Ok(profile));
    let looked = world.profiles.look(&admin, Whose::Of(user(7))).await;
    assert_eq!(
        looked,
        Err(Refusal::NotFound),
        "another's look begins nothing"
    );
    let changed = world
        .change(&admin, Whose::Of(user(1)), &version, &rename("B"))
        .await;
    let changed = changed.expect("an administrator may");
    assert_eq!(changed.details.display_name.as_str(), "B");
    let by = world.store.changes(user(1)).await.expect("it is in memory");
    assert_eq!(
        (by[0].by, &*by[0].fields),
        (admin.user, &["display_name".to_owned()][..])
    );
    assert_eq!(
        world.profiles.remove(&admin, Whose::Of(user(1))).await,
        Ok(())
    );
    assert_eq!(
        world.profiles.look(&ana, Whose::Mine).await,
        Err(Refusal::Gone)
    );
}

#[tokio::test]
async fn a_token_permits_what_its_scopes_say() {
    let world = World::new();
    let ana = world.signed_in(1);
    let version = [world.look(&ana).await.version];
    let reader = Caller {
        may_write: false,
        ..ana.clone()
    };
    let writer = Caller {
        may_read: false,
        ..ana.clone()
    };
    for whose in [Whose::Mine, Whose::Of(user(7))] {
        let not_permitted = Refusal::NotPermitted;
        let looked = world.profiles.look(&writer, whose).await;
        assert_eq!(looked, Err(not_permitted.clone()));
        let changed = world.change(&reader, whose, &version, &rename("B")).await;
        assert_eq!(changed, Err(not_permitted.clone()));
        let removed = world.profiles.remove(&reader, whose).await;
        assert_eq!(removed, Err(not_permitted.clone()));
        let subscribed = world
            .profiles
            .subscribe(&ana, whose, Subscription::default(), None);
        assert_eq!(subscribed.await, Err(not_permitted));
    }
    let page = world.profiles.page(&ana, None, 10).await;
    assert_eq!(page, Err(Refusal::NotPermitted));
    assert!(
        world
            .change(&writer, Whose::Mine, &version, &rename("B"))
            .await
            .is_ok()
    );
    // Of oneself, too.
    let admin = Caller {
        may_read: false,
        may_write: false,
        is_admin: true,
        ..ana
    };
    assert!(world.profiles.look(&admin, Whose::Mine).await.is_ok());
}

#[tokio::test]
async fn a_change_from_an_old_version_is_refused_with_the_new_one() {
    let world = World::new();
    let ana = world.signed_in(1);
    let first = world.look(&ana).await;
    world.pass(5);
    let version = [first.version];
    let second = world
        .change(&ana, Whose::Mine, &version, &rename("B"))
        .await;
    let second = second.expect("it is the newest");
    assert_eq!(
        (second.version, second.updated_at),
        (Version::new(2), world.clock.now())
    );
    assert_eq!(second.created_at, first.created_at);
    for expected in [&version[..], &[], &[Version::new(3)]] {
        let stale = world
            .change(&ana, Whose::Mine, expected, &rename("C"))
            .await;
        assert_eq!(stale, Err(Refusal::Stale(Version::new(2))), "{expected:?}");
    }
    // What is wrong with it is of no interest then.
    let stale = world.change(&ana, Whose::Mine, &version, &rename("")).await;
    assert_eq!(stale, Err(Refusal::Stale(Version::new(2))));
    let several = [Version::new(1), Version::new(2)];
    let third = world
        .change(&ana, Whose::Mine, &several, &rename("C"))
        .await;
    let third = third.expect("the newest is among them");

    let same = Edit::Replace(user_application::document(&third));
    let same = world
        .change(&ana, Whose::Mine, &[third.version], &same)
        .await;
    assert_eq!(same, Ok(third), "what changes nothing is no change");
    assert_eq!(world.store.changes(user(1)).await.map(|it| it.len()), Ok(2));
}

#[tokio::test]
async fn what_may_not_stand_there_is_refused_whole() {
    let world = World::new();
    let ana = world.signed_in(1);
    let first = world.look(&ana).await;
    let edit = Edit::Patch(json!({"locale": "de", "subscription": {"plan": "pro"}, "x": 1}));
    let refused = world
        .change(&ana, Whose::Mine, &[first.version], &edit)
        .await;
    let Err(Refusal::Invalid(faults)) = refused else {
        panic!("{refused:?}");
    };
    let faults: Vec<_> = faults.iter().map(|it| (&*it.pointer, it.code)).collect();
    assert_eq!(faults, [("/subscription", "read_only"), ("/x", "unknown")]);
    assert_eq!(world.look(&ana).await, first);
}

#[tokio::test]
async fn deleted_is_gone_until_the_next_login_begins_anew() {
    let world = World::new();
    let ana = world.signed_in(1);
    let first = world.look(&ana).await;
    world.pass(1);
    for time in ["the first", "the second"] {
        assert_eq!(
            world.profiles.remove(&ana, Whose::Mine).await,
            Ok(()),
            "{time}"
        );
        world.pass(1);
    }
    let gone = Err(Refusal::Gone);
    assert_eq!(world.profiles.look(&ana, Whose::Mine).await, gone);
    assert_eq!(world.profiles.look(&ana, Whose::Of(user(1))).await, gone);
    let changed = world
        .change(&ana, Whose::Mine, &[first.version], &rename("B"))
        .await;
    assert_eq!(changed, gone);
    let silent = Caller {
        signed_in_at: None,
        ..ana.clone()
    };
    assert_eq!(world.profiles.look(&silent, Whose::Mine).await, gone);
    let found = world.store.find(user(1)).await.expect("it is in memory");
    assert!(found.profile.is_none(), "and nothing was made");
    let looked = world
        .profiles
        .look(&admin(&world), Whose::Of(user(1)))
        .await;
    assert_eq!(looked, Err(Refusal::NotFound));

    let again = world.signed_in(1);
    let anew = world.look(&again).await;
    assert!(anew.version > first.version && anew.created_at > first.created_at);
    // The old token neither sees nor deletes the new profile.
    assert_eq!(world.profiles.look(&ana, Whose::Mine).await, gone);
    assert_eq!(world.profiles.remove(&ana, Whose::Mine).await, Ok(()));
    assert_eq!(world.look(&again).await, anew);
}

#[tokio::test]
async fn an_administrator_says_what_was_bought_once_for_each_key() {
    let world = World::new();
    let (ana, admin) = (world.signed_in(1), admin(&world));
    let whose = Whose::Of(user(1));
    let of = |plan| Subscription {
        plan,
        ..Subscription::default()
    };
    let key = || Some("k".to_owned());
    let order = |plan, key| world.profiles.subscribe(&admin, whose, of(plan), key);
    assert_eq!(order(Plan::Pro, key()).await, Err(Refusal::NotFound));
    let first = world.look(&ana).await;
    let came = order(Plan::Pro, key()).await.expect("an administrator may");
    assert_eq!(
        (came.version, came.subscription.plan),
        (first.version.next(), Plan::Pro)
    );
    assert_eq!(world.look(&ana).await.subscription, came.subscription);

    assert!(order(Plan::Free, None).await.is_ok());
    assert_eq!(
        order(Plan::Pro, key()).await,
        Ok(came),
        "as it was answered"
    );
    assert_eq!(
        world.look(&ana).await.subscription.plan,
        Plan::Free,
        "and nothing is done"
    );
    assert_eq!(order(Plan::Plus, key()).await, Err(Refusal::KeyReused));
    world.pass(25 * 3_600);
    let later = order(Plan::Plus, key())
        .await
        .expect("a key is known for a day");
    assert_eq!(later.subscription.plan, Plan::Plus);
}

#[tokio::test]
async fn pages_say_whether_there_are_more() {
    let world = World::new();
    for number in 1..=5 {
        world.look(&world.signed_in(number)).await;
    }
    let admin = admin(&world);
    let page = async |after, limit| {
        let page = world.profiles.page(&admin, after, limit).await;
        let (page, has_more) = page.expect("an administrator may");
        let users: Vec<_> = page.into_iter().map(|profile| profile.user).collect();
        (users, has_more)
    };
    assert_eq!(page(None, 2).await, (vec![user(1), user(2)], true));
    assert_eq!(
        page(Some(user(3)), 2).await,
        (vec![user(4), user(5)], false)
    );
    assert_eq!(page(Some(user(5)), 2).await, (vec![], false));
    for number in 6..=150 {
        world.look(&world.signed_in(number)).await;
    }
    let (users, has_more) = page(None, 1_000).await;
    assert_eq!((users.len(), has_more), (user_application::PAGE_MAX, true));
}
