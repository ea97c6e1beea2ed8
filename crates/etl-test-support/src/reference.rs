//! What the warehouse must hold in the end, from the topics and what upstreams told.
//!
//! It knows no order, no batch and no position: of each row the answer with the
//! highest version stands.

use std::collections::{BTreeMap, BTreeSet};

use domain::{AccountId, CountingRules, Day, LeftOut, MatchId, Patches, SkillBracket};
use etl_application::counters::DayCounters;
use etl_application::ports::TopicPartition;
use etl_application::{Answer, Content, DeadLetterReason, Facts, Record};

/// A place in a topic.
pub type Place = (TopicPartition, i64);

/// Of each row the answer that must stand in it, and what else must be there.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// The core of each match that anybody knows whole.
    pub matches: BTreeMap<MatchId, Answer>,
    /// What each source says of a match.
    pub sources: BTreeMap<(MatchId, Box<str>), Answer>,
    /// The rank of each match of which anybody knows it.
    pub ranks: BTreeMap<MatchId, Answer>,
    /// All ten lines of each match of which anybody knows them.
    pub players: BTreeMap<MatchId, Answer>,
    /// The line of an account, which stays once it was public.
    pub accounts: BTreeMap<(AccountId, MatchId), Answer>,
    /// Where all ten players were, of each match of which anybody knows it.
    pub positions: BTreeMap<MatchId, Answer>,
    /// What has to be set aside, and why.
    pub dead_letters: BTreeMap<Place, DeadLetterReason>,
    /// Matches of which somebody said no more than the id, or too little.
    pub ids: BTreeSet<MatchId>,
    /// Those of which a summary was loaded.
    pub told: BTreeSet<MatchId>,
    /// Every day that any answer has ever named.
    pub days: BTreeSet<Day>,
}

impl Reference {
    /// What follows from all records of the topics, in any order, where the
    /// warehouse takes nothing of the matches that it refuses.
    pub fn of<'a>(
        records: impl IntoIterator<Item = &'a Record>,
        refused: &BTreeSet<MatchId>,
    ) -> Self {
        let mut reference = Self::default();
        for record in records {
            let place = (record.from.clone(), record.offset);
            match &record.content {
                Ok(Content::Summary(answer)) if refused.contains(&answer.summary.match_id) => {
                    let reason = DeadLetterReason::RefusedByWarehouse;
                    reference.dead_letters.insert(place, reason);
                }
                Ok(Content::Summary(answer)) => {
                    reference.told.insert(answer.summary.match_id);
                    if answer.summary.whole().is_none() {
                        reference.ids.insert(answer.summary.match_id);
                    }
                    reference.answer(answer);
                }
                Ok(Content::Id(id)) => {
                    reference.ids.insert(*id);
                }
                Err(invalid) => {
                    reference.dead_letters.insert(place, invalid.reason);
                }
            }
        }
        reference
    }

    /// One more answer, whoever gave it.
    pub fn answer(&mut self, answer: &Answer) {
        let facts = Facts::of(answer);
        let id = answer.summary.match_id;
        self.days.insert(facts.day());
        keep_higher(&mut self.sources, (id, answer.source.clone()), answer);
        if facts.core.is_some() {
            keep_higher(&mut self.matches, id, answer);
        }
        if facts.rank.is_some() {
            keep_higher(&mut self.ranks, id, answer);
        }
        if facts.players.is_some() {
            keep_higher(&mut self.players, id, answer);
        }
        if facts.positions.is_some() {
            keep_higher(&mut self.positions, id, answer);
        }
        for account in facts.accounts() {
            keep_higher(&mut self.accounts, (account.account_id, id), answer);
        }
    }

    /// The counters of a day.
    ///
    /// # Panics
    /// Never: who stands among `matches` knows one whole.
    #[must_use]
    pub fn count(&self, day: Day, rules: &CountingRules, patches: &Patches) -> DayCounters {
        let mut counters = DayCounters::default();
        for (id, answer) in &self.matches {
            let found = answer.summary.whole().expect("it is here for being whole");
            if found.day() != day {
                continue;
            }
            let rank = self.ranks.get(id);
            let rank = rank.and_then(|answer| answer.summary.avg_rank_tier);
            let bracket = rank.map_or(SkillBracket::UNKNOWN, SkillBracket::of_rank_tier);
            let players = self.players.get(id);
            let has_leaver = players.is_some_and(|answer| answer.summary.has_leaver());
            let positions = self.positions.get(id);
            let positions = positions.and_then(|answer| Facts::of(answer).positions);
            counters.add(
                &found,
                bracket,
                has_leaver,
                positions.as_ref(),
                rules,
                patches,
            );
        }
        let incomplete: BTreeSet<_> = self
            .sources
            .iter()
            .filter(|((id, _), answer)| {
                !self.matches.contains_key(id) && Day::of(answer.summary.start_time) == day
            })
            .map(|((id, _), _)| *id)
            .collect();
        for _ in incomplete {
            counters.leave_out(LeftOut::Incomplete);
        }
        counters
    }
}

fn keep_higher<K: Ord>(rows: &mut BTreeMap<K, Answer>, key: K, answer: &Answer) {
    let row = rows.entry(key).or_insert_with(|| answer.clone());
    if row.version < answer.version {
        *row = answer.clone();
    }
}
