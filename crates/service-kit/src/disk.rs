//! How much room there is where a service keeps its files.

use std::{io, path::Path};

/// The room of a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// In all.
    pub size: u64,
    /// For those without rights of their own.
    pub free: u64,
}

/// Asks how much room the disk of a folder has; blocks.
///
/// # Errors
/// The folder is not there, or the system does not say.
pub fn space(folder: &Path) -> io::Result<Space> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(Space {
        size: disk.f_blocks.saturating_mul(disk.f_frsize),
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}
