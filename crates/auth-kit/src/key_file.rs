//! The set of keys on disk, for a start while its issuer is away.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process,
};

use client_kit::wire::Object;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::key_set::KeySet;

/// What stands around the set.
const FRAME_BYTES_MAX: u64 = 8 * 1024;

/// A file with the set of keys that was fetched last. It stays a set for whoever else reads it.
pub(crate) struct KeyFile {
    path: PathBuf,
}

/// What is in it: the set, where it came from, and when.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    source: String,
    fetched_at_unix_ms: i64,
    #[serde(borrow)]
    keys: &'a RawValue,
}

#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow)]
    keys: &'a RawValue,
}

impl KeyFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The set that was fetched from this address, and when; `None` if none was kept.
    pub(crate) fn read(&self, source: &str) -> Result<Option<(KeySet, i64)>, String> {
        let text = match self.text() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let kept: Object<Kept<'_>> =
            serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let kept = kept.0;
        if kept.source != source {
            return Err("its keys are of another address".to_owned());
        }
        let set = format!("{{\"keys\":{}}}", kept.keys);
        let set = KeySet::try_read(set.as_bytes()).map_err(|fault| fault.to_string())?;
        Ok(Some((set, kept.fetched_at_unix_ms)))
    }

    /// Puts a set in the place of the one that is there: whoever reads meanwhile, and whatever ends meanwhile, there is
    /// one or the other, whole.
    pub(crate) fn write(
        &self,
        set: &[u8],
        source: &str,
        fetched_at_unix_ms: i64,
    ) -> io::Result<()> {
        let Object(Keys { keys }) = serde_json::from_slice(set)?;
        let kept = Kept {
            source: source.to_owned(),
            fetched_at_unix_ms,
            keys,
        };
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        // Nobody else writes into this one.
        name.push(format!(".{}.new", process::id()));
        let new = folder.join(name);
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&kept)?)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&new, &self.path)?;
        File::open(folder)?.sync_all()
    }

    fn text(&self) -> io::Result<Vec<u8>> {
        let bytes_max = KeySet::BYTES_MAX as u64 + FRAME_BYTES_MAX;
        let mut text = Vec::new();
        File::open(&self.path)?
            .take(bytes_max)
            .read_to_end(&mut text)?;
        Ok(text)
    }
}
