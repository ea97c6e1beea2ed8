//! Which numbers of the sequence the first pass has found.

use std::collections::VecDeque;

/// More matches than end in three hours at the busiest.
const NUMBERS_MAX: usize = 262_144;

/// The numbers found between the two passes, the newest [`NUMBERS_MAX`] of them,
/// in 2 MB. What is forgotten is handed over once more, and known to the dedup window.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Ascending.
    numbers: VecDeque<u64>,
}

impl Seen {
    /// Adds a number; one that is not above the others is not needed, for the
    /// second pass has handed it over or never comes to it.
    pub(crate) fn add(&mut self, number: u64) {
        if self.numbers.back().is_some_and(|last| *last >= number) {
            return;
        }
        if self.numbers.len() == NUMBERS_MAX {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number);
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.numbers.binary_search(&number).is_ok()
    }

    /// Forgets what the second pass has behind it.
    pub(crate) fn forget_below(&mut self, number: u64) {
        let below = self.numbers.partition_point(|it| *it < number);
        self.numbers.drain(..below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_between_the_passes_are_known_and_no_more_than_fit() {
        let mut seen = Seen::default();
        for number in (0..).step_by(3).take(NUMBERS_MAX + 10) {
            seen.add(number);
        }
        assert_eq!(seen.numbers.len(), NUMBERS_MAX);
        assert!(!seen.contains(27) && seen.contains(30) && !seen.contains(31));
        seen.add(30);
        assert_eq!(seen.numbers.len(), NUMBERS_MAX);
        seen.forget_below(34);
        assert!(!seen.contains(33) && seen.contains(36));
    }
}
