//! Lines that are going to be one message.

use crate::config::MessageKind;

/// Lines of a message at most.
const LINES_MAX: usize = 64;

/// Every so many lines there is a blank one.
const LINES_BETWEEN_BLANKS: usize = 7;

#[derive(Default)]
pub(crate) struct LineBatch {
    body: Vec<u8>,
    lines: usize,
    is_binary: bool,
}

impl LineBatch {
    /// Adds a frame as a line.
    pub(crate) fn add(&mut self, kind: MessageKind, frame: &[u8]) {
        self.is_binary |= kind == MessageKind::Binary;
        self.body.extend_from_slice(frame);
        if frame.trim_ascii().is_empty() {
            // A blank line would be nothing, and this is to be something.
            self.body.push(b'{');
        }
        self.body.push(b'\n');
        self.lines += 1;
        if self.lines.is_multiple_of(LINES_BETWEEN_BLANKS) {
            self.body.extend_from_slice(b"\r\n");
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lines >= LINES_MAX
    }

    /// The message, if there is something in it; the batch is empty then.
    pub(crate) fn take(&mut self) -> Option<(MessageKind, Vec<u8>)> {
        let Self {
            body,
            lines,
            is_binary,
        } = std::mem::take(self);
        let kind = if is_binary {
            MessageKind::Binary
        } else {
            MessageKind::Text
        };
        (lines > 0).then_some((kind, body))
    }
}
