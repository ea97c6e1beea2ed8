//! Which records call for a wish.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{MatchId, MatchSummary, Timestamp};

use super::WishReason;
use crate::Answer;
use crate::ports::NewWish;

/// When wishes are made, and for when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WishRules {
    /// Of which matches details are wanted.
    pub wanted: DetailsFor,
    /// How long a summary is waited for before anybody is asked.
    pub grace: Duration,
}

/// Of which matches details are wanted; of none by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DetailsFor {
    /// Of those of which only the id is known, or not everything that counts.
    pub missing: bool,
    /// Of those that belong to a league.
    pub pro: bool,
    /// Of those whose average rank is at least this.
    pub rank_min: Option<u8>,
    /// Of so many in a million; the id decides which, everywhere and always alike.
    pub sample_in_million: u32,
}

impl DetailsFor {
    /// Whether there are none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Why details are wanted of a match of which somebody said the id; none if
    /// they are not. What may replace another reason comes before it.
    fn reason_of_id(self, id: MatchId) -> Option<WishReason> {
        if self.is_in_sample(id) {
            Some(WishReason::Sample)
        } else if self.missing {
            Some(WishReason::Missing)
        } else {
            None
        }
    }

    /// The same of one of which somebody said more.
    fn reason_of_summary(self, summary: &MatchSummary) -> Option<WishReason> {
        let has_rank = |min| summary.avg_rank_tier.is_some_and(|rank| rank >= min);
        if self.pro && summary.league_id.is_some_and(|league| league > 0) {
            Some(WishReason::Pro)
        } else if self.rank_min.is_some_and(has_rank) {
            Some(WishReason::Rank)
        } else if self.is_in_sample(summary.match_id) {
            Some(WishReason::Sample)
        } else if self.missing && summary.whole().is_none() {
            Some(WishReason::Incomplete)
        } else {
            None
        }
    }

    /// Spreads ids, which follow time, evenly over a million.
    fn is_in_sample(self, id: MatchId) -> bool {
        spread(id.get().cast_unsigned()) % 1_000_000 < u64::from(self.sample_in_million)
    }
}

/// A number that looks like chance and is always the same for the same one
/// (the last step of `splitmix64`).
pub(super) fn spread(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl WishRules {
    /// What these call for, one wish a match: ids of which nothing else is known
    /// to whoever sent them, and answers.
    pub(crate) fn wishes<'a>(
        &self,
        ids: impl Iterator<Item = MatchId>,
        answers: impl Iterator<Item = &'a Answer>,
        now: Timestamp,
    ) -> Vec<NewWish> {
        if self.wanted.is_none() {
            return Vec::new();
        }
        let ids = ids.filter_map(|id| Some((id, self.wanted.reason_of_id(id)?, true)));
        let answers = answers.filter_map(|answer| {
            let reason = self.wanted.reason_of_summary(&answer.summary)?;
            // Nobody waits for a summary that is there, whole as it is.
            Some((answer.summary.match_id, reason, reason.is_for_the_match()))
        });
        let grace_ms = i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX);
        let later = Timestamp::from_unix_ms(now.as_unix_ms().saturating_add(grace_ms));
        let mut wishes: BTreeMap<MatchId, NewWish> = BTreeMap::new();
        for (match_id, reason, waits) in ids.chain(answers) {
            let first_try = if waits { later } else { now };
            let wish = NewWish {
                match_id,
                reason,
                first_try,
            };
            let before = wishes.entry(match_id).or_insert(wish);
            if (before.reason, wish.first_try) < (wish.reason, before.first_try) {
                *before = wish;
            }
        }
        wishes.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_742_731_200);
    const LATER: Timestamp = Timestamp::from_unix_seconds(1_742_731_800);

    fn id(raw: i64) -> MatchId {
        MatchId::try_new(raw).expect("tests use valid ids")
    }

    fn wishes(wanted: DetailsFor, ids: &[i64], summaries: &[MatchSummary]) -> Vec<NewWish> {
        let rules = WishRules {
            wanted,
            grace: Duration::from_mins(10),
        };
        let answers = summaries.iter().map(|summary| Answer {
            summary: summary.clone(),
            source: "test".into(),
            version: 1,
        });
        let answers: Vec<_> = answers.collect();
        rules.wishes(ids.iter().map(|raw| id(*raw)), answers.iter(), NOW)
    }

    fn check(wishes: &[NewWish], expected: &[(i64, WishReason, Timestamp)]) {
        let found = wishes
            .iter()
            .map(|wish| (wish.match_id.get(), wish.reason, wish.first_try));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_missing_or_incomplete_waits_for_a_summary_first() {
        let wanted = DetailsFor {
            missing: true,
            ..DetailsFor::default()
        };
        let incomplete = MatchSummary::new(id(2), NOW);
        check(
            &wishes(wanted, &[3, 1, 3], std::slice::from_ref(&incomplete)),
            &[
                (1, WishReason::Missing, LATER),
                (2, WishReason::Incomplete, LATER),
                (3, WishReason::Missing, LATER),
            ],
        );
        check(&wishes(DetailsFor::default(), &[1], &[incomplete]), &[]);
    }

    #[test]
    fn a_match_of_interest_is_asked_for_at_once() {
        let wanted = DetailsFor {
            missing: true,
            pro: true,
            rank_min: Some(80),
            ..DetailsFor::default()
        };
        let league = |raw, league_id, rank| MatchSummary {
            league_id: Some(league_id),
            avg_rank_tier: rank,
            ..MatchSummary::new(id(raw), NOW)
        };
        let summaries = [
            league(1, 7, Some(80)),
            league(2, 0, Some(80)),
            league(3, 0, Some(79)),
            league(4, 0, None),
        ];
        check(
            &wishes(wanted, &[1, 2], &summaries),
            &[
                (1, WishReason::Pro, NOW),
                (2, WishReason::Rank, NOW),
                (3, WishReason::Incomplete, LATER),
                (4, WishReason::Incomplete, LATER),
            ],
        );
    }

    #[test]
    fn a_sample_is_of_the_share_that_is_asked_for() {
        let wanted = DetailsFor {
            sample_in_million: 50_000,
            ..DetailsFor::default()
        };
        let ids: Vec<_> = (8_000_000_000..8_000_020_000).collect();
        let chosen = wishes(wanted, &ids, &[]);
        assert!((900..1_100).contains(&chosen.len()), "{}", chosen.len());
        assert_eq!(wishes(wanted, &ids, &[]), chosen, "always the same");
        let all = DetailsFor {
            sample_in_million: 1_000_000,
            ..DetailsFor::default()
        };
        assert_eq!(wishes(all, &ids, &[]).len(), ids.len());
    }
}
