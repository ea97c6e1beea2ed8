//! Applies every rule to this workspace.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use workspace_rules::{
    TextFile, Violation, documents,
    layers::{self, Role, Shape},
    manifests, sources, targets,
};

#[test]
fn every_crate_stays_in_its_layer() {
    expect_none(layers::check(&metadata()));
}

#[test]
fn no_permit_outlives_its_use() {
    let metadata = metadata();
    expect_none(layers::check_permits(&metadata));

    let dependencies = packages(&metadata).filter_map(|package| package["dependencies"].as_array());
    let names = dependencies.flatten().filter_map(|dependency| {
        let renamed = dependency["rename"].as_str();
        renamed.or_else(|| dependency["name"].as_str())
    });
    let files = tree();
    let root = find(&files, "Cargo.toml");
    expect_none(manifests::check_dependencies_used(root, &names.collect()));
}

#[test]
fn cargo_deny_guards_the_same_layers() {
    let (metadata, files) = (metadata(), tree());
    let rules = find(&files, ".cargo/deny.toml");
    if std::env::var_os("UPDATE_DENY_TOML").is_some() {
        let text = layers::with_deny_list(&metadata, &rules.text);
        std::fs::write(root().join(&rules.path), text).expect("the file can be written");
    } else {
        expect_none(layers::check_deny_list(&metadata, rules));
    }
}

#[test]
fn every_crate_is_on_the_map_and_no_command_names_another() {
    let files = tree();
    let crates = crates(&files);
    let architecture = find(&files, "docs/ARCHITECTURE.md");
    expect_none(documents::check_code_map(architecture, &crates));

    let has_commands = |file: &&TextFile| {
        is_in(file, ".ci/")
            || is_in(file, "deploy/")
            || file.path == "justfile"
            || has_extension(file, "md")
    };
    let commands = files.iter().filter(has_commands);
    expect_none(commands.flat_map(|file| documents::check_commands(file, &crates)));
}

#[test]
fn a_crate_is_called_like_its_folder() {
    let metadata = metadata();
    let files = tree();
    let crates = crates(&files);
    let names = packages(&metadata).filter_map(|package| package["name"].as_str());
    let strangers: Vec<_> = names.filter(|name| !crates.contains(name)).collect();
    assert!(
        strangers.is_empty(),
        "in folders of other names: {strangers:?}"
    );
}

/// A service that does not exist yet wants Kafka, an HTTP interface with health
/// and metrics, settings and logs.
#[test]
fn a_second_service_needs_the_kits_and_nothing_of_the_first() {
    let metadata = metadata();
    let kits = ["kafka-kit", "http-kit", "health-kit", "service-kit"];
    let probe = |dependencies: &[&str]| {
        let dependencies = dependencies.iter().map(|name| {
            json!({ "name": name, "kind": null, "path": "crates", "optional": false, "features": [] })
        });
        let package =
            json!({ "name": "probe-service", "dependencies": dependencies.collect::<Vec<_>>() });
        layers::check(&json!({ "packages": [package] }))
    };
    expect_none(probe(&kits));
    let names = packages(&metadata).filter_map(|package| package["name"].as_str());
    let names: Vec<_> = names.collect();
    for kit in kits {
        assert!(names.contains(&kit), "{kit} is missing");
    }
    let is_kit = |name: &&str| Shape::of(name).is_some_and(|shape| shape.role == Role::Kit);
    for kit in names.into_iter().filter(is_kit) {
        let shipped = shipped_with(&metadata, kit);
        // Which tokens are taken is the same for whoever issues and whoever takes them.
        let is_meant = |name: &str| kit == "auth-kit" && name == "identity";
        let of_services = shipped
            .iter()
            .filter(|name| has_owner(name) && !is_meant(name));
        let of_services: Vec<_> = of_services.collect();
        assert!(of_services.is_empty(), "{kit} brings {of_services:?}");
    }

    let of_ingestion = packages(&metadata).filter_map(|package| package["name"].as_str());
    let of_ingestion: Vec<_> = of_ingestion.filter(|name| has_owner(name)).collect();
    assert!(
        of_ingestion.len() >= 6,
        "only {of_ingestion:?} have an owner"
    );
    for name in of_ingestion {
        assert_eq!(probe(&[name]).len(), 1, "probe-service may name {name}");
    }
}

/// The crates of ours that `name` cannot be without, itself among them.
fn shipped_with(metadata: &Value, name: &str) -> Vec<String> {
    let mut found = vec![name.to_owned()];
    let mut next = 0;
    while let Some(name) = found.get(next).cloned() {
        let package = packages(metadata).find(|package| package["name"] == name.as_str());
        let package = package.unwrap_or_else(|| panic!("{name} is missing"));
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let shipped = dependencies.filter(|it| it["kind"] != "dev" && it["path"].is_string());
        for name in shipped.filter_map(|dependency| dependency["name"].as_str()) {
            if !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
        next += 1;
    }
    found
}

fn has_owner(name: &str) -> bool {
    Shape::of(name).is_some_and(|shape| shape.owner.is_some())
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
    expect_none(files.iter().filter(is_source).flat_map(sources::check_safe));

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
    let root = find(&files, "Cargo.toml");
    expect_none(crates.filter_map(|crate_| manifests::check_lints_inherited(crate_, root)));
    expect_none(manifests::check_dependencies_explained(root));
}

#[test]
fn every_target_with_tests_is_tested_and_no_other() {
    let (metadata, files) = (metadata(), tree());
    let root = root().canonicalize().expect("it is there");
    let path = |value: &Value| {
        let path = Path::new(value.as_str()?).strip_prefix(&root).ok()?;
        path.to_str().map(str::to_owned)
    };
    let (mut count, mut violations) = (0, Vec::new());
    for package in packages(&metadata) {
        let manifest = path(&package["manifest_path"]).expect("it is in the tree");
        let targets = package["targets"].as_array().into_iter().flatten();
        for target in
            targets.filter(|it| it["kind"] == json!(["lib"]) || it["kind"] == json!(["bin"]))
        {
            let source = path(&target["src_path"]).expect("it is in the tree");
            let sources = sources_of(&source, &files);
            let target = targets::Target {
                manifest: &manifest,
                name: target["name"].as_str().unwrap_or_default(),
                runs_tests: target["test"] == true,
                runs_examples: target["doctest"] == true,
            };
            violations.extend(targets::check_tested(target, &sources));
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} targets are known");
    expect_none(violations);
}

/// The files of a target whose first one is `source`: its folder, but a program
/// that has other targets beside it is one file.
fn sources_of<'a>(source: &str, files: &'a [TextFile]) -> Vec<&'a TextFile> {
    let folder = source.strip_suffix("lib.rs").or_else(|| {
        let folder = source.strip_suffix("main.rs")?;
        let library = format!("{folder}lib.rs");
        let is_alone = files.iter().all(|file| file.path != library);
        is_alone.then_some(folder)
    });
    let is_of_it = |file: &&TextFile| match folder {
        Some(folder) => is_in(file, folder),
        None => file.path == source,
    };
    files.iter().filter(is_of_it).collect()
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

/// What cargo knows of the crates of this workspace.
fn metadata() -> Value {
    let metadata = output_of("cargo metadata --no-deps --offline --format-version 1");
    let metadata = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
    let crates = packages(&metadata).count();
    assert!(crates >= 12, "cargo metadata lists only {crates} crates");
    metadata
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

/// The folders of crates/, the one that is a workspace of its own among them.
fn crates(files: &[TextFile]) -> Vec<&str> {
    let paths = files.iter().map(|file| file.path.as_str());
    let manifests = paths.filter_map(|path| path.strip_suffix("/Cargo.toml"));
    manifests
        .filter_map(|folder| folder.strip_prefix("crates/"))
        .collect()
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
