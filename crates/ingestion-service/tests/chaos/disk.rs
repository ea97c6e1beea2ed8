//! The disk under the journals, which can be filled and made read-only.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use tempfile::TempDir;

/// More than any journal of a run needs, and quickly filled.
const SIZE: &str = "size=256m";
static CHUNK: [u8; 64 * 1024] = [0; 64 * 1024];

/// A folder for journals; a file system of its own where this machine allows it.
pub(crate) struct Disk {
    folder: TempDir,
    is_mounted: bool,
}

impl Disk {
    /// Mounts a small file system in memory, or else takes a plain folder.
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("chaos-").tempdir()?;
        let is_mounted = mount(&["-t", "tmpfs", "-o", SIZE, "tmpfs"], folder.path());
        Ok(Self { folder, is_mounted })
    }

    /// Whether it can be filled and made read-only.
    pub(crate) fn can_fail(&self) -> bool {
        self.is_mounted
    }

    /// A folder on it.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Leaves no byte of room.
    pub(crate) fn fill(&self) -> Result<()> {
        let mut ballast = File::create(self.ballast())?;
        loop {
            match ballast.write_all(&CHUNK) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the room back.
    pub(crate) fn empty(&self) -> Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    /// Nobody may have a file open for writing.
    pub(crate) fn set_read_only(&self, is_read_only: bool) -> Result<()> {
        let options = if is_read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        ensure!(mount(&["-o", options], self.folder.path()), "{options}");
        Ok(())
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // Lazily: a process that is about to end may still hold it.
            let _ = Command::new("umount")
                .arg("--lazy")
                .arg(self.folder.path())
                .status();
        }
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let output = Command::new("mount").args(arguments).arg(at).output();
    output.is_ok_and(|output| output.status.success())
}
