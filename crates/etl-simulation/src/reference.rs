//! What the warehouse must hold in the end, from the topics and what the upstream told.

use std::collections::{BTreeMap, BTreeSet};

use domain::{CountingRules, Day, LeftOut, MatchId, Patches, SkillBracket};
use etl_application::counters::DayCounters;
use etl_application::ports::TopicPartition;
use etl_application::{Answer, Content, DeadLetterReason, Facts};

use crate::topics::Topics;

/// A place in a topic.
pub(crate) type Place = (TopicPartition, i64);

/// Of each row the answer that must stand in it, and what else must be there.
#[derive(Clone, Default)]
pub(crate) struct Reference {
    pub(crate) matches: BTreeMap<MatchId, Answer>,
    pub(crate) sources: BTreeMap<(MatchId, Box<str>), Answer>,
    pub(crate) ranks: BTreeMap<MatchId, Answer>,
    pub(crate) players: BTreeMap<MatchId, Answer>,
    pub(crate) positions: BTreeMap<MatchId, Answer>,
    pub(crate) dead_letters: BTreeMap<Place, DeadLetterReason>,
    /// Matches of which somebody said no more than the id, or too little.
    pub(crate) ids: BTreeSet<MatchId>,
    /// Those of which a summary was loaded.
    pub(crate) told: BTreeSet<MatchId>,
    /// Every day that any answer has ever named.
    pub(crate) days: BTreeSet<Day>,
}

impl Reference {
    pub(crate) fn of(topics: &Topics) -> Self {
        let mut reference = Self::default();
        for record in topics.records() {
            let place = (record.from.clone(), record.offset);
            match &record.content {
                Ok(Content::Summary(answer)) => {
                    if topics.refused.contains(&answer.summary.match_id) {
                        let reason = DeadLetterReason::RefusedByWarehouse;
                        reference.dead_letters.insert(place, reason);
                    } else {
                        reference.told.insert(answer.summary.match_id);
                        if answer.summary.whole().is_none() {
                            reference.ids.insert(answer.summary.match_id);
                        }
                        reference.answer(answer);
                    }
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
    pub(crate) fn answer(&mut self, answer: &Answer) {
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
    }

    /// The counters of a day.
    pub(crate) fn count(&self, day: Day, rules: &CountingRules, patches: &Patches) -> DayCounters {
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
