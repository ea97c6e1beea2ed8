//! Which numbers of the sequence the first pass has found.

use std::collections::VecDeque;

/// In 4 MB. Numbers follow one another closely, so that is 16 million of them,
/// and matches of almost two weeks; where they do not, 262,144 at least.
const WORDS_MAX: usize = 262_144;

/// A page has no more numbers.
const PAGE_WORDS_MAX: usize = 100;

/// The numbers found between the two passes, a bit for each.
///
/// Nothing is forgotten that the second pass has still to come by: whoever adds
/// to it makes room first, by moving that pass on.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Ascending.
    words: VecDeque<Word>,
    count: u64,
}

/// Sixty-four numbers that follow one another.
#[derive(Debug, Clone, Copy)]
struct Word {
    /// Their first one, divided by their number.
    nth: u64,
    /// The lowest bit is the first one's.
    bits: u64,
}

impl Seen {
    /// Adds a number; one that is not above the others is not needed, for the
    /// second pass has handed it over or never comes to it.
    pub(crate) fn add(&mut self, number: u64) {
        let (nth, bit) = place(number);
        match self.words.back_mut() {
            Some(last) if last.nth == nth => {
                if last.bits >= bit {
                    return;
                }
                last.bits |= bit;
            }
            Some(last) if last.nth > nth => return,
            _ => self.words.push_back(Word { nth, bits: bit }),
        }
        self.count += 1;
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let (nth, bit) = place(number);
        let found = self.words.binary_search_by_key(&nth, |word| word.nth);
        found.is_ok_and(|at| self.words[at].bits & bit != 0)
    }

    /// Forgets what the second pass has behind it.
    pub(crate) fn forget_below(&mut self, number: u64) {
        let (nth, bit) = place(number);
        while let Some(first) = self.words.front_mut() {
            if first.nth > nth {
                return;
            }
            let kept = if first.nth == nth {
                first.bits & !(bit - 1)
            } else {
                0
            };
            self.count -= u64::from((first.bits & !kept).count_ones());
            first.bits = kept;
            if kept != 0 {
                return;
            }
            self.words.pop_front();
        }
    }

    /// How many numbers it knows.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether a further page may be too much.
    pub(crate) fn is_full(&self) -> bool {
        self.words.len() + PAGE_WORDS_MAX > WORDS_MAX
    }
}

fn place(number: u64) -> (u64, u64) {
    (
        number / u64::from(u64::BITS),
        1 << (number % u64::from(u64::BITS)),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_week_of_numbers_fits_and_is_soon_forgotten() {
        let mut seen = Seen::default();
        let week = 14 * 7 * 86_400;
        for number in 0..week {
            seen.add(7_400_000_000 + number);
            assert!(!seen.is_full(), "{number}");
        }
        assert_eq!(seen.count(), week);
        assert!(seen.words.len() * size_of::<Word>() < 4 * 1024 * 1024);
        seen.forget_below(7_400_000_000 + week - 1);
        assert_eq!((seen.count(), seen.words.len()), (1, 1));
    }

    #[test]
    fn where_numbers_are_far_apart_it_says_when_there_is_no_room() {
        let mut seen = Seen::default();
        let fit = (0..1_000_000).find(|nth| {
            seen.add(nth * 71_000);
            seen.is_full()
        });
        assert_eq!(fit, Some(WORDS_MAX as u64 - PAGE_WORDS_MAX as u64));
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_what_was_added_in_order(
            steps in vec((1_u64..200, prop::bool::weighted(0.2)), 0..200),
        ) {
            let (mut seen, mut model) = (Seen::default(), BTreeSet::new());
            let mut number = 0;
            for (step, is_forgotten) in steps {
                number += step;
                seen.add(number);
                model.insert(number);
                // What is not above the others changes nothing.
                seen.add(number - 1);
                if is_forgotten {
                    seen.forget_below(number - step / 2);
                    model.retain(|it| *it >= number - step / 2);
                }
                prop_assert_eq!(seen.count(), model.len() as u64);
            }
            for number in 0..=number + 70 {
                prop_assert_eq!(seen.contains(number), model.contains(&number), "{}", number);
            }
        }
    }
}
