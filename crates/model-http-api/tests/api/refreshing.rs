//! What is held follows what is published, and outlives Redis.

use std::{sync::Arc, time::Duration};

use contracts::models::ModelDocument as _;
use domain::Timestamp;
use health_kit::{Clock, SystemClock};
use model_application::ports::{Document, ModelPublisher, Renewal};
use model_http_api::{PackedDocuments, Published};
use model_redis_adapter::RedisPublisher;
use redis_kit::{MemoryKeySpace, RedisPlace, RedisSettings, ServerKeySpace};
use redis_test_kit::Redis;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Api, desk::Desk, world::World};

fn run_of(published: &Published) -> Option<String> {
    let snapshot = published.snapshot();
    snapshot.patches.first().map(|patch| patch.meta.run.clone())
}

#[tokio::test(start_paused = true)]
async fn a_new_run_is_seen_at_the_next_look_or_at_once_when_somebody_says_so() {
    let publisher: Arc<dyn ModelPublisher> = Arc::new(RedisPublisher::new(
        Arc::new(MemoryKeySpace::new(Arc::new(SystemClock))),
        None,
    ));
    let held = Arc::new(Published::new(
        Arc::clone(&publisher),
        Arc::new(SystemClock),
    ));
    let end = CancellationToken::new();
    let looking = tokio::spawn({
        let (held, end) = (Arc::clone(&held), end.clone());
        async move { held.run(end).await }
    });
    let mut world = World::first();
    world.publish(&*publisher).await;
    let begun = tokio::time::Instant::now();
    until(|| run_of(&held) == Some(world.run().to_string())).await;
    assert!(begun.elapsed() <= Duration::from_millis(2100));
    world.run = 2;
    world.publish(&*publisher).await;
    let begun = tokio::time::Instant::now();
    held.look_soon();
    until(|| run_of(&held) == Some(world.run().to_string())).await;
    assert!(
        begun.elapsed() <= Duration::from_millis(100),
        "{:?}",
        begun.elapsed()
    );
    end.cancel();
    looking.await.expect("it ends");
}

async fn until(is_true: impl Fn() -> bool) {
    while !is_true() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_renewal_makes_it_younger_and_keeps_what_is_held() {
    let api = Api::start_with(&World::first()).await;
    let before = api.published.snapshot();
    let world = World::first();
    let mut later = world.clone();
    // The same run, found again an hour later.
    later.run = 2;
    let mut meta = world.meta();
    meta.as_of = later.as_of();
    let mut index = world.index();
    index.as_of = later.as_of();
    index.patches[0].as_of = later.as_of();
    let publication = world.publication();
    let encode = |key: &str, json: Vec<u8>| Document {
        key: key.to_owned(),
        json: json.into(),
    };
    let renewal = Renewal {
        patch: world.patch.to_owned(),
        overview: encode(&publication.overview.key, meta.encode()),
        index: encode(&publication.index.key, index.encode()),
    };
    api.publisher
        .renew(&renewal, None)
        .await
        .expect("it is there");
    api.published.look().await.expect("there is an answer");
    let now = api.published.snapshot();
    assert_eq!(now.patches[0].meta.as_of, later.as_of());
    assert!(Arc::ptr_eq(
        &before.patches[0].slices[0],
        &now.patches[0].slices[0]
    ));
    api.stop().await;
}

#[tokio::test]
async fn patches_are_the_newest_first_and_each_can_be_asked_for() {
    let api = Api::start_with(&World::first()).await;
    let newer = World {
        run: 2,
        patch: "7.37",
        patches: vec!["7.37", "7.36"],
        is_whole: true,
    };
    newer.publish(&*api.publisher).await;
    api.published.look().await.expect("there is an answer");
    assert_eq!(api.published.snapshot().known(), ["7.37", "7.36"]);
    assert_eq!(api.json("/api/v1/counters/1").await["patch"], "7.37");
    let older = api.json("/api/v1/counters/1?patch=7.36").await;
    assert_eq!(older["run"], World::first().run().to_string());
    // An index outlives a patch that has expired.
    let keys = api.json("/api/v1/slices").await;
    assert_eq!(keys["patches"][1]["patch"], "7.36");
    api.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_read_when_it_is_asked_for() {
    let publisher: Arc<dyn ModelPublisher> = Arc::new(RedisPublisher::new(
        Arc::new(MemoryKeySpace::new(Arc::new(SystemClock))),
        None,
    ));
    let world = World {
        is_whole: false,
        ..World::first()
    };
    world.publish(&*publisher).await;
    // Room for the heroes of one slice of three, and a half.
    let documents = world.publication().documents;
    let of_heroes = documents.iter().filter(|it| it.key.contains(":hero_"));
    let mut packed = PackedDocuments::default();
    for (number, document) in (1..).zip(of_heroes) {
        packed.insert(number, &document.json);
    }
    let bytes = packed.len_bytes() / 2;
    let held = Published::with_hero_bytes_max(Arc::clone(&publisher), Arc::new(SystemClock), bytes);
    let api = Api::start_at(0, None, publisher, Arc::new(held));
    api.published.look().await.expect("there is an answer");
    let snapshot = api.published.snapshot();
    let held: Vec<_> = snapshot.patches[0]
        .slices
        .iter()
        .map(|it| it.heroes.is_some())
        .collect();
    assert_eq!(held, [true, false, false]);
    for path in ["/api/v1/counters/1", "/api/v1/counters/1?skill=high"] {
        assert_eq!(api.json(path).await["hero"], 1, "{path}");
    }
    for path in ["/api/v1/counters/14", "/api/v1/counters/14?skill=high"] {
        api.refused(path, 404, "no-data").await;
    }
    api.stop().await;
}

#[tokio::test]
async fn what_scores_drafts_is_held_once_if_it_is_the_same() {
    let publisher: Arc<dyn ModelPublisher> = Arc::new(RedisPublisher::new(
        Arc::new(MemoryKeySpace::new(Arc::new(SystemClock))),
        None,
    ));
    let mut world = World::first();
    world.publish(&*publisher).await;
    // What a run in this process has computed, as it was published.
    let apart = Published::new(Arc::clone(&publisher), Arc::new(SystemClock));
    apart.look().await.expect("there is an answer");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let desk = Desk::new(&clock);
    desk.has_published(&apart.snapshot());
    let known = desk.status.published("7.36").expect("it is known");

    let held = Published::new(Arc::clone(&publisher), clock).sharing(Arc::clone(&desk.status));
    let shared = async || {
        held.look().await.expect("there is an answer");
        let snapshot = held.snapshot();
        let slices = snapshot.patches[0].slices.iter();
        let is_same = slices.map(|it| Arc::ptr_eq(&it.model, &known.result.slices[&it.name].model));
        is_same.collect::<Vec<_>>()
    };
    assert_eq!(shared().await, [true; 3]);
    world.run = 2;
    world.publish(&*publisher).await;
    assert_eq!(shared().await, [false; 3], "another run has other numbers");
}

#[tokio::test]
async fn without_redis_readers_see_what_was() {
    let redis = Redis::start().await.expect("a Redis can be had");
    let settings = RedisSettings {
        place: RedisPlace::try_new(redis.url()).expect("it is one"),
        key_prefix: String::new(),
    };
    let keys = ServerKeySpace::new(&settings, Duration::from_millis(500));
    let api = Api::start_on(Arc::new(keys));
    World::first().publish(&*api.publisher).await;
    api.published.look().await.expect("there is an answer");
    redis.kill().expect("it runs");
    let lost = api.published.look().await;
    assert!(lost.is_err(), "Redis is gone");
    assert_eq!(api.json("/api/v1/counters/1").await["hero"], 1);
    let question = json!({"radiant": [1], "dire": [2]});
    let answer = api.ask("/api/v1/draft/evaluate", &question).await;
    assert_eq!(answer.status(), 200);
    let question = json!({"side": "dire", "account": 76_482_434});
    let answer = api.ask("/api/v1/draft/suggest", &question).await;
    let answer: serde_json::Value = answer.json().await.expect("it is JSON");
    assert_eq!(answer["personal"], false);
    let away = api.get("/api/v1/accounts/76482434/pas").await;
    assert_eq!(away.status(), 503);
    let slices = api.json("/api/v1/slices").await;
    let expected = Timestamp::from_unix_ms(1_719_731_820_000);
    assert_eq!(api.published.snapshot().seen_at, Some(expected));
    assert_eq!(slices["patches"][0]["age_seconds"], 3600);
    api.stop().await;
}
