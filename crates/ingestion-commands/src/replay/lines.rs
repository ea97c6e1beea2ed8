//! Lines of a file, in chunks and of bounded length.

use std::io::{self, Read};

use bytes::Bytes;
use tokio::sync::mpsc;

/// A longer line is cut: no match needs as much, and what is set aside of it
/// is shorter still.
pub(super) const LINE_BYTES_MAX: usize = 1024 * 1024;

/// So much is read at once. What is there already is handed on before more is
/// waited for, so lines can be typed or piped as they come.
const READ_BYTES: usize = 256 * 1024;

/// No JSON has this byte anywhere: a line cut here is invalid, also if what is
/// left of it could be taken for a whole one.
const CUT: u8 = 0;

/// Lines that were read at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The lines, without their ends.
    pub(super) lines: Vec<Bytes>,
    /// Which of these were cut.
    pub(super) too_long: Vec<usize>,
    /// How much was read for them.
    pub(super) size_bytes: u64,
}

/// Reads `content` to its end, or until nobody wants more; blocks while it does.
pub(super) fn read_lines(mut content: impl Read, chunks: &mpsc::Sender<io::Result<Chunk>>) {
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

/// Makes lines of pieces.
#[derive(Default)]
struct Splitter {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    is_cut: bool,
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
        self.partial
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn finish_line(&mut self, chunk: &mut Chunk) {
        let mut line = std::mem::take(&mut self.partial);
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
}
