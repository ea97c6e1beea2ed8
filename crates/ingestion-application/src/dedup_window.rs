//! Which matches were seen lately.
//!
//! A ring of the last ids in order of arrival, and an open-addressing index
//! into it. Fixed at 8 bytes an id for the ring and 8 to 16 for the index: a
//! million ids take 16 MiB, never more, and memory is only touched as the
//! window fills. A hash set from the standard library would double its table
//! under steady replacement, because deletions leave tombstones behind.

use domain::MatchId;

/// Remembers the last ids up to a fixed number; older ones are forgotten.
pub struct DedupWindow {
    /// Ids in order of arrival; zero is an empty place, and no id.
    ring: Vec<i64>,
    /// Places in `ring` plus one, found by hash and linear probing; zero is free.
    index: Vec<u32>,
    /// Where the next id goes, and the oldest is.
    head: usize,
    len: usize,
}

impl DedupWindow {
    /// The largest window: places are counted in 32 bits.
    pub const SIZE_MAX: usize = 1 << 30;

    /// An empty window of `size` ids, held between 1 and [`SIZE_MAX`](Self::SIZE_MAX).
    #[must_use]
    pub fn new(size: usize) -> Self {
        let size = size.clamp(1, Self::SIZE_MAX);
        Self {
            ring: vec![0; size],
            // At most half full keeps the probes short.
            index: vec![0; (2 * size).next_power_of_two()],
            head: 0,
            len: 0,
        }
    }

    /// Takes note of `id`; whether it is new within the window.
    pub fn insert(&mut self, id: MatchId) -> bool {
        self.insert_number(id.get())
    }

    /// Takes note of what is recognised by this number, which is not 0.
    pub(crate) fn insert_number(&mut self, id: i64) -> bool {
        let Err(mut slot) = self.find(id) else {
            return false;
        };
        if self.forget_oldest_if_full() {
            // To forget moves entries, so the free place is looked for again.
            slot = match self.find(id) {
                Ok(slot) | Err(slot) => slot,
            };
        }
        self.ring[self.head] = id;
        self.index[slot] = u32::try_from(self.head + 1).expect("the size is limited to 2^30");
        self.head = (self.head + 1) % self.ring.len();
        self.len += 1;
        true
    }

    /// Whether `id` is remembered.
    #[must_use]
    pub fn contains(&self, id: MatchId) -> bool {
        self.contains_number(id.get())
    }

    pub(crate) fn contains_number(&self, id: i64) -> bool {
        self.find(id).is_ok()
    }

    /// Takes back what was noted of `id`, as if it had never been seen. Its
    /// place in the window stays empty until it is the oldest one.
    pub fn forget(&mut self, id: MatchId) {
        self.forget_number(id.get());
    }

    pub(crate) fn forget_number(&mut self, id: i64) {
        let Ok(slot) = self.find(id) else {
            return;
        };
        let place = self.index[slot] as usize - 1;
        self.close_gap(slot);
        self.ring[place] = 0;
        self.len -= 1;
    }

    /// How many ids are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no id is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot that holds `id`, or else the free slot where it belongs.
    fn find(&self, id: i64) -> Result<usize, usize> {
        let mut slot = self.home(id);
        loop {
            match self.index[slot] {
                0 => return Err(slot),
                place if self.ring[place as usize - 1] == id => return Ok(slot),
                _ => slot = self.after(slot),
            }
        }
    }

    /// Whether there was one to forget.
    fn forget_oldest_if_full(&mut self) -> bool {
        let oldest = self.ring[self.head];
        if oldest == 0 {
            return false;
        }
        if let Ok(slot) = self.find(oldest) {
            self.close_gap(slot);
        }
        self.ring[self.head] = 0;
        self.len -= 1;
        true
    }

    /// Frees `gap` by moving back every later entry of its run that may move
    /// (Knuth, TAOCP volume 3, section 6.4, algorithm R): no tombstones.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.index.len() - 1;
        let mut slot = self.after(gap);
        while self.index[slot] != 0 {
            let home = self.home(self.ring[self.index[slot] as usize - 1]);
            let distance_from_home = slot.wrapping_sub(home) & mask;
            let distance_from_gap = slot.wrapping_sub(gap) & mask;
            if distance_from_home >= distance_from_gap {
                self.index[gap] = self.index[slot];
                gap = slot;
            }
            slot = self.after(slot);
        }
        self.index[gap] = 0;
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.index.len() - 1)
    }

    /// Fibonacci hashing: neighbouring ids are spread over the whole index.
    fn home(&self, id: i64) -> usize {
        const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;
        let bits = self.index.len().trailing_zeros();
        let hash = id.cast_unsigned().wrapping_mul(GOLDEN_RATIO) >> (u64::BITS - bits);
        usize::try_from(hash).expect("at most 31 bits are left")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn id(raw: i64) -> MatchId {
        MatchId::try_new(raw).expect("the tests use positive ids")
    }

    /// What the window promises, in the most obvious words.
    struct Model {
        ids: VecDeque<Option<i64>>,
        size: usize,
    }

    impl Model {
        fn insert(&mut self, raw: i64) -> bool {
            if self.ids.contains(&Some(raw)) {
                return false;
            }
            if self.ids.len() == self.size {
                self.ids.pop_front();
            }
            self.ids.push_back(Some(raw));
            true
        }

        fn forget(&mut self, raw: i64) {
            for place in self.ids.iter_mut().filter(|place| **place == Some(raw)) {
                *place = None;
            }
        }

        fn len(&self) -> usize {
            self.ids.iter().flatten().count()
        }
    }

    #[test]
    fn an_id_is_new_once_and_again_when_forgotten() {
        let mut window = DedupWindow::new(2);
        let seen: Vec<bool> = [1, 1, 2, 3, 2, 1].map(|raw| window.insert(id(raw))).into();
        assert_eq!(seen, [true, false, true, true, false, true]);
        assert_eq!(window.len(), 2);
    }

    #[test]
    fn a_million_ids_take_less_than_32_mb_however_often_they_are_replaced() {
        let mut window = DedupWindow::new(1_000_000);
        for raw in 1..=3_000_000 {
            assert!(window.insert(id(raw)));
        }
        assert_eq!(window.len(), 1_000_000);
        assert!(
            !window.insert(id(2_000_001)),
            "the oldest that is remembered"
        );
        let bytes = 8 * window.ring.capacity() + 4 * window.index.capacity();
        assert!(bytes < 32_000_000, "{bytes} bytes");
    }

    proptest! {
        #[test]
        fn it_is_the_model(
            size in 1_usize..20,
            events in prop::collection::vec((1_i64..40, prop::bool::weighted(0.2)), 0..400),
        ) {
            let mut window = DedupWindow::new(size);
            let mut model = Model { ids: VecDeque::new(), size };
            for (raw, is_forgotten) in events {
                if is_forgotten {
                    window.forget(id(raw));
                    model.forget(raw);
                } else {
                    prop_assert_eq!(window.insert(id(raw)), model.insert(raw), "id {}", raw);
                }
                prop_assert_eq!(window.len(), model.len());
                prop_assert_eq!(window.contains(id(raw)), model.ids.contains(&Some(raw)));
            }
        }
    }
}
