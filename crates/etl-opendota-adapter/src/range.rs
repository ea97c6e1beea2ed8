//! The pages of a time, as a range of a backfill.

use std::sync::Arc;

use domain::{MatchId, Timestamp};
use etl_application::{
    Answer, CallCounter, CallOutcome, DeadLetterReason, Invalid,
    backfill::{Span, WalkReader, WalkedRange},
    ports::{BackfillPiece, Place},
};
use health_kit::Clock;
use opendota_client::{
    CallError, CallShare, Caller, OpenDota, PageRow, RangePage, RangeWalk, RowFault, TimeRange,
    WalkWatcher,
};

/// The name of these answers in the tables.
pub const PAGES_SOURCE: &str = "opendota_pages";

/// To wait for the next minute is how the share is kept, and nothing to tell.
const WAIT_TOLD_MS_MIN: i64 = 2 * 60 * 1_000;

/// What pages are asked through.
pub struct PagesAccess {
    /// The client of everybody in this process.
    pub client: Arc<OpenDota>,
    /// How much of what is permitted the pages of all ranges take.
    pub share: CallShare,
    /// Who counts calls, if somebody does.
    pub counter: Option<Arc<dyn CallCounter>>,
    /// Says how long waits are.
    pub clock: Arc<dyn Clock>,
}

/// Begins to ask for the public matches that started in a time, page by page from the newest down: at a position
/// that a range of the same time gave before, or at the beginning if that is empty. Needs a runtime.
#[must_use]
pub fn walk_pages(access: PagesAccess, span: Span, at: &str) -> WalkedRange {
    let below = read_position(at);
    let range = TimeRange {
        from: span.from,
        to: span.to,
    };
    let PagesAccess {
        client,
        share,
        counter,
        clock,
    } = access;
    let mut walk = RangeWalk::new(client, Caller::Share(share), range, below);
    WalkedRange::begin(at.is_empty() || below.is_some(), async move |reader| {
        let watcher = Watcher {
            reader,
            counter,
            clock,
        };
        while let Some(page) = walk.next(&watcher).await {
            if !watcher.reader.found(piece(page, span)).await {
                return;
            }
        }
    })
}

/// Tells of waits, and counts calls.
struct Watcher {
    reader: WalkReader,
    counter: Option<Arc<dyn CallCounter>>,
    clock: Arc<dyn Clock>,
}

impl Watcher {
    fn count(&self, outcome: CallOutcome) {
        if let Some(counter) = &self.counter {
            counter.called(outcome);
        }
    }

    fn is_long(&self, until: Timestamp) -> bool {
        until.as_unix_ms() - self.clock.now().as_unix_ms() >= WAIT_TOLD_MS_MIN
    }
}

impl WalkWatcher for Watcher {
    fn answered(&self) {
        self.count(CallOutcome::Fetched);
    }

    fn failed(&self, why: &CallError) {
        let detail = match why {
            CallError::NoRoom { until } if self.is_long(*until) => {
                format!("calls are used up until {}", written(*until))
            }
            CallError::NoRoom { .. } => return,
            CallError::Refused { detail, .. } => {
                self.count(CallOutcome::Refused);
                format!("the upstream refuses our calls: {detail}; see OPENDOTA_API_KEY")
            }
            CallError::Unavailable { detail, .. } => {
                self.count(CallOutcome::Unavailable);
                format!("the upstream does not answer: {detail}")
            }
            CallError::NotFound => {
                self.count(CallOutcome::NotFound);
                "the upstream knows no pages of matches; see OPENDOTA_API_URL".to_owned()
            }
            CallError::Unusable { detail } => {
                self.count(CallOutcome::Wrong);
                format!("the upstream's page cannot be read: {detail}")
            }
        };
        self.reader.waits(detail);
    }
}

fn written(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_unix_ms());
    at.map_or_else(|_| "a time far away".to_owned(), |at| at.to_string())
}

/// What of a page belongs to the time.
fn piece(page: RangePage, span: Span) -> BackfillPiece {
    let mut piece = BackfillPiece {
        position: write_position(page.next_below),
        done: Some(page.done),
        calls: page.calls,
        ..BackfillPiece::default()
    };
    let fetched_at = page.page.fetched_at;
    for (nth, row) in (1..).zip(page.page.rows) {
        let is_outside = |start: Timestamp| start < span.from || start >= span.to;
        if row.start_time.is_some_and(is_outside) {
            continue;
        }
        piece.size_bytes += row.text.len();
        let PageRow { text, match_id, .. } = row;
        let place = match_id.map_or(
            Place::Row {
                below: page.asked_below,
                number: nth,
            },
            Place::Match,
        );
        match row.summary {
            Ok(summary) => {
                let answer = Answer {
                    summary,
                    source: PAGES_SOURCE.into(),
                    version: contracts::version(fetched_at, text.as_bytes()),
                };
                piece.answers.push((place, answer));
            }
            Err(fault) => piece.invalid.push((place, invalid(&fault))),
        }
    }
    piece
}

fn invalid(fault: &RowFault) -> Invalid {
    let reason = match fault {
        RowFault::NotAnObject => DeadLetterReason::NotAnObject,
        RowFault::MatchIdMissing => DeadLetterReason::MatchIdMissing,
        RowFault::MatchIdInvalid(_) => DeadLetterReason::MatchIdInvalid,
        RowFault::StartTimeInvalid(_) => DeadLetterReason::StartTimeInvalid,
        RowFault::FieldInvalid(_) => DeadLetterReason::FieldInvalid,
    };
    Invalid {
        reason,
        detail: fault.to_string(),
    }
}

/// Nothing is written where a walk has seen no match yet.
fn write_position(below: Option<MatchId>) -> String {
    below.map_or_else(String::new, |below| format!("below={below}"))
}

fn read_position(text: &str) -> Option<MatchId> {
    let below: i64 = text.strip_prefix("below=")?.parse().ok()?;
    MatchId::try_new(below).ok()
}
