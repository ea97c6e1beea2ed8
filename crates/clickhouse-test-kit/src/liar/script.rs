//! What a test has asked a liar to do, and what it has done.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Semaphore, watch};

use super::{Asked, Lie};

/// Shared by the liar and its connections.
pub(super) struct Script {
    lies: Mutex<Lies>,
    pub(super) told: watch::Sender<usize>,
    pub(super) held: watch::Sender<usize>,
    /// A permit for each held answer that may go.
    pub(super) going: Semaphore,
}

#[derive(Default)]
struct Lies {
    once: VecDeque<(Asked, Lie)>,
    always: Option<(Asked, Lie)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            lies: Mutex::default(),
            told: watch::Sender::new(0),
            held: watch::Sender::new(0),
            going: Semaphore::new(0),
        }
    }
}

impl Script {
    pub(super) fn push(&self, asked: Asked, lie: Lie) {
        self.lies().once.push_back((asked, lie));
    }

    pub(super) fn set_always(&self, always: Option<(Asked, Lie)>) {
        self.lies().always = always;
    }

    pub(super) fn clear(&self) {
        *self.lies() = Lies::default();
    }

    /// The lie about a request, which counts as told from now on.
    pub(super) fn decide(&self, is_insert: bool, body: &[u8]) -> Option<Lie> {
        let mut lies = self.lies();
        let meant = |(asked, lie): &(Asked, Lie)| {
            let is_asked = *asked == Asked::Anything || is_insert;
            is_asked && lie.is_about(body)
        };
        let always = lies.always.clone().filter(meant);
        let decided = if let Some((_, Lie::RefuseRecord(..))) = always {
            // A record that is never taken is not taken beside another lie either.
            always
        } else {
            let place = lies.once.iter().position(meant);
            let once = place.and_then(|place| lies.once.remove(place));
            once.or(always)
        };
        let (_, lie) = decided?;
        self.told.send_modify(|told| *told += 1);
        Some(lie)
    }

    /// Waits, as a held answer does, until it may go.
    pub(super) async fn hold(&self) {
        let held = Held::new(&self.held);
        let going = self.going.acquire().await.expect("nobody closes it");
        going.forget();
        drop(held);
    }

    fn lies(&self) -> MutexGuard<'_, Lies> {
        // All changes are single steps: a panic elsewhere spoils nothing.
        self.lies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lie {
    fn is_about(&self, body: &[u8]) -> bool {
        let Self::RefuseRecord(record, _) = self else {
            return true;
        };
        record.is_empty() || body.windows(record.len()).any(|bytes| bytes == record)
    }
}

/// Counts as long as it lives: a client may go away while its answer is held.
struct Held<'a>(&'a watch::Sender<usize>);

impl<'a> Held<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|held| *held += 1);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_are_told_in_order_to_those_they_are_about() {
        let script = Script::default();
        script.push(Asked::Inserts, Lie::DropAfter);
        script.push(Asked::Anything, Lie::Garbage);
        script.push(Asked::Inserts, Lie::RefuseRecord(b"7".into(), 27));
        assert_eq!(script.decide(false, b"SELECT"), Some(Lie::Garbage));
        assert_eq!(script.decide(false, b"SELECT"), None);
        assert_eq!(script.decide(true, b"7"), Some(Lie::DropAfter));
        assert_eq!(script.decide(true, b"6"), None);
        let refused = Some(Lie::RefuseRecord(b"7".into(), 27));
        assert_eq!(script.decide(true, b"678"), refused);
        assert_eq!(script.decide(true, b"678"), None);
        assert_eq!(*script.told.borrow(), 3);
    }

    #[test]
    fn a_lie_that_is_always_told_waits_for_those_told_once() {
        let script = Script::default();
        script.set_always(Some((Asked::Inserts, Lie::Refuse(202))));
        script.push(Asked::Anything, Lie::DropBefore);
        assert_eq!(script.decide(true, b""), Some(Lie::DropBefore));
        assert_eq!(script.decide(true, b""), Some(Lie::Refuse(202)));
        assert_eq!(script.decide(true, b""), Some(Lie::Refuse(202)));
        assert_eq!(script.decide(false, b""), None);
        script.clear();
        assert_eq!(script.decide(true, b""), None);
    }

    #[test]
    fn a_record_that_is_always_refused_is_not_let_through_by_another_lie() {
        let script = Script::default();
        let refused = Lie::RefuseRecord(b"7".into(), 27);
        script.set_always(Some((Asked::Inserts, refused.clone())));
        script.push(Asked::Inserts, Lie::DropAfter);
        assert_eq!(script.decide(true, b"678"), Some(refused));
        assert_eq!(script.decide(true, b"68"), Some(Lie::DropAfter));
    }
}
