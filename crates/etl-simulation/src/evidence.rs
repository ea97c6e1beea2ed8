//! What has really been stored, marked, wished for and set aside, seen from behind every port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Day, MatchId};
use etl_application::ports::NewWish;
use etl_application::{Answer, Content, DeadLetterReason, Record};

use crate::Violation;
use crate::reference::Place;

/// Notes everything that has had an effect, and the first violation.
#[derive(Default)]
pub(crate) struct Evidence {
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    step: u64,
    /// Which answers are stored, and in which step that was first so.
    stored: BTreeMap<(MatchId, Box<str>, u64), u64>,
    /// In which step each day was marked last.
    marked: BTreeMap<Day, u64>,
    wished: BTreeSet<MatchId>,
    set_aside: BTreeMap<Place, DeadLetterReason>,
    violation: Option<Violation>,
}

impl Evidence {
    pub(crate) fn stored(&self, answers: &[Answer]) {
        let mut noted = self.lock();
        noted.step += 1;
        let step = noted.step;
        for answer in answers {
            noted.stored.entry(key(answer)).or_insert(step);
        }
    }

    pub(crate) fn marked(&self, days: &BTreeSet<Day>) {
        let mut noted = self.lock();
        noted.step += 1;
        let step = noted.step;
        noted.marked.extend(days.iter().map(|day| (*day, step)));
    }

    pub(crate) fn wished(&self, wishes: &[NewWish]) {
        let ids = wishes.iter().map(|wish| wish.match_id);
        self.lock().wished.extend(ids);
    }

    /// A record is in the topic of dead letters; `original` is what was in the topic it is from.
    pub(crate) fn set_aside(&self, record: &Record, reason: DeadLetterReason, original: &Record) {
        let place = (record.from.clone(), record.offset);
        let is_unchanged = record.raw.key == original.raw.key
            && record.raw.value == original.raw.value
            && record.raw.headers == original.raw.headers;
        let mut noted = self.lock();
        let before = *noted.set_aside.entry(place.clone()).or_insert(reason);
        if !is_unchanged || before != reason {
            let detail = format!("{reason} after {before}, unchanged: {is_unchanged}");
            let violation = Violation::DeadLetter(place.0.partition, place.1, detail);
            noted.violation.get_or_insert(violation);
        }
    }

    /// Whether everything that must be done before a position behind a record
    /// is committed has been done; what not, otherwise.
    pub(crate) fn judge(&self, record: &Record) -> Result<(), &'static str> {
        let noted = self.lock();
        let place = (record.from.clone(), record.offset);
        if noted.set_aside.contains_key(&place) {
            return Ok(());
        }
        match &record.content {
            Ok(Content::Summary(answer)) => {
                let stored = noted.stored.get(&key(answer)).ok_or("not stored")?;
                let day = Day::of(answer.summary.start_time);
                let marked = noted.marked.get(&day).ok_or("never marked")?;
                if marked > stored {
                    Ok(())
                } else {
                    Err("marked before it was stored")
                }
            }
            Ok(Content::Id(id)) if noted.wished.contains(id) => Ok(()),
            Ok(Content::Id(_)) => Err("not wished for"),
            Err(_) => Err("not set aside"),
        }
    }

    pub(crate) fn dead_letters(&self) -> BTreeMap<Place, DeadLetterReason> {
        self.lock().set_aside.clone()
    }

    /// Something is wrong; the first of these is told.
    pub(crate) fn accuse(&self, violation: Violation) {
        self.lock().violation.get_or_insert(violation);
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.lock().violation.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        // A panic fails the whole run.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(answer: &Answer) -> (MatchId, Box<str>, u64) {
    (
        answer.summary.match_id,
        answer.source.clone(),
        answer.version,
    )
}
