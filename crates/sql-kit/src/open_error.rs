//! Why a database is not opened, and what to do.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::Fault;

/// Why a database is not opened; each says which file, and what helps.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no file to be read.
    #[error("{} is not there: the service that writes it makes it when it starts", .0.display())]
    Missing(PathBuf),
    /// It may not be made or written.
    #[error(
        "{} may not be written: give the user of this process the right to write the file and its \
         folder ({detail})", .path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// There is no room for it.
    #[error("there is no room for {}: make some on its disk ({detail})", .path.display())]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// What the database says.
        detail: String,
    },
    /// It is no database, or a damaged one.
    #[error(
        "{} is damaged or no database: move it away, or put a copy in its place ({detail})",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database says.
        detail: String,
    },
    /// A newer program has changed its tables.
    #[error(
        "{} has schema {found} and this program knows {known}: use the newer program",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The version that this program knows.
        known: u32,
    },
    /// Its tables are older, and whoever only reads does not change them.
    #[error(
        "{} has schema {found} and {known} is needed: the service that writes it upgrades it when \
         it starts", .path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The version that is needed.
        known: u32,
    },
    /// Anything else, such as another program that keeps it locked.
    #[error("{} cannot be opened: {detail}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What the database says.
        detail: String,
    },
}

impl OpenError {
    pub(crate) fn new(path: &Path, error: &sqlx::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match Fault::of(error) {
            Fault::ReadOnly | Fault::Disk => Self::NotWritable { path, detail },
            Fault::Full => Self::NoRoom { path, detail },
            Fault::Damaged => Self::Damaged { path, detail },
            _ => Self::Other { path, detail },
        }
    }
}
