//! The seam between the journal and a disk, which a simulation can take.

use std::io;

use async_trait::async_trait;

mod file_storage;

pub(crate) use file_storage::is_no_room;
pub use file_storage::{FileStorage, OpenError};

/// Named files in one folder of a disk.
///
/// An implementation MUST
/// - be cancel safe: what a dropped call has begun goes on, and a later call
///   that changes something waits until that has ended;
/// - promise nothing about what was not synced: after a loss of power it may
///   be there, in part, in another order, or not at all.
///
/// One caller at a time changes something; others may read meanwhile.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Where it is, for the person who reads an error.
    fn place(&self) -> String;

    /// The names of all files, in no order.
    ///
    /// # Errors
    /// What the disk says.
    async fn list(&self) -> io::Result<Vec<String>>;

    /// The length of a file in bytes.
    ///
    /// # Errors
    /// What the disk says; [`io::ErrorKind::NotFound`] when there is no such file.
    async fn length(&self, name: &str) -> io::Result<u64>;

    /// Writes all of `bytes` at `offset`; a file that is not there begins to be.
    ///
    /// # Errors
    /// What the disk says; any part of the bytes may have been written then.
    async fn write(&self, name: &str, offset: u64, bytes: Vec<u8>) -> io::Result<()>;

    /// Makes durable what was written to a file, and its length.
    ///
    /// # Errors
    /// What the disk says; it does not help to try the same again.
    async fn sync(&self, name: &str) -> io::Result<()>;

    /// The bytes at `offset`, `length` of them or fewer at the end of the file.
    ///
    /// # Errors
    /// What the disk says; [`io::ErrorKind::NotFound`] when there is no such file.
    async fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Cuts a file off at `length`, durable with the next sync.
    ///
    /// # Errors
    /// What the disk says.
    async fn truncate(&self, name: &str, length: u64) -> io::Result<()>;

    /// Removes a file; one that is not there is removed already.
    ///
    /// # Errors
    /// What the disk says.
    async fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes durable which files there are.
    ///
    /// # Errors
    /// What the disk says.
    async fn sync_folder(&self) -> io::Result<()>;

    /// How large the disk is, and what of it is left.
    ///
    /// # Errors
    /// What the disk says.
    async fn space(&self) -> io::Result<Space>;
}

/// The room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// The whole of it, whoever uses it.
    pub size: u64,
    /// What this process may still use.
    pub free: u64,
}
