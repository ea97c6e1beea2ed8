//! What the manual of a service says of its HTTP interface, and what the
//! interface shows, in the same words, to be compared.

use std::collections::BTreeSet;

use serde_json::Value;
use test_kit::document::{code, table};

/// Every metric of a document in `docs/`, as `name{labels} type`.
///
/// # Panics
/// When the document has no table of metrics.
#[must_use]
pub fn described_metrics(document: &str) -> BTreeSet<String> {
    let rows = table(document, "metric");
    let metrics = rows.iter().map(|row| {
        let series = code(&row[0]).next().unwrap_or_default();
        format!("{series} {}", row[1])
    });
    metrics.collect()
}

/// The same, of Prometheus text.
///
/// # Panics
/// When a metric has no series.
#[must_use]
pub fn shown_metrics(text: &str) -> BTreeSet<String> {
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

/// Every path of a document in `docs/`, as `METHOD path`, without parameters.
///
/// # Panics
/// When the document has no table of paths.
#[must_use]
pub fn described_paths(document: &str) -> BTreeSet<String> {
    let rows = table(document, "path");
    let paths = rows.iter().flat_map(|row| {
        let method = row[0].split('`').next().unwrap_or_default().trim();
        let method = if method.is_empty() { "GET" } else { method };
        let paths = code(&row[0]).map(|path| path.split('?').next().unwrap_or(path));
        paths.map(move |path| format!("{method} {path}"))
    });
    paths.collect()
}

/// The same, of the description that an interface gives of itself.
///
/// # Panics
/// When it has no paths.
#[must_use]
pub fn shown_paths(description: &Value) -> BTreeSet<String> {
    let paths = description["paths"].as_object().expect("it has paths");
    let paths = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_shown_with_its_labels_and_type() {
        let text = "# TYPE a_total counter\na_total{topic=\"x\",reason=\"y\"} 1\n\
                    # TYPE b gauge\nb 0\n# TYPE c_seconds histogram\nc_seconds_sum 1\n";
        let expected = [
            "a_total{topic,reason} counter",
            "b gauge",
            "c_seconds histogram",
        ];
        assert_eq!(shown_metrics(text), expected.map(str::to_owned).into());
    }
}
