//! What has really been stored, marked, wished for and set aside, seen from behind every port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Day, MatchId};
use etl_application::ports::{NewWish, WarehouseReader as _, Wish, WishState};
use etl_application::{Answer, Content, DeadLetterReason, Record};
use etl_opendota_adapter::SOURCE;
use etl_test_support::MemoryWarehouse;
use etl_test_support::reference::Place;
use futures_util::FutureExt as _;

use crate::Violation;

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
    /// The wishes as they were last.
    wishes: BTreeMap<MatchId, Wish>,
    /// Stored answers of the upstream of details.
    details: Vec<Answer>,
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
            if &*answer.source == SOURCE {
                noted.details.push(answer.clone());
            }
        }
    }

    pub(crate) fn marked(&self, days: &BTreeSet<Day>) {
        let mut noted = self.lock();
        noted.step += 1;
        let step = noted.step;
        noted.marked.extend(days.iter().map(|day| (*day, step)));
    }

    pub(crate) fn wished(&self, wishes: &[NewWish], memory: &MemoryWarehouse) {
        let ids = wishes.iter().map(|wish| wish.match_id);
        self.lock().wished.extend(ids);
        self.watch(memory);
    }

    /// What became of wishes is written: what was fetched is there by then.
    pub(crate) fn settled(&self, wishes: &[Wish], memory: &MemoryWarehouse) {
        for wish in wishes {
            if wish.state == WishState::Fetched && !is_there(wish, memory) {
                self.accuse(Violation::FetchedAndNotStored(wish.match_id));
            }
        }
        self.watch(memory);
    }

    /// A wish that has ended stays so, but for one for the replay in its place.
    pub(crate) fn watch(&self, memory: &MemoryWarehouse) {
        let mut noted = self.lock();
        for wish in memory.all_wishes() {
            let Some(before) = noted.wishes.insert(wish.match_id, wish) else {
                continue;
            };
            let is_another = before.reason.is_for_the_match() && wish.reason.is_for_the_replay();
            let had_ended = before.state != WishState::Waiting;
            if had_ended && wish.state == WishState::Waiting && !is_another {
                let reopened = Violation::EndedWishReopened(wish.match_id);
                noted.violation.get_or_insert(reopened);
            }
        }
    }

    /// Stored answers of the upstream of details.
    pub(crate) fn details(&self) -> Vec<Answer> {
        self.lock().details.clone()
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

/// Whether what was wished for is in the tables.
pub(crate) fn is_there(wish: &Wish, memory: &MemoryWarehouse) -> bool {
    let known = memory.match_facts(wish.match_id).now_or_never();
    let known = known.expect("memory does not wait").expect("it answers");
    let table = if wish.reason.is_for_the_replay() {
        "match_positions"
    } else {
        "matches"
    };
    known.iter().any(|row| row.table == table)
}

fn key(answer: &Answer) -> (MatchId, Box<str>, u64) {
    (
        answer.summary.match_id,
        answer.source.clone(),
        answer.version,
    )
}
