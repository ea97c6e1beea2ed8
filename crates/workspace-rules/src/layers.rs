//! Which crate may name which: arrows point inward, adapters never see each
//! other, inbound never sees outbound, and only a service names an adapter.
//!
//! It judges what ships. Dev-dependencies may reach wherever a test needs them.

use crate::Violation;
use serde_json::Value;

/// What one crate may name.
struct Layer {
    name: &'static str,
    /// Crates of this workspace.
    inner: &'static [&'static str],
    /// Crates of others.
    outer: Outer,
}

enum Outer {
    /// These and nothing else.
    Only(&'static [&'static str]),
    /// These and [`COMMON`].
    CommonAnd(&'static [&'static str]),
    Anything,
}

/// The architecture, innermost first.
#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    layer("domain", &[], Outer::Only(&["thiserror"])),
    layer("health-kit", &["domain"], Outer::CommonAnd(&[])),
    layer("ingestion-application", &["domain", "health-kit"], Outer::CommonAnd(&["hdrhistogram", "mockall", "slab"])),
    layer("contracts", &["domain"], Outer::CommonAnd(&["jiff", "serde", "serde_json"])),

    layer("kafka-kit", &["service-kit"], Outer::CommonAnd(&["rdkafka", "secrecy"])),
    layer("ingestion-kafka-adapter", &["domain", "health-kit", "ingestion-application", "contracts", "service-kit", "kafka-kit"], Outer::CommonAnd(&[
        "rdkafka", "secrecy", "serde", "serde_json", "slab",
    ])),
    layer("ingestion-journal-adapter", &["domain", "health-kit", "ingestion-application", "service-kit"], Outer::CommonAnd(&[
        "crc32fast", "rand", "roaring", "rustix",
    ])),
    layer("ingestion-opendota-adapter", &["domain", "health-kit", "ingestion-application", "contracts", "service-kit"], Outer::CommonAnd(&[
        "base64", "jiff", "percent-encoding", "rand", "secrecy", "serde", "serde_json",
        "tokio-rustls", "tokio-tungstenite", "webpki-roots",
    ])),
    layer("ingestion-http-api", &["domain", "health-kit", "ingestion-application", "service-kit"], Outer::CommonAnd(&[
        "actix-cors", "actix-web", "jiff", "prometheus-client", "secrecy", "serde", "serde_json",
        "subtle", "utoipa", "utoipa-actix-web", "utoipa-swagger-ui",
    ])),

    layer("service-kit", &[], Outer::CommonAnd(&[
        "bytesize", "dotenvy", "figment", "humantime", "jiff", "rustls-pki-types", "secrecy", "serde", "serde_json", "strsim",
        "tracing-subscriber", "url",
    ])),
    layer("ingestion-service", &[
        "domain", "health-kit", "ingestion-application", "contracts", "ingestion-kafka-adapter", "ingestion-journal-adapter", "ingestion-opendota-adapter",
        "ingestion-http-api", "service-kit", "kafka-kit", "feed-simulator",
    ], Outer::CommonAnd(&[
        "anyhow", "base64", "clap", "jiff", "reqwest", "secrecy", "serde", "serde_json", "tempfile", "tokio-rustls",
    ])),

    layer("feed-simulator", &["domain"], Outer::CommonAnd(&[
        "actix-web", "anyhow", "clap", "humantime", "rand", "rand_distr", "serde", "serde_json",
        "tokio-tungstenite", "tracing-subscriber",
    ])),
    layer("test-kit", &[], Outer::Anything),
    layer("kafka-test-kit", &["kafka-kit", "test-kit"], Outer::Anything),
    layer("ingestion-test-support", &["domain", "health-kit", "ingestion-application", "ingestion-journal-adapter"], Outer::Anything),
    layer("ingestion-simulation", &[
        "domain", "health-kit", "ingestion-application", "ingestion-opendota-adapter", "ingestion-journal-adapter", "ingestion-test-support",
    ], Outer::Anything),
    layer("ingestion-benchmarks", &[
        "domain", "health-kit", "ingestion-application", "contracts", "ingestion-kafka-adapter", "ingestion-journal-adapter", "ingestion-opendota-adapter",
        "ingestion-http-api", "service-kit", "ingestion-service", "feed-simulator", "kafka-test-kit",
    ], Outer::Anything),
    layer("workspace-rules", &[], Outer::Only(&["serde_json"])),
];

/// Errors, logs and the runtime: what every layer but the innermost may name.
const COMMON: &[&str] = &[
    "async-trait",
    "bytes",
    "futures-util",
    "thiserror",
    "tokio",
    "tokio-util",
    "tracing",
];

/// A crate, and what it may name only behind a feature.
const BEHIND_A_FEATURE: &[(&str, &str)] = &[
    ("ingestion-application", "mockall"),
    ("ingestion-service", "feed-simulator"),
    ("ingestion-service", "tempfile"),
];

/// Crates whose Kafka is in the process whenever they are built.
const ALWAYS_EMBEDDED: &[&str] = &["kafka-test-kit", "ingestion-benchmarks"];

/// Compares the output of `cargo metadata --no-deps` with the architecture.
#[must_use]
pub fn check(metadata: &Value) -> Vec<Violation> {
    items(metadata, "packages").flat_map(check_crate).collect()
}

fn check_crate(package: &Value) -> Vec<Violation> {
    let name = text(package, "name");
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![Violation::new(
            name,
            "the crate has no row in the table of layers",
            "give it one in crates/workspace-rules/src/layers.rs",
        )];
    };
    items(package, "dependencies")
        .filter(|dependency| text(dependency, "kind") != "dev")
        .filter_map(|dependency| layer.judge(dependency))
        .collect()
}

const fn layer(name: &'static str, inner: &'static [&'static str], outer: Outer) -> Layer {
    Layer { name, inner, outer }
}

impl Layer {
    fn judge(&self, dependency: &Value) -> Option<Violation> {
        let name = text(dependency, "name");
        let ours = dependency["path"].is_string();
        let embedded = items(dependency, "features").any(|feature| feature == "embedded");

        let (problem, remedy) = if ours && !self.inner.contains(&name) {
            (
                format!("depends on {name}, which its layer must not see"),
                "go through a port of application or wire the two in a service; \
                 a new arrow is a decision to record, and a change of the table of layers",
            )
        } else if !ours && !self.outer.allows(name) {
            (
                format!("names {name}, which is no technology of its layer"),
                "leave it to the crate that owns it, or change the table of layers",
            )
        } else if BEHIND_A_FEATURE.contains(&(self.name, name)) && dependency["optional"] != true {
            (
                format!("depends on {name} whatever its features"),
                "make the dependency optional, behind a feature",
            )
        } else if embedded && !ALWAYS_EMBEDDED.contains(&self.name) {
            (
                format!("switches on {name}/embedded whatever its features"),
                "switch the in-process broker on in the feature `demo` only",
            )
        } else {
            return None;
        };
        Some(Violation::new(self.name, problem, remedy))
    }
}

impl Outer {
    fn allows(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(&name),
            Self::CommonAnd(names) => names.contains(&name) || COMMON.contains(&name),
            Self::Anything => true,
        }
    }
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Judges one crate with one dependency; `expected` is part of the report, or nothing.
    fn check_one(name: &str, dependency: &Value, expected: &str) {
        let metadata = json!({ "packages": [{ "name": name, "dependencies": [dependency] }] });
        let reports: Vec<_> = check(&metadata).iter().map(Violation::to_string).collect();
        if expected.is_empty() {
            assert!(reports.is_empty(), "{name} with {dependency}: {reports:?}");
        } else {
            assert_eq!(reports.len(), 1, "{name} with {dependency}: {reports:?}");
            assert!(reports[0].contains(expected), "{}", reports[0]);
        }
    }

    fn ours(name: &str) -> Value {
        json!({ "name": name, "kind": null, "path": "crates", "optional": false, "features": [] })
    }

    fn foreign(name: &str) -> Value {
        json!({ "name": name, "kind": null, "optional": false, "features": [] })
    }

    fn with(mut dependency: Value, key: &str, value: Value) -> Value {
        dependency[key] = value;
        dependency
    }

    #[test]
    fn an_arrow_pointing_outward_or_sideways_is_reported() {
        let seen =
            |name| format!("depends on {name}, which its layer must not see; go through a port");
        for (name, dependency) in [
            ("domain", "ingestion-application"),
            ("ingestion-application", "contracts"),
            ("ingestion-opendota-adapter", "ingestion-kafka-adapter"),
            ("ingestion-kafka-adapter", "ingestion-opendota-adapter"),
            ("ingestion-http-api", "ingestion-kafka-adapter"),
            ("service-kit", "ingestion-application"),
            ("feed-simulator", "ingestion-application"),
            ("ingestion-service", "ingestion-test-support"),
            ("ingestion-test-support", "ingestion-service"),
        ] {
            let expected = format!("{name}: {}", seen(dependency));
            check_one(name, &ours(dependency), &expected);
        }
        check_one(
            "ingestion-opendota-adapter",
            &ours("ingestion-application"),
            "",
        );
        check_one("ingestion-service", &ours("ingestion-kafka-adapter"), "");
    }

    #[test]
    fn a_technology_outside_its_layer_is_reported() {
        for (name, dependency) in [
            ("domain", "serde"),
            ("domain", "tokio"),
            ("ingestion-application", "rdkafka"),
            ("ingestion-http-api", "rdkafka"),
            ("ingestion-kafka-adapter", "actix-web"),
            ("ingestion-service", "figment"),
            ("workspace-rules", "tokio"),
        ] {
            let expected =
                format!("{name}: names {dependency}, which is no technology of its layer; leave");
            check_one(name, &foreign(dependency), &expected);
        }
        check_one("ingestion-kafka-adapter", &foreign("rdkafka"), "");
        check_one("ingestion-http-api", &foreign("tokio"), "");
    }

    #[test]
    fn a_foreign_crate_with_the_name_of_an_inner_one_is_reported() {
        check_one("ingestion-application", &foreign("domain"), "names domain");
    }

    #[test]
    fn a_crate_without_a_row_is_reported() {
        let expected = "steam-adapter: the crate has no row in the table of layers; give it one";
        check_one("steam-adapter", &ours("ingestion-application"), expected);
    }

    #[test]
    fn the_demo_is_reported_outside_its_feature() {
        let simulator = ours("feed-simulator");
        check_one(
            "ingestion-service",
            &simulator,
            "feed-simulator whatever its features; make",
        );
        check_one(
            "ingestion-service",
            &with(simulator, "optional", json!(true)),
            "",
        );
        check_one(
            "ingestion-application",
            &foreign("mockall"),
            "mockall whatever its features; make",
        );

        let embedded = with(ours("kafka-kit"), "features", json!(["embedded"]));
        check_one(
            "ingestion-service",
            &embedded,
            "switches on kafka-kit/embedded",
        );
        check_one("kafka-test-kit", &embedded, "");
    }

    #[test]
    fn tests_may_reach_anywhere_and_build_scripts_may_not() {
        check_one(
            "domain",
            &with(ours("ingestion-kafka-adapter"), "kind", json!("dev")),
            "",
        );
        check_one(
            "domain",
            &with(foreign("serde"), "kind", json!("build")),
            "names serde",
        );
    }
}
