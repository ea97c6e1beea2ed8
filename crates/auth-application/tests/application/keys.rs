//! The ring of signing keys.

use std::time::Duration;

use auth_application::{KeyId, KeySchedule, MadeKey, PublicKey, SealedKey, ports::KeyStore as _};
use health_kit::{HealthReporter as _, HealthStatus};
use identity::Algorithm;

use crate::world::{ANA, BEGIN, World, settings, wait};

fn published(world: &World) -> Vec<String> {
    let keys = world.auth.ring().published();
    keys.iter().map(|key| key.id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_key_is_published_before_it_signs_and_as_long_as_its_tokens_live() {
    let day = Duration::from_hours(24);
    let world = World::new().await;
    let ring = world.auth.ring();
    let first = ring.active_key().expect("the very first one signs at once");
    let answer = world.session(ANA).await;
    assert_eq!(published(&world), ["key-0"]);
    wait(29 * day + Duration::from_hours(22) + Duration::from_secs(3_599)).await;
    ring.look_after().await.expect("it is looked after");
    assert_eq!(published(&world), ["key-0"]);
    wait(Duration::from_secs(1)).await;
    ring.look_after().await.expect("it is looked after");
    assert_eq!(published(&world), ["key-0", "key-1"]);
    assert_eq!(ring.active_key(), Some(first.clone()));
    let last = world.refresh(&answer).await.expect("tokens");
    // It begins to sign by itself, also if nobody can look after it then.
    wait(Duration::from_hours(1)).await;
    let second = ring.active_key().expect("there is one");
    assert_ne!(second, first);
    assert_eq!(ring.active_age(), Some(Duration::ZERO));
    let new = world.refresh(&last).await.expect("tokens");
    assert!(new.access.as_str().starts_with("key-1."));
    // What was signed by the one before is still taken.
    wait(Duration::from_mins(4)).await;
    ring.look_after().await.expect("it is looked after");
    assert_eq!(published(&world), ["key-0", "key-1"]);
    wait(Duration::from_hours(2)).await;
    ring.look_after().await.expect("it is looked after");
    assert_eq!(published(&world), ["key-1"]);
    let keys = world.store.keys().await.expect("they are read");
    assert_eq!(keys.len(), 1, "its private part is gone, too");
    let set_down = world.set_down();
    assert_eq!(
        set_down.iter().filter(|it| *it == "key_published").count(),
        2
    );
    assert_eq!(set_down.iter().filter(|it| *it == "key_removed").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_instances_sign_with_one_key() {
    let world = World::new().await;
    let other = World::over(world.store.clone(), settings(), None);
    assert_eq!(other.auth.ring().active_key(), None);
    let check = &other.auth.ring().checks()[0];
    assert_eq!(
        (&*check.name, check.status),
        ("signing-key", HealthStatus::Unhealthy)
    );
    other
        .auth
        .ring()
        .look_after()
        .await
        .expect("it is looked after");
    assert_eq!(
        other.auth.ring().active_key(),
        world.auth.ring().active_key()
    );
    let check = &other.auth.ring().checks()[0];
    assert_eq!(check.status, HealthStatus::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_opened_signs_nothing_and_says_so() {
    let world = World::over(std::sync::Arc::default(), settings(), None);
    let schedule = KeySchedule::try_new(
        Algorithm::Es256,
        Duration::from_hours(2),
        Duration::from_hours(1),
    );
    let closed = MadeKey {
        id: KeyId::new("closed").expect("a name"),
        sealed: SealedKey::new(Vec::new()),
        public: PublicKey::P256 {
            x: "x".to_owned(),
            y: "y".to_owned(),
        },
    };
    let schedule = schedule.expect("a schedule");
    world
        .store
        .add(&closed, &schedule, BEGIN)
        .await
        .expect("it is kept");
    let ring = world.auth.ring();
    let looked = ring.look_after().await.expect_err("it cannot be opened");
    assert_eq!(looked.to_string(), "it is sealed with nothing");
    assert_eq!(ring.active_key(), None);
    let check = &ring.checks()[0];
    assert_eq!(check.status, HealthStatus::Unhealthy);
    assert_eq!(
        published(&world),
        ["closed"],
        "whoever verifies may know it"
    );
}
