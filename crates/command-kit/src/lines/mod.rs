//! Lines of a file, in chunks and of bounded length.

mod input;

use std::io::{self, Cursor, Read};

use bytes::Bytes;
use tokio::sync::mpsc;

pub use input::{FileStamp, LineInput};

/// A longer line is cut: no match needs as much, and what is set aside of it
/// is shorter still.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// So much is read at once. What is there already is handed on before more is
/// waited for, so lines can be typed or piped as they come.
const READ_BYTES: usize = 256 * 1024;

/// No JSON has this byte anywhere: a line cut here is invalid, also if what is
/// left of it could be taken for a whole one.
const CUT: u8 = 0;

/// So many bytes show what is not lines of text.
const BEGINNING_BYTES: usize = 6;

/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What files begin with that people take for lines of JSON.
const MISTAKEN: [(&[u8], &str); 8] = [
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
    (b"{\0", UTF_16),
    (b"\0{", UTF_16),
    (
        b"\x1f\x8b",
        "compressed by gzip; read what `gzip -dc FILE` gives",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed by zstd; read what `zstd -dc FILE` gives",
    ),
    (
        b"\xfd7zXZ\0",
        "compressed by xz; read what `xz -dc FILE` gives",
    ),
    (
        b"PK\x03\x04",
        "a ZIP archive; read what `unzip -p FILE` gives",
    ),
];
const UTF_16: &str = "UTF-16; save it as UTF-8";

const JSON_ARRAY: &str = "a JSON array; read what `jq -c .[] FILE` gives, one object a line";

/// Lines that were read at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The lines, without their ends.
    pub lines: Vec<Bytes>,
    /// Which of these were cut.
    pub too_long: Vec<usize>,
    /// How much was read for them.
    pub size_bytes: u64,
    /// How much the lines take with their ends, what was cut off included: so
    /// far ahead the next line begins.
    pub lines_bytes: u64,
}

/// Reads `content` to its end, or until nobody wants more; blocks while it does.
/// What does not begin like lines of text is refused.
fn read_lines(mut content: impl Read, chunks: &mpsc::Sender<io::Result<Chunk>>) {
    let beginning = match read_beginning(&mut content) {
        Ok(beginning) => beginning,
        Err(error) => {
            // Whoever wants no more does not want this either.
            let _ = chunks.blocking_send(Err(error));
            return;
        }
    };
    split_lines(Cursor::new(beginning).chain(content), chunks);
}

/// The same from the beginning of any line on.
fn split_lines(mut content: impl Read, chunks: &mpsc::Sender<io::Result<Chunk>>) {
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let chunk = match content.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
            Ok(0) => Ok(splitter.end()),
            Ok(count) => Ok(splitter.split(&buffer[..count])),
        };
        let is_last = chunk.as_ref().map_or(true, |chunk| chunk.size_bytes == 0);
        let is_empty = chunk.as_ref().is_ok_and(|chunk| chunk.lines.is_empty());
        if !is_empty && chunks.blocking_send(chunk).is_err() || is_last {
            return;
        }
    }
}

/// Reads the first bytes, until they show whether these are lines of text;
/// what of them belongs to the lines.
///
/// # Errors
/// They cannot be read, or show that this is something else.
fn read_beginning(content: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = [0; BEGINNING_BYTES];
    let mut length = 0;
    // A line that is typed is not kept waiting for the next.
    while length < bytes.len() && !bytes[..length].contains(&b'\n') {
        match content.read(&mut bytes[length..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(0) => break,
            Ok(count) => length += count,
        }
    }
    let bytes = &bytes[..length];
    if let Some((_, what)) = MISTAKEN.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, *what));
    }
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let first_line = text.split(|byte| *byte == b'\n').next();
    if first_line.is_some_and(|line| line.trim_ascii_start().starts_with(b"[")) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, JSON_ARRAY));
    }
    Ok(text.to_vec())
}

/// Makes lines of pieces.
#[derive(Default)]
struct Splitter {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    is_cut: bool,
    /// How long it is, what was cut off included.
    partial_bytes: u64,
}

impl Splitter {
    fn split(&mut self, mut piece: &[u8]) -> Chunk {
        let mut chunk = Chunk {
            size_bytes: piece.len() as u64,
            ..Chunk::default()
        };
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            self.extend(&piece[..end]);
            self.finish_line(&mut chunk);
            chunk.lines_bytes += 1;
            piece = &piece[end + 1..];
        }
        self.extend(piece);
        chunk
    }

    /// What follows the last line feed, unless it is nothing.
    fn end(&mut self) -> Chunk {
        let mut chunk = Chunk::default();
        if !self.partial.is_empty() {
            self.finish_line(&mut chunk);
        }
        chunk
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX - self.partial.len();
        self.is_cut |= bytes.len() > room;
        self.partial_bytes += bytes.len() as u64;
        self.partial
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn finish_line(&mut self, chunk: &mut Chunk) {
        let mut line = std::mem::take(&mut self.partial);
        chunk.lines_bytes += std::mem::take(&mut self.partial_bytes);
        if std::mem::take(&mut self.is_cut) {
            chunk.too_long.push(chunk.lines.len());
            line.push(CUT);
        } else if line.last() == Some(&b'\r') {
            line.pop();
        }
        chunk.lines.push(line.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits `pieces`; the lines, and which of all were cut.
    fn split(pieces: &[&[u8]]) -> (Vec<Bytes>, Vec<usize>) {
        let mut splitter = Splitter::default();
        let mut chunks: Vec<_> = pieces.iter().map(|piece| splitter.split(piece)).collect();
        chunks.push(splitter.end());
        let size: usize = pieces.iter().map(|piece| piece.len()).sum();
        let lines_bytes: u64 = chunks.iter().map(|chunk| chunk.lines_bytes).sum();
        assert_eq!(lines_bytes, size as u64, "every byte belongs to a line");
        let mut all = (Vec::new(), Vec::new());
        for chunk in chunks {
            let before = all.0.len();
            all.1
                .extend(chunk.too_long.iter().map(|index| before + index));
            all.0.extend(chunk.lines);
        }
        all
    }

    #[test]
    fn lines_are_the_same_however_the_file_is_read() {
        let text = b"{\"match_id\":1}\r\n\nthree\r\r\n4";
        let expected: [&[u8]; 4] = [b"{\"match_id\":1}", b"", b"three\r", b"4"];
        for at in 0..=text.len() {
            let (lines, too_long) = split(&[&text[..at], &text[at..]]);
            assert_eq!(lines, expected, "cut at {at}");
            assert!(too_long.is_empty());
        }
        assert_eq!(split(&[b"a\n"]).0, [&b"a"[..]]);
        assert!(split(&[]).0.is_empty());
    }

    #[test]
    fn a_line_without_measure_is_cut_and_no_json_any_more() {
        let blanks = vec![b' '; LINE_BYTES_MAX - 1];
        let (lines, too_long) =
            split(&[b"1", &blanks, b"\n", b"2", &blanks, b" ", &blanks, b"\n3"]);
        assert_eq!(too_long, [1]);
        assert_eq!(lines[0].len(), LINE_BYTES_MAX);
        assert_eq!(lines[1].len(), LINE_BYTES_MAX + 1);
        assert_eq!(lines[1].last(), Some(&CUT));
        assert_eq!(lines[2], "3");
    }

    #[test]
    fn a_reader_gets_what_is_there_and_the_end() {
        let (chunks, mut received) = mpsc::channel(8);
        read_lines(&b"1\n2"[..], &chunks);
        drop(chunks);
        let mut lines = Vec::new();
        while let Ok(chunk) = received.try_recv() {
            lines.extend(chunk.expect("a slice can be read").lines);
        }
        assert_eq!(lines, ["1", "2"]);
    }

    #[test]
    fn a_beginning_tells_lines_from_what_is_taken_for_them() {
        let read = |mut bytes: &[u8]| {
            let beginning = read_beginning(&mut bytes).map_err(|error| error.to_string())?;
            Ok::<_, String>([&beginning, bytes].concat())
        };
        for lines in [&b""[..], b"1", b"\n[1]\n", b"{\"match_id\":1}\n[", b"\0\0"] {
            assert_eq!(read(lines).as_deref(), Ok(lines));
        }
        assert_eq!(read(b"\xef\xbb\xbf{}\n"), Ok(b"{}\n".to_vec()));
        assert_eq!(read(b"\xef\xbb\xbf"), Ok(vec![]));
        for (bytes, what) in [
            (&b"\xff\xfe{\0"[..], "UTF-16"),
            (b"\xfe\xff\0{", "UTF-16"),
            (b"{\0\"\0", "UTF-16"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"\xfd7zXZ\0", "xz"),
            (b"PK\x03\x04", "ZIP"),
            (b"[{\"match_id\":1}]", "JSON array"),
            (b"\xef\xbb\xbf [", "JSON array"),
        ] {
            let refused = read(bytes).expect_err("these are no lines");
            assert!(refused.contains(what), "{refused}");
        }
    }

    #[test]
    fn a_first_line_is_not_kept_waiting_for_the_next() {
        struct Typed(&'static [u8]);
        impl Read for Typed {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(!self.0.is_empty(), "asked for more than was typed");
                self.0.read(buffer)
            }
        }
        let beginning = read_beginning(&mut Typed(b"1\n")).expect("it can be read");
        assert_eq!(beginning, b"1\n");
    }
}
