//! Where the program `clickhouse-front` is, for tests of any crate.
//!
//! Cargo tells its path to the tests of this crate alone, and builds it for
//! them, or for everybody with `cargo test --workspace`. So the program that
//! lies where cargo puts it is taken if it is newer than what it is made of.
//! Otherwise, as when the tests of one other crate are run, cargo is asked to build
//! it, which costs a fraction of a minute once. Nothing else works without a
//! hook in every test binary: cargo has no dependencies on binaries yet.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

const NAME: &str = "clickhouse-front";
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const LOCK_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");

/// The program, built if need be; this may take minutes.
pub(crate) fn front_program() -> Result<PathBuf> {
    // Tests are in a folder beside the programs: target/debug/deps/name-hash.
    let test = env::current_exe()?;
    let profile = test.ancestors().nth(2).context("a test is in a folder")?;
    let built = profile.join(NAME);
    if is_current(&built) {
        return Ok(built);
    }
    build(profile.parent())
}

/// Whether a program is newer than everything that went into it.
fn is_current(program: &Path) -> bool {
    // Beside it cargo writes of what it is made.
    let Ok(dependencies) = fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    let Some(built_at) = changed_at(program) else {
        return false;
    };
    let sources = sources(&dependencies).into_iter().map(PathBuf::from);
    let mut sources = sources.chain([MANIFEST.into(), LOCK_FILE.into()]);
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

/// Has cargo build it, into the folder that the test was built into.
fn build(target: Option<&Path>) -> Result<PathBuf> {
    let target = target.context("the folder of a profile is in another")?;
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--locked", "--message-format=json", "--bin", NAME])
        .args(["--manifest-path", MANIFEST, "--target-dir"])
        .arg(target)
        .output()
        .context("there is no cargo to build the front with")?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the front cannot be built: {problem}"
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    program_in(&messages).context("cargo does not say what it has built")
}

/// The program that cargo says it has built.
fn program_in(messages: &str) -> Option<PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut of_front = messages.filter(|message: &Value| message["target"]["name"] == NAME);
    of_front.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_program_older_than_its_sources_is_not_taken() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join(NAME);
        let source = folder.path().join("a source.rs");
        let now = changed_at(Path::new(LOCK_FILE)).context("it is there")?;
        let now = now.max(changed_at(Path::new(MANIFEST)).context("it is there")?);
        let change = |file: &Path, seconds| {
            let file = File::options().create(true).append(true).open(file)?;
            file.set_modified(now + std::time::Duration::from_secs(seconds))
        };
        change(&program, 10)?;
        change(&source, 5)?;
        ensure!(!is_current(&program), "nobody knows of what it is made");

        let escaped = source.display().to_string().replace(' ', "\\ ");
        let dependencies = format!("{}: {escaped}\n", program.display());
        fs::write(program.with_extension("d"), dependencies)?;
        ensure!(is_current(&program));
        change(&source, 15)?;
        ensure!(!is_current(&program), "its source has changed");
        change(&program, 20)?;
        ensure!(is_current(&program));
        fs::remove_file(&source)?;
        ensure!(!is_current(&program), "its source is gone");
        Ok(())
    }

    #[test]
    fn cargo_says_where_the_program_is() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"tokio\"},\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"clickhouse-front\"},\"executable\":\"/x/clickhouse-front\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(program_in(messages), Some("/x/clickhouse-front".into()));
        assert_eq!(program_in("{}\nno JSON\n"), None);
    }
}
