//! A range of a backfill that tests write down.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use etl_application::backfill::{BackfillRange, UnknownRange};
use etl_application::ports::{BackfillOrigin, BackfillOrigins, BackfillPiece, OriginError, Place};
use etl_application::{Answer, Invalid};

/// Gives the records of a list, so many at a time. The position is the place in it.
#[derive(Debug, Clone)]
pub struct ListedOrigin {
    records: Arc<[Result<Answer, Invalid>]>,
    piece_records: usize,
    next: usize,
    goes_on: bool,
    /// Before this place nothing comes any more.
    waits_before: Option<usize>,
    /// What is answered instead, first.
    errors: VecDeque<OriginError>,
    /// Why it can never be opened.
    obstacle: Option<String>,
}

impl ListedOrigin {
    /// The range of these records.
    #[must_use]
    pub fn new(
        records: impl IntoIterator<Item = Result<Answer, Invalid>>,
        piece_records: usize,
    ) -> Self {
        Self {
            records: records.into_iter().collect(),
            piece_records,
            next: 0,
            goes_on: true,
            waits_before: None,
            errors: VecDeque::new(),
            obstacle: None,
        }
    }

    /// Says that it can never be opened, and why.
    pub fn obstruct(&mut self, why: &str) {
        self.obstacle = Some(why.to_owned());
    }

    /// Answers this, once, before it goes on.
    pub fn fail_with(&mut self, error: OriginError) {
        self.errors.push_back(error);
    }

    /// Gives nothing more once it has come to this place of the list.
    pub fn wait_before(&mut self, place: usize) {
        self.waits_before = Some(place);
    }

    /// The same range as of a position; one that is none begins anew, and says so.
    #[must_use]
    pub fn at(&self, position: &str) -> Self {
        let next = position.parse();
        Self {
            goes_on: position.is_empty() || next.is_ok(),
            next: next.unwrap_or(0),
            ..self.clone()
        }
    }
}

#[async_trait]
impl BackfillOrigins for ListedOrigin {
    fn obstacle(&self, _range: &BackfillRange) -> Option<String> {
        self.obstacle.clone()
    }

    async fn open(
        &self,
        range: &BackfillRange,
        at: &str,
    ) -> Result<Box<dyn BackfillOrigin>, OriginError> {
        match range {
            BackfillRange::Topic(_) => Ok(Box::new(self.at(at))),
            other => Err(OriginError::Gone {
                detail: UnknownRange(other.to_string()).to_string(),
            }),
        }
    }
}

#[async_trait]
impl BackfillOrigin for ListedOrigin {
    fn goes_on(&self) -> bool {
        self.goes_on
    }

    async fn next(&mut self) -> Result<Option<BackfillPiece>, OriginError> {
        if let Some(error) = self.errors.pop_front() {
            return Err(error);
        }
        if self.waits_before == Some(self.next) {
            std::future::pending::<()>().await;
        }
        let count = self.records.len();
        let until = count.min(self.next + self.piece_records);
        if until == self.next {
            return Ok(None);
        }
        let mut piece = BackfillPiece::default();
        for place in self.next..until {
            let line = Place::Line(place as u64 + 1);
            match self.records[place].clone() {
                Ok(answer) => piece.answers.push((line, answer)),
                Err(invalid) => piece.invalid.push((line, invalid)),
            }
        }
        self.next = until;
        piece.position = until.to_string();
        #[expect(clippy::cast_precision_loss, reason = "lists of tests are short")]
        let done = until as f64 / count as f64;
        piece.done = Some(done);
        Ok(Some(piece))
    }
}
