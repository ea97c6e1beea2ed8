//! Where lines are read from: a file, a pipe or standard input.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom, stdin},
    path::Path,
    thread,
    time::UNIX_EPOCH,
};

use tokio::sync::mpsc;

use super::{Chunk, read_beginning, read_lines, split_lines};

/// So many chunks of lines are read ahead, about a megabyte.
const CHUNKS_AHEAD_MAX: usize = 4;

/// Lines, not read yet.
pub struct LineInput {
    name: String,
    content: Content,
    first_byte: u64,
    is_begun: bool,
}

enum Content {
    /// Read once, from where it is.
    Stream(Box<dyn Read + Send>),
    /// Also from further on.
    File(File, FileStamp),
}

/// By which two states of a file are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Its length.
    pub size_bytes: u64,
    /// When it was changed last, in milliseconds since 1970; 0 where nobody says.
    pub modified_unix_ms: u64,
}

impl LineInput {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// It cannot be read, or does not begin like lines of text.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            let content = Content::Stream(Box::new(stdin()));
            return Ok(Self::new("standard input".to_owned(), content, 0));
        }
        let name = path.display().to_string();
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Ok(Self::new(name, Content::Stream(Box::new(file)), 0));
        }
        // Refused before anything begins; of a pipe it is seen as it comes.
        let text = read_beginning(&mut file)?;
        let first_byte = file.stream_position()? - text.len() as u64;
        file.rewind()?;
        let since_epoch = metadata.modified().ok();
        let since_epoch = since_epoch.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let stamp = FileStamp {
            size_bytes: metadata.len(),
            modified_unix_ms: since_epoch.map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }),
        };
        Ok(Self::new(name, Content::File(file, stamp), first_byte))
    }

    fn new(name: String, content: Content, first_byte: u64) -> Self {
        Self {
            name,
            content,
            first_byte,
            is_begun: false,
        }
    }

    /// What it is called, in a sentence.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state of the file; none of a pipe or standard input.
    #[must_use]
    pub fn stamp(&self) -> Option<FileStamp> {
        match &self.content {
            Content::Stream(_) => None,
            Content::File(_, stamp) => Some(*stamp),
        }
    }

    /// Where the first line begins.
    #[must_use]
    pub fn first_byte(&self) -> u64 {
        self.first_byte
    }

    /// Begins to read at this byte of the file, with which a line begins.
    ///
    /// # Errors
    /// It is no file, or does not go there.
    pub fn go_on_at(&mut self, byte: u64) -> io::Result<()> {
        match &mut self.content {
            Content::Stream(_) => return Err(io::ErrorKind::NotSeekable.into()),
            Content::File(file, _) => file.seek(SeekFrom::Start(byte))?,
        };
        self.is_begun = true;
        Ok(())
    }

    /// Reads all of it on a thread of its own, a bounded part ahead. A thread
    /// that waits for standard input is left behind at the end.
    #[must_use]
    pub fn read(self) -> mpsc::Receiver<io::Result<Chunk>> {
        let (chunks, received) = mpsc::channel(CHUNKS_AHEAD_MAX);
        let read = if self.is_begun {
            split_lines
        } else {
            read_lines
        };
        thread::spawn(move || match self.content {
            Content::Stream(stream) => read(stream, &chunks),
            Content::File(file, _) => read(Box::new(file), &chunks),
        });
        received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn rest(mut input: LineInput, from: Option<u64>) -> Vec<String> {
        if let Some(byte) = from {
            input.go_on_at(byte).expect("it is a file");
        }
        let mut chunks = input.read();
        let mut lines = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            for line in chunk.expect("it can be read").lines {
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
        }
        lines
    }

    #[tokio::test]
    async fn a_file_goes_on_at_any_of_its_lines() {
        let folder = tempfile::tempdir().expect("there is room for tests");
        let path = folder.path().join("lines");
        std::fs::write(&path, "\u{feff}{}\n[2]\n3\n").expect("it is written");
        let open = || LineInput::open(&path).expect("it is there");
        assert_eq!(
            (open().first_byte(), open().stamp().map(|it| it.size_bytes)),
            (3, Some(12))
        );
        assert_eq!(rest(open(), None).await, ["{}", "[2]", "3"]);
        assert_eq!(rest(open(), Some(6)).await, ["[2]", "3"]);
        std::fs::write(&path, "[1]").expect("it is written");
        let refused = LineInput::open(&path).err().expect("it is an array");
        assert!(refused.to_string().contains("JSON array"), "{refused}");
        assert!(LineInput::open(folder.path()).is_err());
    }
}
