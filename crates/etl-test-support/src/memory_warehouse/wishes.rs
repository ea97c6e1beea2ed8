//! Wishes, and what is remembered of calls.

use std::cmp::Reverse;

use async_trait::async_trait;
use domain::{Day, MatchId, Timestamp};
use etl_application::WishReason;
use etl_application::ports::{
    CallMemory, NewWish, StoreError, WarehouseError, Wish, WishCounts, WishQueue, WishState,
    WishStore,
};

use super::{MemoryWarehouse, State};

impl MemoryWarehouse {
    /// The wishes, ordered by match.
    #[must_use]
    pub fn all_wishes(&self) -> Vec<Wish> {
        self.lock().wishes.values().copied().collect()
    }
}

#[async_trait]
impl WishStore for MemoryWarehouse {
    async fn wish(&self, wishes: &[NewWish]) -> Result<(), StoreError> {
        let mut state = self.write()?;
        for wish in wishes {
            state.wish(*wish);
        }
        Ok(())
    }
}

#[async_trait]
impl WishQueue for MemoryWarehouse {
    async fn due(&self, now: Timestamp, count_max: usize) -> Result<Vec<Wish>, WarehouseError> {
        let mut due = self.read()?.in_line();
        due.retain(|wish| wish.next_try <= now);
        due.truncate(count_max);
        Ok(due)
    }

    async fn settle(&self, wishes: &[Wish]) -> Result<(), StoreError> {
        let mut state = self.write()?;
        for wish in wishes {
            let mut settled = Wish {
                version: wish.version_after(),
                ..*wish
            };
            settled.next_try = full_second(wish.next_try);
            let stored = state.wishes.get(&wish.match_id);
            let is_news = stored.is_some_and(|stored| stored.version < settled.version);
            if is_news || state.ignores_wish_versions {
                state.put_wish(settled);
            }
        }
        Ok(())
    }

    async fn end_known(&self, now: Timestamp, count_max: usize) -> Result<usize, StoreError> {
        let mut state = self.write()?;
        let mut known = state.in_line();
        known.retain(|wish| {
            let is_known = state.matches.contains_key(&wish.match_id);
            wish.reason.is_for_the_match() && wish.next_try <= now && is_known
        });
        known.truncate(count_max);
        for wish in &known {
            state.end(wish, wish.reason, WishState::Fetched);
        }
        Ok(known.len())
    }

    async fn end_surplus(&self, waiting_max: u64, count_max: usize) -> Result<usize, StoreError> {
        let mut state = self.write()?;
        let waiting = state.in_line();
        let first = usize::try_from(waiting_max).unwrap_or(usize::MAX);
        let surplus = waiting.iter().skip(first).take(count_max);
        for wish in surplus.clone() {
            state.end(wish, WishReason::Overflow, WishState::GivenUp);
        }
        Ok(surplus.count())
    }

    async fn counts(&self) -> Result<WishCounts, WarehouseError> {
        let mut counts = WishCounts::default();
        for ((reason, state), count) in &self.read()?.wish_counts {
            counts.add(*reason, *state, *count);
        }
        Ok(counts)
    }
}

#[async_trait]
impl CallMemory for MemoryWarehouse {
    async fn calls(&self, upstream: &str, day: Day) -> Result<u64, WarehouseError> {
        let state = self.read()?;
        let calls = state.calls.get(&(upstream.to_owned(), day));
        Ok(calls.copied().unwrap_or_default())
    }

    async fn set_down(&self, upstream: &str, day: Day, calls: u64) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let before = state.calls.entry((upstream.to_owned(), day)).or_default();
        *before = calls.max(*before);
        Ok(())
    }
}

impl State {
    fn wish(&mut self, new: NewWish) {
        let is_known = self.matches.contains_key(&new.match_id);
        if is_known && !new.reason.is_for_the_replay() {
            return;
        }
        let wish = Wish {
            match_id: new.match_id,
            reason: new.reason,
            priority: new.reason.priority(),
            attempts: 0,
            state: WishState::Waiting,
            next_try: full_second(new.first_try),
            version: new.version(),
        };
        if let Some(before) = self.wishes.get(&new.match_id)
            && !(before.reason.is_for_the_match() && new.reason.is_for_the_replay())
        {
            return;
        }
        self.put_wish(wish);
    }

    /// The wishes that wait, in the order of their turns.
    fn in_line(&self) -> Vec<Wish> {
        let ids = self.wish_line.iter().map(|(_, _, id)| id);
        ids.filter_map(|id| self.wishes.get(id)).copied().collect()
    }

    /// Keeps the line and the counts with it: tests look at both often.
    fn put_wish(&mut self, wish: Wish) {
        if let Some(before) = self.wishes.insert(wish.match_id, wish) {
            self.wish_line.remove(&turn(&before));
            let count = self.wish_counts.entry((before.reason, before.state));
            *count.or_default() -= 1;
        }
        if wish.state == WishState::Waiting {
            self.wish_line.insert(turn(&wish));
        }
        *self
            .wish_counts
            .entry((wish.reason, wish.state))
            .or_default() += 1;
        self.wish_counts.retain(|_, count| *count > 0);
    }

    fn end(&mut self, wish: &Wish, reason: WishReason, state: WishState) {
        let ended = Wish {
            reason,
            state,
            version: wish.version + state.version_step(),
            ..*wish
        };
        self.put_wish(ended);
    }

    pub(super) fn wish_of(&self, id: MatchId) -> Option<Wish> {
        self.wishes.get(&id).copied()
    }
}

/// Whose turn it is: the highest priority first, then whose time comes first.
pub(super) type Turn = (Reverse<u8>, Timestamp, MatchId);

fn turn(wish: &Wish) -> Turn {
    (Reverse(wish.priority), wish.next_try, wish.match_id)
}

/// Tables hold seconds; nobody is asked before the time.
fn full_second(at: Timestamp) -> Timestamp {
    let rounded_up = Timestamp::from_unix_ms(at.as_unix_ms().saturating_add(999));
    Timestamp::from_unix_seconds(rounded_up.unix_seconds())
}
