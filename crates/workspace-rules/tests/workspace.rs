//! Applies every rule to this workspace.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use workspace_rules::{TextFile, Violation, documents, layers, manifests, sources};

#[test]
fn every_crate_stays_in_its_layer() {
    let metadata = output_of("cargo metadata --no-deps --offline --format-version 1");
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
    let crates = metadata["packages"].as_array().map_or(0, Vec::len);
    assert!(crates >= 12, "cargo metadata lists only {crates} crates");
    expect_none(layers::check(&metadata));
}

#[test]
fn sources_are_short_and_finished() {
    let files = tree();
    let is_source = |file: &&TextFile| is_in(file, "crates/") && has_extension(file, "rs");
    expect_none(
        files
            .iter()
            .filter(is_source)
            .filter_map(sources::check_length),
    );

    let is_ours = |file: &&TextFile| {
        ["crates/", "deploy/", ".ci/"]
            .iter()
            .any(|it| is_in(file, it))
    };
    expect_none(
        files
            .iter()
            .filter(is_ours)
            .flat_map(sources::check_finished),
    );
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let files = tree();
    // Cargo writes it, with the addresses it needs.
    let ours = files.iter().filter(|file| file.path != "Cargo.lock");
    expect_none(ours.flat_map(sources::check_no_machine));
}

#[test]
fn the_top_shows_only_what_a_reader_looks_for() {
    let files = tree();
    let paths = files.iter().map(|file| file.path.as_str());
    expect_none(manifests::check_top_level(paths));
}

#[test]
fn manifests_share_lints_and_explain_dependencies() {
    let files = tree();
    let is_manifest =
        |file: &&TextFile| is_in(file, "crates/") && file.path.ends_with("/Cargo.toml");
    let crates = files.iter().filter(is_manifest);
    expect_none(crates.filter_map(manifests::check_lints_inherited));

    let root = find(&files, "Cargo.toml");
    expect_none(manifests::check_dependencies_explained(root));
}

#[test]
fn readers_and_ci_run_the_same_tests() {
    let files = tree();
    let both = ["README.md", ".ci/run"].map(|path| find(&files, path));
    expect_none(both.into_iter().filter_map(documents::check_test_command));
}

#[test]
fn every_architecture_invariant_names_its_test() {
    let files = tree();
    let architecture = find(&files, "docs/ARCHITECTURE.md");
    expect_none(documents::check_invariants(architecture, &files));
}

#[test]
fn every_guard_named_by_the_security_document_exists() {
    let files = tree();
    let security = find(&files, "docs/SECURITY.md");
    expect_none(documents::check_guards(security, &files));
}

fn expect_none(violations: impl IntoIterator<Item = Violation>) {
    let violations = violations.into_iter();
    let reports: Vec<_> = violations.map(|violation| violation.to_string()).collect();
    let reports = reports.join("\n");
    assert!(
        reports.is_empty(),
        "the workspace breaks its rules:\n{reports}"
    );
}

/// Every text file that is in the repository, or would be with the next commit.
fn tree() -> Vec<TextFile> {
    let paths = output_of("git ls-files --cached --others --exclude-standard");
    let read = |path: &str| {
        // A deleted file is listed until its deletion is committed, and a picture is no text.
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        let path = path.to_owned();
        Some(TextFile { path, text })
    };
    paths.lines().filter_map(read).collect()
}

fn find<'a>(files: &'a [TextFile], path: &str) -> &'a TextFile {
    let file = files.iter().find(|file| file.path == path);
    file.unwrap_or_else(|| panic!("{path} is missing"))
}

fn is_in(file: &TextFile, folder: &str) -> bool {
    file.path.starts_with(folder)
}

fn has_extension(file: &TextFile, extension: &str) -> bool {
    Path::new(&file.path)
        .extension()
        .is_some_and(|found| found == extension)
}

fn output_of(command: &str) -> String {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let output = Command::new(program)
        .args(words)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("`{command}` did not start: {error}"));
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{command}` failed: {problem}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
