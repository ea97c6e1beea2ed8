//! Planted violations, in workspaces that do not exist.

use super::*;
use crate::TextFile;
use serde_json::json;

/// Judges one crate with one dependency; `expected` is part of the report, or nothing.
fn check_one(name: &str, dependency: &Value, expected: &str) {
    let metadata = json!({ "packages": [package(name, std::slice::from_ref(dependency))] });
    let reports: Vec<_> = check(&metadata).iter().map(Violation::to_string).collect();
    if expected.is_empty() {
        assert!(reports.is_empty(), "{name} with {dependency}: {reports:?}");
    } else {
        assert_eq!(reports.len(), 1, "{name} with {dependency}: {reports:?}");
        assert!(reports[0].contains(expected), "{}", reports[0]);
    }
}

fn package(name: &str, dependencies: &[Value]) -> Value {
    json!({ "name": name, "dependencies": dependencies })
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
fn an_arrow_that_is_refused_is_reported_with_its_sentence() {
    for (name, dependency, sentence) in [
        (
            "etl-application",
            "ingestion-application",
            "names no crate of another; what two",
        ),
        (
            "etl-kafka-adapter",
            "etl-sqlite-adapter",
            "an adapter names no adapter; go through",
        ),
        (
            "sql-kit",
            "etl-application",
            "a kit names no application, adapter or service; let",
        ),
        (
            "etl-http-api",
            "etl-service",
            "meet in contracts, in HTTP, and nowhere else; put",
        ),
        (
            "domain",
            "contracts",
            "its role must not see it; go through a port",
        ),
    ] {
        check_one(
            name,
            &ours(dependency),
            &format!("{name}: depends on {dependency}: "),
        );
        check_one(name, &ours(dependency), sentence);
    }
    check_one("etl-kafka-adapter", &ours("etl-application"), "");
}

#[test]
fn a_technology_outside_its_part_is_reported() {
    for (name, dependency) in [
        ("domain", "serde"),
        ("domain", "tokio"),
        ("identity", "tokio"),
        ("identity", "rand"),
        ("domain", "sha2"),
        ("etl-application", "rdkafka"),
        ("etl-application", "serde"),
        ("etl-http-api", "rdkafka"),
        ("etl-kafka-adapter", "actix-web"),
        ("etl-sqlite-adapter", "rdkafka"),
        ("etl-service", "figment"),
        ("platform", "actix-web"),
        ("http-kit", "clap"),
        ("workspace-rules", "tokio"),
    ] {
        let expected =
            format!("{name}: names {dependency}, which is no technology of its part; leave");
        check_one(name, &foreign(dependency), &expected);
    }
    for (name, dependency) in [
        ("etl-kafka-adapter", "rdkafka"),
        ("kafka-kit", "rdkafka"),
        ("model-http-api", "actix-web"),
        ("http-kit", "tokio"),
        ("sql-kit", "thiserror"),
        ("identity", "sha2"),
        ("identity", "uuid"),
        ("etl-sqlite-adapter", "serde_json"),
        ("platform", "clap"),
        ("etl-test-support", "redb"),
        ("steam-simulator", "actix-web"),
    ] {
        check_one(name, &foreign(dependency), "");
    }
}

#[test]
fn a_foreign_crate_with_the_name_of_an_inner_one_is_reported() {
    check_one("etl-application", &foreign("domain"), "names domain");
}

#[test]
fn a_crate_whose_name_says_nothing_is_reported() {
    let expected =
        "etl-common: the name does not say whose the crate is and what part it has; call";
    check_one("etl-common", &ours("domain"), expected);
}

#[test]
fn the_demo_is_reported_outside_its_feature() {
    for name in ["feed-simulator", "etl-demo"] {
        let dependency = ours(name);
        let expected = format!("{name} whatever its features; make");
        check_one("etl-service", &dependency, &expected);
        check_one(
            "etl-service",
            &with(dependency, "optional", json!(true)),
            "",
        );
    }
    check_one("etl-demo", &ours("feed-simulator"), "");

    let embedded = with(ours("kafka-kit"), "features", json!(["embedded"]));
    check_one("etl-service", &embedded, "switches on kafka-kit/embedded");
    check_one(
        "etl-kafka-adapter",
        &embedded,
        "switches on kafka-kit/embedded",
    );
    check_one("etl-demo", &embedded, "");
    check_one("feed-simulator", &embedded, "");
    check_one("kafka-test-kit", &embedded, "");
}

#[test]
fn tests_may_reach_anywhere_and_build_scripts_may_not() {
    check_one(
        "domain",
        &with(ours("etl-kafka-adapter"), "kind", json!("dev")),
        "",
    );
    check_one(
        "domain",
        &with(foreign("serde"), "kind", json!("build")),
        "names serde",
    );
}

#[test]
fn a_permit_that_nobody_uses_is_reported() {
    let adapter = |dependencies: &[Value]| {
        let metadata = json!({ "packages": [package("etl-kafka-adapter", dependencies)] });
        let reports = check_permits(&metadata);
        let reports: Vec<_> = reports.iter().map(Violation::to_string).collect();
        reports.join("\n")
    };
    let report = r#"Technology("kafka"): may name rdkafka, and none of them does; take it out"#;
    assert!(adapter(&[foreign("slab")]).contains(report));
    assert!(adapter(&[]).contains("rdkafka: has a single owner, and nobody names it; take it"));
    assert!(adapter(&[with(foreign("rdkafka"), "kind", json!("dev"))]).contains(report));
    assert!(!adapter(&[foreign("rdkafka")]).contains(report));
}

#[test]
fn wrappers_that_differ_from_the_layers_are_reported_with_what_to_write() {
    let metadata = json!({ "packages": [
        package("etl-service", &[ours("etl-kafka-adapter"), ours("domain")]),
        package("etl-kafka-adapter", &[foreign("rdkafka"), ours("domain")]),
        package("kafka-kit", &[foreign("rdkafka")]),
        // Refused by the layers, and so no wrapper.
        package("etl-http-api", &[ours("etl-kafka-adapter"), foreign("rdkafka")]),
        package("domain", &[]),
    ] });
    let list = "    { crate = \"etl-kafka-adapter\", wrappers = [\"etl-service\"] },\n    \
                { crate = \"rdkafka\", wrappers = [\"etl-kafka-adapter\", \"kafka-kit\"] },\n";
    let check = |list: &str| {
        let text = format!(
            "[bans]\ndeny = [\n    # From the layers of crates/workspace-rules:\n{list}    \
             # Up to here.\n    {{ crate = \"sled\" }},\n]\n"
        );
        let path = ".cargo/deny.toml".to_owned();
        check_deny_list(&metadata, &TextFile { path, text }).map(|it| it.to_string())
    };
    assert_eq!(check(list), None);
    let report =
        check("    { crate = \"etl-kafka-adapter\", wrappers = [] },\n").unwrap_or_default();
    assert!(
        report.starts_with(".cargo/deny.toml: names other wrappers than the layers"),
        "{report}"
    );
    assert!(report.contains(list), "{report}");
}
