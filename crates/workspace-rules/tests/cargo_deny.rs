//! Plants violations before `.cargo/deny.toml`: what ships must fail where the
//! architecture says so, and pass where it does not.
//!
//! It needs cargo-deny, so it runs with the feature `cargo-deny` only.

use std::io::{Result, Write as _};
use std::path::Path;
use std::process::Command;
use std::{fs, fs::File};

#[test]
fn a_composition_root_names_its_adapters_and_an_adapter_its_technology() -> Result<()> {
    check("ingestion-commands", "ingestion-kafka-adapter", "bans ok")?;
    check("ingestion-kafka-adapter", "rdkafka", "bans ok")?;
    check("ingestion-http-api", "actix-web", "bans ok")
}

#[test]
fn an_adapter_naming_another_is_refused() -> Result<()> {
    check(
        "ingestion-opendota-adapter",
        "ingestion-kafka-adapter",
        "bans FAILED",
    )?;
    check(
        "ingestion-kafka-adapter",
        "ingestion-opendota-adapter",
        "bans FAILED",
    )
}

#[test]
fn inbound_naming_outbound_is_refused() -> Result<()> {
    check(
        "ingestion-http-api",
        "ingestion-kafka-adapter",
        "bans FAILED",
    )
}

#[test]
fn a_crate_of_another_owner_is_refused() -> Result<()> {
    check("etl-application", "ingestion-application", "bans FAILED")?;
    check("etl-service", "ingestion-http-api", "bans FAILED")?;
    check("sql-kit", "ingestion-journal-adapter", "bans FAILED")
}

#[test]
fn a_technology_named_by_another_than_its_owner_is_refused() -> Result<()> {
    check("ingestion-http-api", "rdkafka", "bans FAILED")?;
    check("ingestion-application", "tokio-tungstenite", "bans FAILED")?;
    check("ingestion-service", "actix-web", "bans FAILED")?;
    check("ingestion-service", "figment", "bans FAILED")?;
    check("ingestion-opendota-adapter", "native-tls", "bans FAILED")
}

/// Judges a workspace of nothing but `parent`, which depends on `child`.
fn check(parent: &str, child: &str, expected: &str) -> Result<()> {
    let workspace = tempfile::tempdir()?;
    let root = workspace.path();
    fs::write(
        root.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
    )?;
    let dependency = format!("{child} = {{ path = \"../{child}\" }}");
    write_crate(root, parent, &dependency)?;
    write_crate(root, child, "")?;

    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cargo/deny.toml");
    let output = Command::new("cargo-deny")
        .args(["--offline", "--color", "never", "--config"])
        .arg(rules)
        .args(["check", "bans"])
        .current_dir(root)
        .output()
        .expect("cargo-deny is installed: cargo install --locked cargo-deny");
    let report = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);

    assert!(
        report.contains(expected),
        "{parent} -> {child} should end with `{expected}`:\n{report}"
    );
    let banned = report.contains(&format!(
        "error[banned]: crate '{child} = 0.1.0' is explicitly banned"
    ));
    assert_eq!(
        banned,
        expected == "bans FAILED",
        "{parent} -> {child}:\n{report}"
    );
    Ok(())
}

fn write_crate(workspace: &Path, name: &str, dependency: &str) -> Result<()> {
    let folder = workspace.join("crates").join(name);
    fs::create_dir_all(folder.join("src"))?;
    File::create(folder.join("src/lib.rs"))?;
    let mut manifest = File::create(folder.join("Cargo.toml"))?;
    writeln!(
        manifest,
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\npublish = false\n"
    )?;
    writeln!(manifest, "[dependencies]\n{dependency}")
}
