//! The calls of one window of time: a minute, or a day.

use domain::Timestamp;

/// What is counted of one window.
#[derive(Debug)]
pub(super) struct Window {
    length_ms: i64,
    reserve_percent: u8,
    /// Which one it is, counted from 1970.
    index: i64,
    /// Which one it is of those that this process has seen.
    generation: u64,
    /// How many calls it permits, as published or as the upstream has shown since;
    /// none for as many as the other window permits.
    limit: Option<u64>,
    /// Set down for it by others than this process.
    before: u64,
    /// Begun in it by this process.
    begun: u64,
    /// Those of them that have not ended.
    open: u64,
    /// Begun before it, and not ended when it began: the upstream may count them in either.
    carried: u64,
    /// Those of them that have not ended yet.
    carried_open: u64,
    /// Ended, and nobody can tell whether the upstream's word includes them.
    untold: u64,
    /// Ended with the upstream's word.
    answered: u64,
    /// The lowest word of the upstream in it; it may be below 0.
    told: Option<i64>,
}

impl Window {
    pub(super) fn new(length_ms: i64, limit: Option<u64>, reserve_percent: u8) -> Self {
        Self {
            length_ms,
            reserve_percent,
            index: i64::MIN,
            generation: 0,
            limit,
            before: 0,
            begun: 0,
            open: 0,
            carried: 0,
            carried_open: 0,
            untold: 0,
            answered: 0,
            told: None,
        }
    }

    /// Goes on to the window that `now` is in. A clock that goes back gives
    /// nothing back: what was counted stays so until the next window begins.
    /// Tells whether a new one has begun.
    pub(super) fn roll(&mut self, now: Timestamp) -> bool {
        let index = now.as_unix_ms().div_euclid(self.length_ms);
        let is_new = index > self.index;
        self.index = index;
        if is_new {
            self.generation += 1;
            self.before = 0;
            self.begun = 0;
            self.carried_open += self.open;
            self.carried = self.carried_open;
            self.open = 0;
            self.untold = 0;
            self.answered = 0;
            self.told = None;
        }
        is_new
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn open(&self) -> u64 {
        self.open
    }

    pub(super) fn begin(&mut self) {
        self.begun += 1;
        self.open += 1;
    }

    /// A call has ended that was begun in the window of that generation; `left`
    /// is the upstream's word, if it said one.
    pub(super) fn end(&mut self, generation: u64, left: Option<i64>) {
        let is_ours = generation == self.generation;
        if is_ours {
            self.open -= 1;
        } else {
            self.carried_open -= 1;
        }
        match left {
            Some(left) if is_ours => {
                self.answered += 1;
                let lowest = self.told.map_or(left, |told| told.min(left));
                self.told = Some(lowest);
                // Whatever was answered with more was counted before: the limit is no lower.
                let shown = u64::try_from(lowest).unwrap_or(0) + self.answered;
                self.limit = Some(self.limit.map_or(shown, |limit| limit.max(shown)));
            }
            // Of which window its word is, nobody can tell either.
            _ => self.untold += 1,
        }
    }

    /// So many calls are set down for it by everybody together, and none of
    /// ours beyond those that were begun.
    pub(super) fn learn(&mut self, set_down: u64) {
        self.before = set_down.saturating_sub(self.begun);
    }

    /// How many calls are left to this address, those on their way taken off.
    fn left(&self) -> Option<i64> {
        let taken = match self.told {
            Some(_) => self.open + self.carried_open + self.untold,
            None => self.used() + self.carried,
        };
        let of = match self.told {
            Some(told) => Some(told),
            None => self.limit.map(signed),
        };
        of.map(|of| of - signed(taken))
    }

    /// What of them is kept for others.
    pub(super) fn reserve(&self) -> Option<u64> {
        let percent = u64::from(self.reserve_percent);
        self.limit
            .map(|limit| limit.saturating_mul(percent).div_ceil(100))
    }

    /// How many calls it permits us in all.
    pub(super) fn permitted(&self) -> Option<u64> {
        self.limit
            .zip(self.reserve())
            .map(|(limit, reserve)| limit.saturating_sub(reserve))
    }

    /// How many calls we may begin; none for as many as the other window permits.
    pub(super) fn room(&self) -> Option<u64> {
        let reserve = signed(self.reserve().unwrap_or(0));
        self.left()
            .map(|left| u64::try_from(left - reserve).unwrap_or(0))
    }

    pub(super) fn used(&self) -> u64 {
        self.before + self.begun
    }

    /// By the upstream's word, if it has said one.
    pub(super) fn told_left(&self) -> Option<u64> {
        self.told?;
        self.left().map(|left| u64::try_from(left).unwrap_or(0))
    }

    /// When it has begun.
    pub(super) fn first(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.index.saturating_mul(self.length_ms))
    }

    /// When the next one begins.
    pub(super) fn next(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.index.saturating_add(1).saturating_mul(self.length_ms))
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
