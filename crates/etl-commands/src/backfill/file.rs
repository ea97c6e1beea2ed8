//! The lines of a file, as a range.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use command_kit::lines::{Chunk, FileStamp, LINE_BYTES_MAX, LineInput};
use contracts::{MatchSummaryRecord, RejectedRecord, version};
use etl_application::ports::{BackfillOrigin, BackfillPiece, OriginError, Place};
use etl_application::{Answer, DeadLetterReason, Invalid};
use health_kit::Clock;
use tokio::sync::mpsc;

/// Who said what a file says.
const SOURCE: &str = "backfill";

/// Reads a file from its position to its end.
pub(crate) struct FileOrigin {
    name: String,
    chunks: mpsc::Receiver<io::Result<Chunk>>,
    stamp: Option<FileStamp>,
    goes_on: bool,
    next: Position,
    clock: Arc<dyn Clock>,
}

/// Where a file goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    /// Lines before it.
    lines: u64,
    /// Where the next one begins.
    byte: u64,
}

impl FileOrigin {
    /// Opens a file at a position that it gave before, if it is still the same
    /// file, and else at its beginning.
    ///
    /// # Errors
    /// It cannot be read, or holds no lines of text.
    pub(crate) fn open(path: &Path, at: &str, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let mut input = LineInput::open(path)?;
        let stamp = input.stamp();
        let begin = Position {
            lines: 0,
            byte: input.first_byte(),
        };
        let known = stamp.and_then(|stamp| Position::read(at, stamp));
        if let Some(known) = known {
            input.go_on_at(known.byte)?;
        }
        Ok(Self {
            name: input.name().to_owned(),
            stamp,
            goes_on: at.is_empty() || known.is_some(),
            next: known.unwrap_or(begin),
            chunks: input.read(),
            clock,
        })
    }

    fn take(&mut self, chunk: &Chunk) -> BackfillPiece {
        let read_at = self.clock.now();
        let mut piece = BackfillPiece {
            size_bytes: usize::try_from(chunk.lines_bytes).unwrap_or(usize::MAX),
            ..BackfillPiece::default()
        };
        for (nth, line) in chunk.lines.iter().enumerate() {
            self.next.lines += 1;
            let place = Place::Line(self.next.lines);
            if chunk.too_long.contains(&nth) {
                piece.invalid.push((place, too_long()));
                continue;
            }
            // Between records, or at the end.
            if line.trim_ascii().is_empty() {
                continue;
            }
            match MatchSummaryRecord::decode_line(line, SOURCE, read_at) {
                Ok(record) => {
                    let answer = Answer {
                        version: version(record.received_at, line),
                        source: record.source.into(),
                        summary: record.summary,
                    };
                    piece.answers.push((place, answer));
                }
                Err(rejected) => piece.invalid.push((place, invalid(&rejected))),
            }
        }
        self.next.byte += chunk.lines_bytes;
        piece.position = self.next.write(self.stamp);
        piece.done = self
            .stamp
            .map(|stamp| share(self.next.byte, stamp.size_bytes));
        piece
    }
}

#[async_trait]
impl BackfillOrigin for FileOrigin {
    fn goes_on(&self) -> bool {
        self.goes_on
    }

    async fn next(&mut self) -> Result<Option<BackfillPiece>, OriginError> {
        match self.chunks.recv().await {
            None => Ok(None),
            Some(Ok(chunk)) => Ok(Some(self.take(&chunk))),
            Some(Err(error)) => {
                let (name, line) = (&self.name, self.next.lines + 1);
                let detail = format!("{name} cannot be read from line {line} on: {error}");
                Err(OriginError::Gone { detail })
            }
        }
    }
}

impl Position {
    /// With the state of the file: of another one it says nothing.
    fn write(self, stamp: Option<FileStamp>) -> String {
        let Self { lines, byte } = self;
        stamp.map_or_else(String::new, |stamp| {
            let FileStamp {
                size_bytes,
                modified_unix_ms,
            } = stamp;
            format!("lines={lines} byte={byte} size={size_bytes} modified={modified_unix_ms}")
        })
    }

    fn read(text: &str, stamp: FileStamp) -> Option<Self> {
        let mut numbers = text.split(' ').map(|figure| {
            let (_, number) = figure.split_once('=')?;
            number.parse().ok()
        });
        let mut number = || numbers.next()?;
        let known = Self {
            lines: number()?,
            byte: number()?,
        };
        (known.write(Some(stamp)) == text).then_some(known)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody sees what is lost of petabytes"
)]
fn share(done: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        (done as f64 / whole as f64).min(1.0)
    }
}

fn too_long() -> Invalid {
    Invalid {
        reason: DeadLetterReason::NotJson,
        detail: format!("it is longer than {LINE_BYTES_MAX} bytes"),
    }
}

fn invalid(rejected: &RejectedRecord) -> Invalid {
    let reason = DeadLetterReason::of_word(rejected.reason());
    Invalid {
        reason: reason.expect("each reason of the contract is one here"),
        detail: rejected.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use health_kit::SystemClock;

    use super::*;

    const FIRST: &str = r#"{"match_id":1,"start_time":1742744300}"#;

    fn open(path: &Path, at: &str) -> FileOrigin {
        FileOrigin::open(path, at, Arc::new(SystemClock)).expect("it is there")
    }

    /// The lines of what can be loaded and of what cannot, and the last position.
    async fn read(mut origin: FileOrigin) -> (Vec<Place>, Vec<Place>, String) {
        let mut read = (Vec::new(), Vec::new(), String::new());
        while let Some(piece) = origin.next().await.expect("it can be read") {
            read.0.extend(piece.answers.iter().map(|(place, _)| *place));
            read.1.extend(piece.invalid.iter().map(|(place, _)| *place));
            read.2 = piece.position;
        }
        read
    }

    #[tokio::test]
    async fn a_file_goes_on_at_its_position_as_long_as_it_is_the_same() {
        let folder = tempfile::tempdir().expect("there is room for tests");
        let path = folder.path().join("past.jsonl");
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let text = format!(
            "\u{feff}{FIRST}\n  \n{long}\n{}",
            FIRST.replace(":1,", ":2,")
        );
        std::fs::write(&path, &text).expect("it is written");
        let (good, bad, end) = read(open(&path, "")).await;
        assert_eq!(good, [Place::Line(1), Place::Line(4)]);
        assert_eq!(bad, [Place::Line(3)]);
        let stamp = open(&path, "").stamp.expect("it is a file");
        let after_first = Position {
            lines: 1,
            byte: 3 + FIRST.len() as u64 + 1,
        };
        let going_on = open(&path, &after_first.write(Some(stamp)));
        assert!(going_on.goes_on());
        let (good, bad, same_end) = read(going_on).await;
        assert_eq!((good, bad), (vec![Place::Line(4)], vec![Place::Line(3)]));
        assert_eq!(same_end, end);
        assert_eq!(read(open(&path, &end)).await.0, []);

        std::fs::write(&path, format!("{text}\n")).expect("it is written");
        let anew = open(&path, &end);
        assert!(!anew.goes_on());
        assert_eq!(read(anew).await.0, [Place::Line(1), Place::Line(4)]);
        assert!(!open(&path, "nonsense").goes_on());
    }
}
