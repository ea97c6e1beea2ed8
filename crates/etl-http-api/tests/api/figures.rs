//! The figures, as JSON and for Prometheus.

use std::time::Duration;

use domain::Timestamp;
use etl_application::{
    DeadLetterReason, Invalid,
    ports::{DirtyDay, PartitionLag, StoreError},
};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Api, TOPIC, day, summary};

/// Five consumed: three loaded, with a retry, and two dead letters. One day is
/// built, and one does not add up. A partition is 7 behind, the other unknown.
pub(crate) async fn load_one_of_each(api: &Api) {
    {
        let mut warehouse = api.warehouse.lock();
        warehouse.errors.push_back(StoreError::Unavailable {
            detail: "502".to_owned(),
            cause: "bad_gateway",
        });
        let dirty = |number| DirtyDay {
            day: day(number),
            mark: 1,
            build: None,
        };
        warehouse.dirty = vec![dirty(6), dirty(7)];
        warehouse.wrong = [day(6)].into();
    }
    let partition =
        |partition, position, high_watermark, lag, last_record_ms: Option<i64>| PartitionLag {
            topic: TOPIC.into(),
            partition,
            position,
            high_watermark,
            lag,
            last_record_at: last_record_ms.map(Timestamp::from_unix_ms),
        };
    api.consumer.set_partitions(vec![
        partition(0, Some(93), Some(100), Some(7), Some(1_762_626_590_000)),
        partition(1, None, None, None, None),
    ]);
    let invalid = |reason| {
        Err(Invalid {
            reason,
            detail: "it is".to_owned(),
        })
    };
    api.consume([
        Ok(summary(1, 60)),
        Ok(summary(2, 60)),
        invalid(DeadLetterReason::NotJson),
        Ok(summary(3, 60)),
        invalid(DeadLetterReason::KeyDiffers),
    ]);
    api.load.inserted("matches", Duration::from_millis(30));
    api.settled(5).await;
    api.until(|| {
        let days = api.days.figures();
        let is_counted = api.wishes.figures().wishes.wanted() > 0;
        is_counted && days.builds.count() == 1 && days.mismatches >= 1
    })
    .await;
}

#[tokio::test]
async fn etl_tells_all_there_is_to_know() {
    let api = Api::start();
    load_one_of_each(&api).await;
    let mut answer = api.json("/api/v1/etl").await;
    for pointer in [
        "/rates/consumed_per_second",
        "/rates/loaded_per_second",
        "/freshness/p50_seconds",
        "/freshness/p95_seconds",
        "/freshness/p99_seconds",
        // A day that was never built is tried again every second.
        "/days/mismatches",
    ] {
        let figure = answer.pointer_mut(pointer).expect("the field is there");
        assert!(
            figure.as_f64().is_some_and(|it| it > 0.0),
            "{pointer}: {figure}"
        );
        *figure = json!("measured");
    }
    insta::assert_json_snapshot!("etl", answer);
    api.stop().await;
}

#[tokio::test]
async fn matches_are_as_old_as_their_end() {
    let api = Api::start();
    api.consume([summary(1, 60), summary(2, -5)].map(Ok));
    api.settled(2).await;
    let freshness = api.load.figures().freshness;
    let p99 = freshness.p99.expect("two were loaded").as_secs_f64();
    assert!((59.0..=61.0).contains(&p99), "{p99} s");
    let p50 = freshness.p50.expect("two were loaded").as_secs_f64();
    assert!(
        p50 < 0.001,
        "one from the future is as fresh as can be: {p50} s"
    );
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_known_is_null() {
    let api = Api::start();
    let answer = api.json("/api/v1/etl").await;
    for pointer in [
        "/freshness/p50_seconds",
        "/freshness/p99_seconds",
        "/topics/0/seconds_behind",
        "/budget/minute/left",
        "/budget/minute/reserve",
    ] {
        assert_eq!(answer.pointer(pointer), Some(&json!(null)), "{pointer}");
    }
    assert_eq!(answer["partitions"], json!([]));
    assert_eq!(answer["backfills"], json!([]));
    api.stop().await;
}

#[tokio::test]
async fn metrics_have_their_stable_names_and_labels() {
    let api = Api::start();
    load_one_of_each(&api).await;
    let answer = api.get("/metrics").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.expect("the answer ends");
    // What is measured differs from run to run.
    let is_measured = |line: &str| {
        line.starts_with("etl_day_build_seconds_") && !line.contains("_count")
            || line.starts_with("etl_counter_mismatches_total ")
    };
    let lines = text.lines().map(|line| match line.rsplit_once(' ') {
        Some((series, _)) if is_measured(line) => format!("{series} measured"),
        _ => line.to_owned(),
    });
    insta::assert_snapshot!("metrics", lines.collect::<Vec<_>>().join("\n"));
    api.stop().await;
}
