//! The figures, and that they belong together in every answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use ingestion_application::{
    DeadLetterReason,
    ports::{DisconnectReason, Disconnection},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use http_test_kit::metrics::series;

use crate::support::{Api, FEED};

/// Two published, one duplicate, one dead letter, one pending.
pub(crate) async fn receive_one_of_each(api: &Api) {
    api.receive([1, 2, 1], &[DeadLetterReason::MatchIdTwice]);
    api.settled().await;
    api.publisher.hold();
    api.receive([3], &[]);
}

/// The feed is there, and then it is not.
pub(crate) fn lose_the_connection(api: &Api) {
    api.source.connected();
    api.source.disconnected(Disconnection {
        reason: DisconnectReason::ConnectionLost,
        detail: "connection reset by peer".to_owned(),
        retry_in: Duration::from_millis(1500),
    });
}

#[tokio::test]
async fn ingestion_tells_all_there_is_to_know() {
    let api = Api::start();
    receive_one_of_each(&api).await;
    lose_the_connection(&api);
    let mut answer = api.json("/api/v1/ingestion").await;
    for pointer in [
        "/seconds_since_last_match",
        "/sources/0/seconds_since_last_match",
        "/latency/p50_seconds",
        "/latency/p99_seconds",
    ] {
        let seconds = answer.pointer_mut(pointer).expect("the field is there");
        assert!(
            seconds.as_f64().is_some_and(|it| (0.0..60.0).contains(&it)),
            "{pointer}: {seconds}"
        );
        *seconds = json!("measured");
    }
    insta::assert_json_snapshot!("ingestion", answer);
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_known_is_null() {
    let api = Api::start();
    let answer = api.json("/api/v1/ingestion").await;
    for pointer in [
        "/seconds_since_last_match",
        "/latency/p50_seconds",
        "/latency/p99_seconds",
        "/sources/0/last_disconnection",
        "/sources/0/seconds_since_last_match",
    ] {
        assert_eq!(answer.pointer(pointer), Some(&json!(null)), "{pointer}");
    }
    let metrics = api.text("/metrics").await;
    assert!(
        !metrics.contains("seconds_since_last_match{")
            && !metrics.contains("ingestion_seconds_since_last_match"),
        "{metrics}"
    );
    api.stop().await;
}

#[tokio::test]
async fn metrics_have_their_stable_names_and_labels() {
    let api = Api::start();
    receive_one_of_each(&api).await;
    lose_the_connection(&api);
    let answer = api.get("/metrics").await;
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.headers()["content-type"], content_type);
    let text = answer.text().await.expect("the answer ends");
    // What is measured differs from run to run.
    let is_measured = |line: &str| {
        [
            "ingestion_seconds_since",
            "ingestion_source_seconds_since",
            "ingestion_publish_latency_seconds_",
        ]
        .iter()
        .any(|name| line.starts_with(name) && !line.contains("_count"))
    };
    let lines = text.lines().map(|line| match line.rsplit_once(' ') {
        Some((series, _)) if is_measured(line) => format!("{series} measured"),
        _ => line.to_owned(),
    });
    insta::assert_snapshot!("metrics", lines.collect::<Vec<_>>().join("\n"));
    api.stop().await;
}

#[tokio::test]
async fn gaps_are_told_with_their_bounds_and_who_closes_them() {
    let api = Api::start();
    let nothing = json!({"gaps": [], "lost_total": 0});
    assert_eq!(api.json("/api/v1/ingestion/gaps").await, nothing);
    assert_eq!(api.json("/api/v1/ingestion").await["gaps"], json!([]));
    api.stop().await;
}

#[tokio::test]
async fn openmetrics_is_there_for_who_asks_for_it() {
    let api = Api::start();
    let request = api.client.get(format!("{}/metrics", api.url));
    // What Prometheus 3 sends, shortened.
    let accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3";
    let answer = request
        .header("accept", accept)
        .send()
        .await
        .expect("it answers");
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.headers()["content-type"], content_type);
    let text = answer.text().await.expect("the answer ends");
    assert!(
        text.contains("# TYPE ingestion_published counter"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    api.stop().await;
}

#[tokio::test]
async fn the_histogram_counts_every_published_match_once() {
    let api = Api::start();
    for first in 0..10 {
        api.receive(
            [1 + first, 11 + first, 1 + first],
            &[DeadLetterReason::MatchIdTwice],
        );
    }
    api.settled().await;
    let text = api.text("/metrics").await;
    let name = "ingestion_publish_latency_seconds";
    let buckets: Vec<_> = series(&text, &format!("{name}_bucket")).collect();
    assert!(buckets.is_sorted(), "buckets are cumulative: {buckets:?}");
    assert_eq!(buckets.last(), Some(&20));
    assert_eq!(series(&text, &format!("{name}_count")).sum::<i64>(), 20);
    assert_eq!(series(&text, "ingestion_published_total").sum::<i64>(), 20);
    api.stop().await;
}

#[tokio::test]
async fn a_lost_match_shows_as_an_imbalance() {
    let api = Api::start();
    // Booked, and in no backlog: the next count of what is pending misses them.
    api.ledger.book(FEED, 3, 0, Instant::now());
    api.settled().await;
    let text = api.text("/metrics").await;
    assert_eq!(
        series(&text, "ingestion_ledger_imbalance").collect::<Vec<_>>(),
        [3]
    );
    assert_eq!(
        api.json("/api/v1/health").await["checks"][2]["status"],
        "unhealthy"
    );
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_figures_add_up_in_a_thousand_answers_under_load() {
    let api = Arc::new(Api::start());
    let done = Arc::new(AtomicBool::new(false));
    let next_id = Arc::new(AtomicI64::new(1));
    let writers = [0; 2].map(|_| {
        let (api, done) = (Arc::clone(&api), Arc::clone(&done));
        let next_id = Arc::clone(&next_id);
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let first = next_id.fetch_add(10, Ordering::Relaxed);
                api.backlog.room().await;
                api.publisher.hold();
                let ids = (first..first + 10).chain([first]);
                api.receive(ids, &[DeadLetterReason::MatchIdTwice]);
                // The pace of a feed, not a wait for anything.
                sleep(Duration::from_millis(1)).await;
                api.publisher.release();
            }
        })
    });
    let readers = [0; 4].map(|_| {
        let api = Arc::clone(&api);
        tokio::spawn(async move {
            for _ in 0..125 {
                let answer = api.json("/api/v1/ingestion").await;
                let [received, accounted] = json_totals(&answer);
                assert_eq!(received, accounted, "{answer}");
                let text = api.text("/metrics").await;
                let [received, accounted] = metric_totals(&text);
                assert_eq!(received, accounted, "{text}");
            }
        })
    });
    for reader in readers {
        reader.await.expect("every answer adds up");
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("the writer does not panic");
    }
    api.settled().await;
    let [received, _] = json_totals(&api.json("/api/v1/ingestion").await);
    assert!(received > 1_000, "there was load: {received}");
    Arc::into_inner(api)
        .expect("the readers have ended")
        .stop()
        .await;
}

fn json_totals(answer: &serde_json::Value) -> [i64; 2] {
    let figure = |name: &str| {
        answer["ledger"][name]
            .as_i64()
            .expect("a figure is a number")
    };
    let accounted = ["published", "duplicates", "dead_lettered", "pending"];
    [figure("received"), accounted.map(figure).iter().sum()]
}

fn metric_totals(text: &str) -> [i64; 2] {
    let total = |name: &&str| series(text, name).sum::<i64>();
    let accounted = [
        "ingestion_published_total",
        "ingestion_duplicates_total",
        "ingestion_dead_lettered_total",
        "ingestion_pending",
    ];
    assert_eq!(total(&"ingestion_ledger_imbalance"), 0, "{text}");
    let received = total(&"ingestion_received_total");
    [received, accounted.iter().map(total).sum()]
}

#[tokio::test]
async fn an_instance_that_gives_way_says_so_in_figures_and_metrics() {
    let api = Api::start();
    let said = async || {
        let role = api.json("/api/v1/ingestion").await["role"].to_string();
        let metrics = api.text("/metrics").await;
        let is_active = |line: &&str| line.starts_with("ingestion_active ");
        let active = metrics.lines().find(is_active).map(str::to_owned);
        (role, active.expect("it is always there"))
    };
    let active = ("\"active\"".to_owned(), "ingestion_active 1".to_owned());
    assert_eq!(said().await, active);
    api.backlog.give_way();
    let standby = ("\"standby\"".to_owned(), "ingestion_active 0".to_owned());
    assert_eq!(said().await, standby);
    api.stop().await;
}
