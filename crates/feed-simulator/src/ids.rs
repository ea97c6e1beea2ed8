//! Match ids in the order in which matches end.
//!
//! An id is given when a match starts and appears when it ends, so ids arrive tens of thousands
//! below the highest one, unsorted and with holes, and yet each of them once.
//! A shuffle buffer over a rising sequence has just these properties, in constant memory.

use rand::{RngExt, rngs::StdRng};

/// Matches under way at any moment: the public feed's head is about so many ids ahead of the
/// matches that end, at 15 starts a second and 35 minutes a match.
const MATCHES_UNDER_WAY: usize = 32_768;

/// Where the ids begin; of the size of today's, so that they have as many digits.
pub(crate) const FIRST_MATCH_ID: i64 = 8_769_000_000;

/// An endless sequence of distinct match ids.
pub(crate) struct MatchIds {
    /// The next match to start.
    head: i64,
    under_way: Vec<i64>,
}

impl MatchIds {
    pub(crate) fn new(rng: &mut StdRng) -> Self {
        let mut ids = Self {
            head: FIRST_MATCH_ID,
            under_way: Vec::with_capacity(MATCHES_UNDER_WAY),
        };
        for _ in 0..MATCHES_UNDER_WAY {
            let started = ids.start(rng);
            ids.under_way.push(started);
        }
        ids
    }

    /// Ends a match under way, and starts another in its place.
    pub(crate) fn next(&mut self, rng: &mut StdRng) -> i64 {
        let started = self.start(rng);
        let ended = rng.random_range(0..self.under_way.len());
        std::mem::replace(&mut self.under_way[ended], started)
    }

    /// One id in eight is followed by a hole: a private or abandoned match.
    fn start(&mut self, rng: &mut StdRng) -> i64 {
        let id = self.head;
        let dice: u8 = rng.random();
        self.head += if dice < 32 {
            2 + i64::from(dice % 4)
        } else {
            1
        };
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    fn take(seed: u64, count: usize) -> Vec<i64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut ids = MatchIds::new(&mut rng);
        (0..count).map(|_| ids.next(&mut rng)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn ids_are_distinct_and_follow_from_the_seed(seed in any::<u64>()) {
            let ids = take(seed, 50_000);
            prop_assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
            prop_assert_eq!(&ids, &take(seed, 50_000));
            prop_assert_ne!(&ids, &take(seed.wrapping_add(1), 50_000));
        }
    }

    #[test]
    fn ids_arrive_unsorted_below_the_head_and_with_holes() {
        let ids = take(1, 200_000);
        let unsorted = ids.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(
            (90_000..110_000).contains(&unsorted),
            "{unsorted} of 200000 ids are below their predecessor"
        );

        let mut head = 0;
        let mut below_head_total = 0;
        for id in &ids {
            head = head.max(*id);
            below_head_total += head - id;
        }
        let below_head_mean = below_head_total / 200_000;
        assert!(
            (20_000..60_000).contains(&below_head_mean),
            "ids are {below_head_mean} below the head"
        );

        let span = ids.iter().max().unwrap_or(&0) - FIRST_MATCH_ID;
        assert!(
            span > 260_000,
            "{span} ids were passed for 200000 matches and 32768 under way"
        );
    }
}
