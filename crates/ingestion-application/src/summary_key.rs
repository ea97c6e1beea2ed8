//! By what a summary is recognised when it comes again.

use std::hash::{DefaultHasher, Hash, Hasher as _};

/// What a source has said of a match, as a number: the same words give the same
/// number, other words or another source another one.
///
/// So what a source repeats is known, and what it corrects is news. Of a million
/// summaries and one more, two have the same number once in 10^13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SummaryKey(i64);

impl SummaryKey {
    /// The number of what `source` says.
    ///
    /// In which form it says it is its publisher's choice, as long as it stays
    /// with one: what is known, or the bytes in which that is written.
    #[must_use]
    pub fn of<T: Hash + ?Sized>(source: &str, said: &T) -> Self {
        let mut hasher = DefaultHasher::new();
        source.hash(&mut hasher);
        said.hash(&mut hasher);
        // Zero is an empty place in the window.
        Self(hasher.finish().cast_signed() | 1)
    }

    pub(crate) fn get(self) -> i64 {
        self.0
    }
}
