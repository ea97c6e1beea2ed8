//! `docs/ingestion/INTERFACE.md` says what the interface has, and nothing else.

use std::collections::BTreeSet;

use test_kit::document::{code, table};

use crate::{
    figures::{lose_the_connection, receive_one_of_each},
    support::Api,
};

/// Every metric as `name{labels} type`.
fn described_metrics() -> BTreeSet<String> {
    let rows = table("ingestion/INTERFACE.md", "metric");
    let metrics = rows.iter().map(|row| {
        let series = code(&row[0]).next().unwrap_or_default();
        format!("{series} {}", row[1])
    });
    metrics.collect()
}

/// The same, of Prometheus text in which every metric has a series.
fn shown_metrics(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let metrics = types.map(|family| {
        let (name, kind) = family.split_once(' ').unwrap_or_default();
        let is_series = |line: &&str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{', '_']))
        };
        let series = text.lines().find(is_series);
        let series = series.unwrap_or_else(|| panic!("{name} has no series"));
        let labels = series.split_once('{').and_then(|it| it.1.split_once('}'));
        let labels = labels.map_or("", |(labels, _)| labels).split(',');
        let names: Vec<_> = labels
            .filter_map(|label| Some(label.split_once('=')?.0))
            .collect();
        if names.is_empty() {
            format!("{name} {kind}")
        } else {
            format!("{name}{{{}}} {kind}", names.join(","))
        }
    });
    metrics.collect()
}

#[tokio::test]
async fn every_metric_is_in_the_manual_with_its_labels_and_type() {
    let api = Api::start();
    receive_one_of_each(&api).await;
    lose_the_connection(&api);
    let text = api.text("/metrics").await;
    assert_eq!(described_metrics(), shown_metrics(&text));
    api.stop().await;
}

#[tokio::test]
async fn every_path_is_in_the_manual_with_its_method() {
    let rows = table("ingestion/INTERFACE.md", "path");
    let described: BTreeSet<_> = rows
        .iter()
        .flat_map(|row| {
            let method = row[0].split('`').next().unwrap_or_default().trim();
            let method = if method.is_empty() { "GET" } else { method };
            code(&row[0]).map(move |path| format!("{method} {path}"))
        })
        .collect();

    let api = Api::start();
    let description = api.json("/openapi.json").await;
    let paths = description["paths"].as_object().expect("it has paths");
    let shown: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    assert_eq!(described, shown);
    api.stop().await;
}
