//! Where the engine comes from.

use std::{
    env::consts::{ARCH, OS},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use test_kit::{
    package_cache::{fetch_with, fetched_once, only_entry},
    workspace_program,
};

/// Older servers lack what our tables are made of.
const VERSION_MIN: u32 = 26;
/// The tag `latest` of these packages is older than this.
const PACKAGE_VERSION: &str = "26.7.3-stable.1";
/// Of the same name on all systems.
const LIBRARY: &str = "libchdb.so";
const MISSING: &str = "no ClickHouse for the tests: install npm, from which the engine is fetched \
    once (Debian: apt-get install npm), or a clickhouse program of version 26 or later on the \
    PATH, or name a server in WAREHOUSE_URL_TEST";

/// What an engine is started from.
#[derive(Debug, Clone)]
pub(crate) enum Distribution {
    /// The server's own program.
    Server { program: PathBuf },
    /// The engine as a library, and our program in front of it.
    Library { front: PathBuf, library: PathBuf },
}

impl Distribution {
    /// Finds one, and fetches the library if it is not there yet; this may take a minute.
    pub(crate) fn find() -> Result<Self> {
        if let Ok(program) = server() {
            return Ok(Self::Server { program });
        }
        let library = library().context(MISSING)?;
        let front = workspace_program(env!("CARGO_PKG_NAME"), "clickhouse-front")?;
        Ok(Self::Library { front, library })
    }
}

fn server() -> Result<PathBuf> {
    let output = Command::new("clickhouse")
        .args(["server", "--version"])
        .output()
        .context("there is no clickhouse")?;
    // As in: ClickHouse server version 26.7.2.1 (official build).
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(is_new_enough(&text), "clickhouse is too old: {text:?}");
    Ok(PathBuf::from("clickhouse"))
}

fn is_new_enough(version: &str) -> bool {
    let number = version.split_once("version ").map_or("", |(_, rest)| rest);
    let major = number.split('.').next().unwrap_or_default();
    major.parse().is_ok_and(|major: u32| major >= VERSION_MIN)
}

fn library() -> Result<PathBuf> {
    let platform = platform(OS, ARCH)?;
    let folder = fetched_once(&format!("chdb-{platform}-{PACKAGE_VERSION}"), |folder| {
        fetch_library(platform, folder)
    })?;
    Ok(folder.join(LIBRARY))
}

/// What the packages call a system.
fn platform(os: &str, arch: &str) -> Result<&'static str> {
    Ok(match (os, arch) {
        ("linux", "x86_64") => "linux-x64-gnu",
        ("linux", "aarch64") => "linux-arm64-gnu",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        _ => bail!("there is no package with the engine for {os} on {arch}"),
    })
}

fn fetch_library(platform: &str, folder: &Path) -> Result<()> {
    let package = format!("@chdb/lib-{platform}@{PACKAGE_VERSION}");
    fetch_with("npm", &["pack", "--silent", &package], folder)?;
    let archive = only_entry(folder)?;
    let member = format!("package/{LIBRARY}");
    let arguments = [
        "-xzf".as_ref(),
        archive.as_os_str(),
        "--strip-components=1".as_ref(),
    ];
    let arguments = [&arguments[..], &[member.as_ref()]].concat();
    fetch_with("tar", &arguments, folder)?;
    Ok(fs::remove_file(archive)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_not_taken() {
        let check = |text, expected| assert_eq!(is_new_enough(text), expected, "{text}");
        check(
            "ClickHouse server version 26.7.2.1 (official build).\n",
            true,
        );
        check("ClickHouse server version 27.1.1.1.\n", true);
        check("ClickHouse server version 18.16.1.\n", false);
        check("ClickHouse server version x\n", false);
        check("", false);
    }

    #[test]
    fn every_common_system_has_a_package() -> Result<()> {
        ensure!(platform("linux", "x86_64")? == "linux-x64-gnu");
        ensure!(platform("macos", "aarch64")? == "darwin-arm64");
        ensure!(platform("windows", "x86_64").is_err());
        Ok(())
    }
}
