//! The endless or counted sequence of frames that a feed consists of, without repetitions caused
//! by connections: what is sent again is the feed's business.

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    config::{Config, MessageFormat, MessageKind, Rows},
    ids::MatchIds,
    invalid::InvalidReason,
    replay::{self, RecordedKind, RecordedRow, ReplayError},
    rows::{self, Row},
};

/// Matches from which a duplicate is drawn.
const RECENT_MATCHES: usize = 4_096;

/// What an envelope is around a match.
const ENVELOPE: [&[u8]; 2] = [
    br#"{"type":"MATCH","message":{"match":"#,
    br#","origin":"scanner"}}"#,
];

/// Envelopes of other types.
const ASIDES: [&[u8]; 3] = [
    br#"{"type":"PLAYERS","message":{"count":812345}}"#,
    br#"{"message":{"match":{"match_id":8769000001}},"type":"SEEN"}"#,
    br#"{"type":"","message":null}"#,
];

/// What a data message holds; small, so that many can await their proof.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A match that was not sent before.
    Genuine(Row),
    /// A match that was sent before, on purpose.
    Duplicate(Row),
    /// A sample of the reason.
    Invalid {
        reason: InvalidReason,
        sample: usize,
    },
    /// Bytes from outside: the user's, or a recorded row without an id.
    Given { kind: MessageKind, body: Bytes },
}

impl Content {
    /// Whether it is an object, with a match id or without.
    fn is_object(&self) -> bool {
        match self {
            Self::Genuine(_) | Self::Duplicate(_) => true,
            Self::Invalid { reason, .. } => matches!(
                reason,
                InvalidReason::MatchIdMissing
                    | InvalidReason::MatchIdInvalid
                    | InvalidReason::MatchIdTwice
            ),
            Self::Given { .. } => false,
        }
    }
}

pub(crate) struct Generator {
    rng: StdRng,
    source: Source,
    message_kind: MessageKind,
    format: MessageFormat,
    aside_fraction: f64,
    duplicate_fraction: f64,
    invalid_fraction: f64,
    /// `None` for an endless feed.
    genuine_left: Option<u64>,
    next_ordinal: u64,
    recent: Vec<Row>,
    invalid_made: usize,
}

enum Source {
    Made {
        ids: Box<MatchIds>,
        write: fn(Row, &mut Vec<u8>),
    },
    Recorded(Vec<RecordedRow>),
}

impl Generator {
    /// # Errors
    /// A recorded file cannot be replayed.
    pub(crate) fn try_new(config: &Config) -> Result<Self, ReplayError> {
        let mut rng = StdRng::seed_from_u64(config.seed);
        let made = |rng: &mut StdRng, write| Source::Made {
            ids: Box::new(MatchIds::new(rng)),
            write,
        };
        let source = match &config.rows {
            Rows::Bare => made(&mut rng, rows::write_bare),
            Rows::Realistic => made(&mut rng, rows::write_realistic),
            Rows::Replay(path) => Source::Recorded(replay::read(path)?),
        };
        Ok(Self {
            rng,
            source,
            message_kind: config.message_kind,
            format: config.format,
            aside_fraction: match config.format {
                MessageFormat::Envelope => config.aside_fraction,
                MessageFormat::Object | MessageFormat::Lines => 0.0,
            },
            duplicate_fraction: config.duplicate_fraction,
            invalid_fraction: config.invalid_fraction,
            genuine_left: config.count,
            next_ordinal: 0,
            recent: Vec::with_capacity(RECENT_MATCHES),
            invalid_made: 0,
        })
    }

    /// Whether the feed has come to its end.
    pub(crate) fn is_exhausted(&self) -> bool {
        let file_ended = match &self.source {
            Source::Made { .. } => false,
            Source::Recorded(rows) => self.next_ordinal == rows.len() as u64,
        };
        file_ended || self.genuine_left == Some(0)
    }

    /// The next frame, `None` at the end of the feed.
    pub(crate) fn next(&mut self) -> Option<Content> {
        if self.is_exhausted() {
            return None;
        }
        let disturbed = self.invalid_fraction + self.duplicate_fraction;
        if self.aside_fraction > 0.0 && self.rng.random_bool(self.aside_fraction) {
            let aside = ASIDES[self.rng.random_range(0..ASIDES.len())];
            return Some(Content::Given {
                kind: self.message_kind,
                body: Bytes::from_static(aside),
            });
        }
        if disturbed > 0.0 {
            let dice: f64 = self.rng.random();
            if dice < self.invalid_fraction {
                return Some(self.next_invalid());
            }
            if dice < disturbed && !self.recent.is_empty() {
                let recent = self.rng.random_range(0..self.recent.len());
                return Some(Content::Duplicate(self.recent[recent]));
            }
        }
        Some(self.next_row())
    }

    /// Appends the message of a frame; says which kind of message it is.
    pub(crate) fn write_body(&self, content: &Content, body: &mut Vec<u8>) -> MessageKind {
        let is_enveloped = self.format == MessageFormat::Envelope && content.is_object();
        let [before, behind] = ENVELOPE;
        body.extend_from_slice(if is_enveloped { before } else { b"" });
        let kind = self.write_frame(content, body);
        body.extend_from_slice(if is_enveloped { behind } else { b"" });
        kind
    }

    fn write_frame(&self, content: &Content, body: &mut Vec<u8>) -> MessageKind {
        match content {
            Content::Genuine(row) | Content::Duplicate(row) => {
                match &self.source {
                    Source::Made { write, .. } => write(*row, body),
                    Source::Recorded(rows) => {
                        body.extend_from_slice(&recorded(rows, row.ordinal).body);
                    }
                }
                self.message_kind
            }
            Content::Invalid { reason, sample } => {
                body.extend_from_slice(reason.samples()[*sample]);
                if *reason == InvalidReason::NotUtf8 {
                    MessageKind::Binary
                } else {
                    self.message_kind
                }
            }
            Content::Given { kind, body: given } => {
                body.extend_from_slice(given);
                *kind
            }
        }
    }

    /// Takes the reasons in turn, and the samples of each in turn.
    fn next_invalid(&mut self) -> Content {
        let (reasons, turn) = (InvalidReason::ALL, self.invalid_made);
        self.invalid_made += 1;
        let reason = reasons[turn % reasons.len()];
        Content::Invalid {
            reason,
            sample: turn / reasons.len() % reason.samples().len(),
        }
    }

    fn next_row(&mut self) -> Content {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        let match_id = match &mut self.source {
            Source::Made { ids, .. } => ids.next(&mut self.rng),
            Source::Recorded(rows) => {
                let row = recorded(rows, ordinal);
                match row.kind {
                    RecordedKind::Genuine(match_id) => match_id,
                    RecordedKind::Duplicate(match_id) => {
                        return Content::Duplicate(Row { match_id, ordinal });
                    }
                    RecordedKind::Other => {
                        return Content::Given {
                            kind: self.message_kind,
                            body: row.body.clone(),
                        };
                    }
                }
            }
        };
        let row = Row { match_id, ordinal };
        self.remember(row);
        self.genuine_left = self.genuine_left.map(|left| left - 1);
        Content::Genuine(row)
    }

    /// Keeps the newest matches in a ring.
    fn remember(&mut self, row: Row) {
        if self.recent.len() < RECENT_MATCHES {
            self.recent.push(row);
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the remainder is below the ring's length"
            )]
            let place = (row.ordinal % RECENT_MATCHES as u64) as usize;
            self.recent[place] = row;
        }
    }
}

fn recorded(rows: &[RecordedRow], ordinal: u64) -> &RecordedRow {
    let index = usize::try_from(ordinal).expect("a row of a file in memory has an index");
    &rows[index]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_counted_feed_holds_its_matches_and_the_asked_share_of_others() {
        let config = Config {
            count: Some(10_000),
            duplicate_fraction: 0.1,
            invalid_fraction: 0.05,
            ..Config::default()
        };
        let mut generator = Generator::try_new(&config).expect("nothing is replayed");
        let (mut genuine, mut duplicates, mut samples) = (HashSet::new(), 0, HashSet::new());
        let mut invalid = 0;
        while let Some(content) = generator.next() {
            match content {
                Content::Genuine(row) => {
                    assert!(genuine.insert(row.match_id), "each id is genuine once");
                }
                Content::Duplicate(row) => {
                    assert!(
                        genuine.contains(&row.match_id),
                        "a duplicate repeats what was sent"
                    );
                    duplicates += 1;
                }
                Content::Invalid { reason, sample } => {
                    invalid += 1;
                    samples.insert((reason, sample));
                }
                Content::Given { .. } => panic!("nothing was given"),
            }
        }
        assert_eq!(genuine.len(), 10_000);
        // A tenth and a twentieth of some 11,765 frames.
        assert!(
            (1_050..1_300).contains(&duplicates),
            "{duplicates} duplicates"
        );
        assert!((500..680).contains(&invalid), "{invalid} invalid frames");
        let all_samples: usize = InvalidReason::ALL
            .iter()
            .map(|reason| reason.samples().len())
            .sum();
        assert_eq!(
            samples.len(),
            all_samples,
            "every sample of every reason is sent"
        );
    }
}
