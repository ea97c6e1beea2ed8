//! How matches stand in the messages of the feed, and who judges them there.

use bytes::Bytes;
use ingestion_application::{
    DeadLetterReason, FoundMatch,
    ports::{FrameParser, InvalidFrame},
};

use super::{
    envelope::{parse_envelope, parse_text_envelope},
    parse::{invalid_frame, parse_frame, parse_text_frame},
};
use crate::heard::Gathered;

/// How matches stand in the messages of the feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StreamFormat {
    /// Each message is an object with a match id.
    #[default]
    Object,
    /// Each message is an envelope, with a match in it if it is of that type.
    Envelope,
    /// Each line of a message that is not blank is an object with a match id.
    Lines,
}

/// Judges single frames as the feed judges them in a format: of lines, one.
#[derive(Debug, Clone, Copy)]
pub struct StreamFrames(pub StreamFormat);

impl FrameParser for StreamFrames {
    fn parse(&self, frame: &[u8]) -> Result<FoundMatch, Box<InvalidFrame>> {
        match self.0 {
            StreamFormat::Object | StreamFormat::Lines => parse_frame(frame),
            // The feed sets none of these aside; one that was set aside in another format is
            // still no match.
            StreamFormat::Envelope => parse_envelope(frame)?.ok_or_else(|| {
                let detail = "an envelope of another type than MATCH".to_owned();
                Box::new(invalid_frame(
                    frame,
                    DeadLetterReason::MatchIdMissing,
                    detail,
                ))
            }),
        }
        .map(FoundMatch::Id)
    }
}

pub(super) fn add_object(gathered: &mut Gathered, message: &[u8]) {
    let found = parse_frame(message);
    gathered.frames.push(found.map(FoundMatch::Id));
}

pub(super) fn add_text_object(gathered: &mut Gathered, message: &str) {
    let found = parse_text_frame(message);
    gathered.frames.push(found.map(FoundMatch::Id));
}

pub(super) fn add_envelope(gathered: &mut Gathered, message: &[u8]) {
    gathered.add(parse_envelope(message).map(|found| found.map(FoundMatch::Id)));
}

pub(super) fn add_text_envelope(gathered: &mut Gathered, message: &str) {
    gathered.add(parse_text_envelope(message).map(|found| found.map(FoundMatch::Id)));
}

/// The lines of a message that were not taken yet.
///
/// A message of the largest size holds millions of them: they are taken a batch
/// at a time, as messages are.
#[derive(Debug, Default)]
pub(super) struct Lines {
    message: Bytes,
    /// Where the next line begins.
    at: usize,
}

impl Lines {
    pub(super) fn of(message: Bytes) -> Self {
        Self { message, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.message.len()
    }

    /// Judges the next lines, until `gathered` holds `frames_max` frames. Blank
    /// lines keep a connection alive, and are nothing.
    pub(super) fn take(&mut self, gathered: &mut Gathered, frames_max: usize) {
        while gathered.frames.len() < frames_max && !self.is_empty() {
            let rest = &self.message[self.at..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = &rest[..end.unwrap_or(rest.len())];
            self.at += line.len() + 1;
            if !line.trim_ascii().is_empty() {
                // Cut at a line's end, a text is still one.
                add_object(gathered, line);
            }
        }
        if self.is_empty() {
            // A large one is not kept for the sake of its end.
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(
        message: &str,
        frames_max: usize,
    ) -> Vec<Vec<Result<i64, (DeadLetterReason, String)>>> {
        let mut lines = Lines::of(Bytes::copy_from_slice(message.as_bytes()));
        let mut batches = Vec::new();
        while !lines.is_empty() {
            let mut gathered = Gathered::default();
            lines.take(&mut gathered, frames_max);
            assert_eq!(gathered.passed_over, 0);
            let frames = gathered.frames.into_iter().map(|frame| match frame {
                Ok(found) => Ok(found.id().get()),
                Err(invalid) => {
                    let line = String::from_utf8_lossy(&invalid.payload);
                    Err((invalid.reason, line.into_owned()))
                }
            });
            batches.push(frames.collect());
        }
        batches
    }

    #[test]
    fn each_line_is_a_frame_and_a_blank_one_is_nothing() {
        let message = "{\"match_id\":1}\n\n {\"match_id\":2} \r\n\r\nPING\n{\"match_id\":3,\n\"a\":0}\n \t\n{\"match_id\":4}";
        let not_json = |line: &str| Err((DeadLetterReason::NotJson, line.to_owned()));
        let expected = vec![
            Ok(1),
            Ok(2),
            not_json("PING"),
            not_json("{\"match_id\":3,"),
            not_json("\"a\":0}"),
            Ok(4),
        ];
        assert_eq!(taken(message, 100), std::slice::from_ref(&expected));
        let mut in_pieces = taken(message, 1);
        assert_eq!(in_pieces.len(), 6, "one a batch");
        assert_eq!(in_pieces.drain(..).flatten().collect::<Vec<_>>(), expected);
        for blank in ["\n", "\r\n", "\n\n\n", " "] {
            assert_eq!(taken(blank, 1), [[]], "{blank:?}");
        }
        assert!(taken("", 1).is_empty());
    }

    #[test]
    fn a_line_that_is_set_aside_is_judged_again_as_it_was() {
        for line in ["PING", "[]", "{}", r#"{"match_id":0}"#] {
            let [first] = &taken(line, 1)[0][..] else {
                panic!("one frame")
            };
            let again = StreamFrames(StreamFormat::Lines).parse(line.as_bytes());
            let again = again.map_err(|invalid| (invalid.reason, line.to_owned()));
            assert_eq!(again.map(|found| found.id().get()), *first);
        }
    }
}
