//! Files below a folder of this machine.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use service_kit::disk;
use thiserror::Error;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{Space, Storage};
use crate::{
    format::header::{HEADER_SIZE, Header, NoHeader, VERSION},
    index::segment_number,
};

/// Held as long as a process uses the folder.
const LOCK: &str = "lock";
/// Written and removed once, to see whether that can be done.
const PROBE: &str = "probe";
/// What feeds send is nobody else's business on this machine.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Why a folder cannot be used; each with what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It is not there and cannot be made.
    #[error(
        "the journal's folder {path} cannot be created: {source}; \
         create it, or set JOURNAL_DIR to a folder this user may create"
    )]
    NotCreated {
        /// The folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is there, and nothing can be put into it.
    #[error(
        "the journal's folder {path} cannot be written: {source}; \
         let this user write there, or set JOURNAL_DIR to another folder"
    )]
    NotWritable {
        /// The folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "the journal's folder {path} is in use by another process; \
         end that process, or set JOURNAL_DIR to a folder of this one's own"
    )]
    Locked {
        /// The folder.
        path: String,
    },
    /// It was written by a version that knows more than this one.
    #[error(
        "the journal {path} has format version {version}, this program knows version {known}; \
         run the program that wrote it, or set JOURNAL_DIR to another folder"
    )]
    UnknownVersion {
        /// The file.
        path: String,
        /// The version in the file.
        version: u32,
        /// The version of this program.
        known: u32,
    },
}

/// Files below one folder, locked to this process as long as this value lives.
///
/// Everything that blocks runs on threads for that.
pub struct FileStorage {
    folder: Arc<Path>,
    writing: Arc<Mutex<Handle>>,
    reading: Arc<Mutex<Handle>>,
    _lock: File,
}

/// The file that was used last: most calls are about the same one.
#[derive(Default)]
struct Handle(Option<(String, File)>);

impl FileStorage {
    /// Creates the folder where it is missing and takes it for this process.
    ///
    /// # Errors
    /// [`OpenError`] by what its user must do.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.display().to_string();
        let created = DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder);
        created.map_err(|source| OpenError::NotCreated {
            path: path.clone(),
            source,
        })?;
        let not_writable = |source| OpenError::NotWritable {
            path: path.clone(),
            source,
        };
        let lock = open_for_writing(&folder.join(LOCK)).map_err(not_writable)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::Locked { path: path.clone() },
            TryLockError::Error(source) => not_writable(source),
        })?;
        probe(&folder.join(PROBE)).map_err(not_writable)?;
        Ok(Self {
            folder: folder.into(),
            writing: Arc::default(),
            reading: Arc::default(),
            _lock: lock,
        })
    }

    /// Looks whether every segment is of a version that is known.
    ///
    /// # Errors
    /// [`OpenError::UnknownVersion`] where one is not; what cannot be read is
    /// for recovery to judge.
    pub(crate) fn check_versions(&self) -> Result<(), OpenError> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in names {
            let is_segment = entry.file_name().to_str().and_then(segment_number);
            let Ok(file) = File::open(entry.path()) else {
                continue;
            };
            let beginning = read_up_to(&file, 0, HEADER_SIZE).unwrap_or_default();
            if is_segment.is_some()
                && let Err(NoHeader::UnknownVersion(version)) = Header::decode(&beginning)
            {
                return Err(OpenError::UnknownVersion {
                    path: entry.path().display().to_string(),
                    version,
                    known: VERSION,
                });
            }
        }
        Ok(())
    }

    /// Does something with the file `name`, after whatever is being done has ended.
    async fn change<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Handle, PathBuf, String) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (path, name) = (self.folder.join(name), name.to_owned());
        // The guard goes along: it is held until the work is done, also when
        // nobody waits for it any more.
        let mut handle = Arc::clone(&self.writing).lock_owned().await;
        blocking(move || work(&mut handle, path, name)).await
    }
}

#[async_trait]
impl Storage for FileStorage {
    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        let folder = Arc::clone(&self.folder);
        blocking(move || {
            let mut names = Vec::new();
            for entry in fs::read_dir(folder)? {
                // A name that is no text is none of ours.
                names.extend(entry?.file_name().into_string());
            }
            Ok(names)
        })
        .await
    }

    async fn length(&self, name: &str) -> io::Result<u64> {
        let path = self.folder.join(name);
        blocking(move || Ok(fs::metadata(path)?.len())).await
    }

    async fn write(&self, name: &str, offset: u64, bytes: Vec<u8>) -> io::Result<()> {
        self.change(name, move |handle, path, name| {
            let file = handle.get(&path, name, open_for_writing)?;
            file.write_all_at(&bytes, offset)
        })
        .await
    }

    async fn sync(&self, name: &str) -> io::Result<()> {
        self.change(name, |handle, path, name| {
            handle.get(&path, name, open_for_writing)?.sync_data()
        })
        .await
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let (path, name) = (self.folder.join(name), name.to_owned());
        let mut handle = Arc::clone(&self.reading).lock_owned().await;
        blocking(move || {
            let file = handle.get(&path, name, |path| File::open(path))?;
            read_up_to(file, offset, length)
        })
        .await
    }

    async fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        self.change(name, move |handle, path, name| {
            handle.get(&path, name, open_for_writing)?.set_len(length)
        })
        .await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        // A file that is held open keeps its room on the disk.
        self.reading.lock().await.0 = None;
        self.change(name, |handle, path, _| {
            handle.0 = None;
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn sync_folder(&self) -> io::Result<()> {
        self.change(".", |_, path, _| File::open(path)?.sync_all())
            .await
    }

    async fn space(&self) -> io::Result<Space> {
        let folder = Arc::clone(&self.folder);
        blocking(move || {
            let disk::Space { size, free } = disk::space(&folder)?;
            Ok(Space { size, free })
        })
        .await
    }
}

impl Handle {
    fn get(
        &mut self,
        path: &Path,
        name: String,
        open: impl FnOnce(&Path) -> io::Result<File>,
    ) -> io::Result<&File> {
        let file = match self.0.take() {
            Some((open_name, file)) if open_name == name => file,
            _ => open(path)?,
        };
        Ok(&self.0.insert((name, file)).1)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    // It fails to be joined when the runtime ends before it has begun.
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn open_for_writing(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
}

fn read_up_to(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Fails when nothing can be written; a disk that is merely full comes round.
fn probe(path: &Path) -> io::Result<()> {
    let written = open_for_writing(path).and_then(|file| file.write_all_at(b"probe", 0));
    let removed = fs::remove_file(path);
    match written.and(removed) {
        Err(error) if is_no_room(&error) => Ok(()),
        other => other,
    }
}

pub(crate) fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
