//! Why details are wished for.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal, $priority:literal;)+) => {
        /// Why the details of a match are wished for; the order is that in which
        /// one takes the place of another.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum WishReason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl WishReason {
            /// Every reason, in the order of this list.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in tables, metrics and answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// How soon its turn is: the higher one goes first.
            #[must_use]
            pub const fn priority(self) -> u8 {
                match self {
                    $(Self::$variant => $priority,)+
                }
            }
        }
    };
}

reasons! {
    /// There was no room to wait; such a wish is given up.
    Overflow = "overflow", 0;
    /// Calls for it came to nothing, again and again, while others were answered;
    /// such a wish is given up.
    Unanswered = "unanswered", 0;
    /// A word that this program does not know: a newer one has wished.
    Unknown = "unknown", 10;
    /// Of the match only the id is known.
    Missing = "missing", 100;
    /// Nobody who spoke of the match knew all of it.
    Incomplete = "incomplete", 90;
    /// The match is one of a share of all.
    Sample = "sample", 50;
    /// Those who played it have a high rank.
    Rank = "rank", 150;
    /// It belongs to a league.
    Pro = "pro", 200;
}

impl WishReason {
    /// The reason with this word.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        let mut all = Self::ALL.iter().copied();
        all.find(|one| one.as_str() == word)
            .unwrap_or(Self::Unknown)
    }

    /// Whether the wish ends as soon as the whole match is known, whoever tells
    /// it. Others want what only a parsed replay shows.
    #[must_use]
    pub const fn is_for_the_match(self) -> bool {
        matches!(self, Self::Missing | Self::Incomplete)
    }

    /// Whether it is for what only a parsed replay shows.
    #[must_use]
    pub const fn is_for_the_replay(self) -> bool {
        matches!(self, Self::Sample | Self::Rank | Self::Pro)
    }
}

impl fmt::Display for WishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_that_of_its_reason() {
        for reason in WishReason::ALL {
            assert_eq!(WishReason::of_word(reason.as_str()), *reason);
        }
        assert_eq!(WishReason::of_word("whim"), WishReason::Unknown);
    }

    #[test]
    fn holes_come_before_samples_and_after_matches_of_interest() {
        let mut all = WishReason::ALL.to_vec();
        all.sort_by_key(|reason| std::cmp::Reverse(reason.priority()));
        let words: Vec<_> = all.iter().map(|reason| reason.as_str()).collect();
        let expected = [
            "pro",
            "rank",
            "missing",
            "incomplete",
            "sample",
            "unknown",
            "overflow",
            "unanswered",
        ];
        assert_eq!(words, expected);
    }
}
