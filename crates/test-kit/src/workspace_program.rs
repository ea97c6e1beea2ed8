//! Where the program of another crate of this workspace is, for tests.
//!
//! Cargo tells the path of a program to the tests of its own crate alone, and
//! builds it for them, or for everybody with `cargo test --workspace`. So the
//! program that lies where cargo puts it is taken if it is newer than what it
//! is made of, as far as that is known, or else than all there is. Otherwise, as
//! when the tests of one other crate are run, cargo is asked to build it. Nothing else works without a hook in every test
//! binary: cargo has no dependencies on binaries yet.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::usage::binaries_folder;

const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const LOCK_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");

/// A program of a package, built if need be; this may take minutes.
///
/// # Errors
/// It cannot be built; with what cargo says.
pub fn workspace_program(package: &str, name: &str) -> Result<PathBuf> {
    let manifest = Path::new(CRATES).join(package).join("Cargo.toml");
    let profile = binaries_folder()?;
    let built = profile.join(name);
    if is_current(&built, &manifest) {
        return Ok(built);
    }
    build(name, &manifest, profile.parent())
}

/// Whether a program is newer than everything that went into it.
fn is_current(program: &Path, manifest: &Path) -> bool {
    let Some(built_at) = changed_at(program) else {
        return false;
    };
    // Beside it `cargo build` writes of what it is made, and `cargo test` does not.
    let sources = match fs::read_to_string(program.with_extension("d")) {
        Ok(dependencies) => sources(&dependencies)
            .into_iter()
            .map(PathBuf::from)
            .collect(),
        Err(_) => all_sources(Path::new(CRATES)),
    };
    let sources = sources.into_iter();
    let mut sources = sources.chain([manifest.into(), LOCK_FILE.into()]);
    sources.all(|source| changed_at(&source).is_some_and(|changed_at| changed_at <= built_at))
}

fn changed_at(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|file| file.modified()).ok()
}

/// The sources in a file of dependencies: `program: source source …`, with
/// backslashes before the spaces of a path.
fn sources(dependencies: &str) -> Vec<String> {
    let (_, sources) = dependencies.split_once(": ").unwrap_or_default();
    let sources = sources.trim_end().replace("\\ ", "\0");
    let sources = sources.split(' ').filter(|source| !source.is_empty());
    sources.map(|source| source.replace('\0', " ")).collect()
}

/// Everything that any program of the workspace may be made of.
fn all_sources(crates: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(crates).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path().join("src"));
    let mut folders: Vec<_> = folders.filter(|folder| folder.is_dir()).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// Has cargo build it, into the folder that the test was built into.
fn build(name: &str, manifest: &Path, target: Option<&Path>) -> Result<PathBuf> {
    let target = target.context("the folder of a profile is in another")?;
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--locked", "--message-format=json", "--bin", name])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .output()
        .with_context(|| format!("there is no cargo to build {name} with"))?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} cannot be built: {problem}");
    let messages = String::from_utf8_lossy(&output.stdout);
    program_in(&messages, name).context("cargo does not say what it has built")
}

/// The program that cargo says it has built.
fn program_in(messages: &str, name: &str) -> Option<PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut of_program = messages.filter(|message: &Value| message["target"]["name"] == name);
    of_program.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::Duration};

    use super::*;

    #[test]
    fn a_program_older_than_its_sources_is_not_taken() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("program");
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let source = folder.path().join("a source.rs");
        let mut everything = all_sources(Path::new(CRATES));
        everything.extend([LOCK_FILE.into(), manifest.clone()]);
        let newest = everything.iter().filter_map(|one| changed_at(one)).max();
        let newest = newest.context("there are sources")?;
        let change = |file: &Path, seconds| {
            let file = File::options().create(true).append(true).open(file)?;
            file.set_modified(newest + Duration::from_secs(seconds) - Duration::from_secs(1))
        };
        change(&program, 0)?;
        ensure!(
            !is_current(&program, &manifest),
            "nobody knows of what it is made, and something is newer"
        );
        change(&program, 10)?;
        ensure!(is_current(&program, &manifest), "nothing is newer");

        change(&source, 5)?;
        let escaped = source.display().to_string().replace(' ', "\\ ");
        let dependencies = format!("{}: {escaped}\n", program.display());
        fs::write(program.with_extension("d"), dependencies)?;
        ensure!(is_current(&program, &manifest));
        change(&source, 15)?;
        ensure!(!is_current(&program, &manifest), "its source has changed");
        change(&program, 20)?;
        ensure!(is_current(&program, &manifest));
        fs::remove_file(&source)?;
        ensure!(!is_current(&program, &manifest), "its source is gone");
        Ok(())
    }

    #[test]
    fn cargo_says_where_the_program_is() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"tokio\"},\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"clickhouse-front\"},\"executable\":\"/x/clickhouse-front\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(
            program_in(messages, "clickhouse-front"),
            Some("/x/clickhouse-front".into())
        );
        assert_eq!(program_in("{}\nno JSON\n", "clickhouse-front"), None);
    }
}
