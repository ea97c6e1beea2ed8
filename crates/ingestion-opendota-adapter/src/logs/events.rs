//! Server-sent events, as far as this feed needs them: the data of each, whole.
//!
//! Lines may end in any of three ways, and be cut anywhere; fields other than
//! `data` are ignored, and so is an event that does not end (the standard of
//! HTML, section 9.2.6). Both a line and an event have a limit.

use bytes::{Buf as _, Bytes};

/// Far longer than any line of the log that is worth reading.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;

/// The data of one event: here, one line as a rule.
pub(super) const EVENT_BYTES_MAX: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line or an event is beyond its limit; which, and the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge(pub(super) &'static str, pub(super) usize);

/// What has come of an event so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last line ended with a carriage return; a line feed may belong to it.
    after_return: bool,
    has_begun: bool,
}

impl Events {
    /// Takes bytes from the front of `piece` until an event is whole, and returns
    /// its data; none when all is taken.
    pub(super) fn next(&mut self, piece: &mut Bytes) -> Result<Option<Vec<u8>>, TooLarge> {
        while !piece.is_empty() {
            if std::mem::take(&mut self.after_return) && piece[0] == b'\n' {
                piece.advance(1);
                continue;
            }
            let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let more = &piece[..end.unwrap_or(piece.len())];
            if self.line.len() + more.len() > LINE_BYTES_MAX {
                return Err(TooLarge("a line", LINE_BYTES_MAX));
            }
            self.line.extend_from_slice(more);
            let Some(end) = end else {
                piece.clear();
                break;
            };
            self.after_return = piece[end] == b'\r';
            piece.advance(end + 1);
            if let Some(event) = self.end_line()? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Result<Option<Vec<u8>>, TooLarge> {
        let mut line = &self.line[..];
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.line.clear();
            let data = std::mem::take(&mut self.data);
            return Ok(std::mem::take(&mut self.has_data).then_some(data));
        }
        let data = match line.strip_prefix(b"data") {
            Some([]) => Some(&[][..]),
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => Some(value),
            // A comment, or another field.
            _ => None,
        };
        if let Some(data) = data {
            if self.data.len() + data.len() >= EVENT_BYTES_MAX {
                return Err(TooLarge("an event", EVENT_BYTES_MAX));
            }
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data);
        }
        self.line.clear();
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events_of(pieces: &[&[u8]]) -> Result<Vec<String>, TooLarge> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for piece in pieces {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(event) = events.next(&mut piece)? {
                found.push(String::from_utf8_lossy(&event).into_owned());
            }
            assert!(piece.is_empty(), "all is taken");
        }
        Ok(found)
    }

    #[track_caller]
    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(
            events_of(&[stream.as_bytes()]).expect("within limits"),
            expected
        );
    }

    #[test]
    fn each_event_gives_its_data() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data:a\r\n\r\ndata:  b\r\rdata: c\r\n\n", &["a", " b", "c"]);
        check("\u{feff}data: a\n\n", &["a"]);
        check("data: a\ndata: b\ndata\n\n", &["a\nb\n"]);
        check("data\n\ndata:\n\n", &["", ""]);
    }

    #[test]
    fn what_is_no_data_is_ignored() {
        check(": a comment\n\n\n\n", &[]);
        check("event: x\nid: 7\nretry: 1\ndata: a\nother: b\n\n", &["a"]);
        check("dat: a\ndatabase: b\nData: c\n\n", &[]);
        check("data: whole\n\ndata: cut off", &["whole"]);
        check("data: whole\n\ndata: without its end\n", &["whole"]);
    }

    #[test]
    fn lines_and_events_have_a_limit() {
        let line = vec![b'x'; LINE_BYTES_MAX];
        let long = TooLarge("a line", LINE_BYTES_MAX);
        assert_eq!(events_of(&[&line, b"\n\n"]), Ok(Vec::new()));
        assert_eq!(events_of(&[&line, b"x"]), Err(long));
        assert_eq!(events_of(&[&[&line[..], b"x\n"].concat()]), Err(long));
        let data = [b"data: ", &line[..60_000], b"\n"].concat();
        let large = TooLarge("an event", EVENT_BYTES_MAX);
        assert_eq!(events_of(&[&data, &data, &data, &data]), Ok(Vec::new()));
        assert_eq!(events_of(&[&data, &data, &data, &data, &data]), Err(large));
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            stream in "(data|:| |a|\r|\n|\r\n|\u{e9}|id){0,40}",
            at in any::<prop::sample::Index>(),
        ) {
            let whole = events_of(&[stream.as_bytes()]);
            let (start, end) = stream.as_bytes().split_at(at.index(stream.len() + 1));
            prop_assert_eq!(events_of(&[start, end]), whole.clone());
            let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
            prop_assert_eq!(events_of(&bytes), whole);
        }
    }
}
