//! The sequence of records, each made when it is asked for.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use contracts::RejectedRecord;
use domain::{CountingRules, Day, LeftOut, MatchId, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    Knowledge, SummariesConfig, SummaryRecord,
    record::{Answer, spoil},
};
use crate::{
    config::ConfigError,
    digest::IdDigest,
    world::{World, WorldMatch},
};

/// Matches that may overtake each other: a match is at most so many places from its own.
const UNDER_WAY: usize = 1_024;

/// Answers from which a repetition or correction is drawn.
const RECENT: usize = 4_096;

/// An endless supply of different records would repeat itself: a match is corrected so often.
const CORRECTIONS_MAX: u32 = 100;

/// Records of summaries, one after the other, and what they amount to so far.
///
/// The same configuration gives the same records.
pub struct Summaries {
    config: SummariesConfig,
    rng: StdRng,
    first_id: i64,
    /// Matches of which the order is still open.
    under_way: Vec<MatchId>,
    started: u64,
    /// Answers of a match after its first.
    pending: VecDeque<Answer>,
    recent: Vec<Answer>,
    sent: SentSummaries,
}

/// What was sent, and what a consumer must make of it.
#[derive(Clone, Debug)]
pub struct SentSummaries {
    world: World,
    sources: Vec<Knowledge>,
    /// Records of all kinds.
    pub records: u64,
    /// Different matches.
    pub matches: u64,
    /// The digest of these matches.
    pub ids_digest: IdDigest,
    /// Records that are the same as an earlier one.
    pub repeated: u64,
    /// Records that correct an earlier one.
    pub corrected: u64,
    /// Records that a consumer has to set aside, by reason.
    pub invalid: BTreeMap<&'static str, u64>,
    ids: Vec<MatchId>,
    corrections: HashMap<MatchId, u32>,
}

/// What becomes of the matches of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    /// Matches that are counted.
    pub counted: u64,
    /// The others, by the reason why not.
    pub left_out: BTreeMap<LeftOut, u64>,
}

impl Summaries {
    /// # Errors
    /// The configuration cannot work.
    pub fn try_new(config: SummariesConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let first = config.from.unwrap_or_else(|| config.world.begin());
        Ok(Self {
            rng: StdRng::seed_from_u64(config.seed),
            first_id: config.world.first_id_at(first).get(),
            under_way: Vec::with_capacity(UNDER_WAY),
            started: 0,
            pending: VecDeque::new(),
            recent: Vec::with_capacity(RECENT),
            sent: SentSummaries {
                world: config.world.clone(),
                sources: config.sources.clone(),
                records: 0,
                matches: 0,
                ids_digest: IdDigest::default(),
                repeated: 0,
                corrected: 0,
                invalid: BTreeMap::new(),
                ids: Vec::new(),
                corrections: HashMap::new(),
            },
            config,
        })
    }

    /// What the records so far amount to.
    #[must_use]
    pub fn sent(&self) -> &SentSummaries {
        &self.sent
    }

    /// What all records amounted to.
    #[must_use]
    pub fn into_sent(self) -> SentSummaries {
        self.sent
    }

    fn next_answer(&mut self) -> Option<Answer> {
        if let Some(answer) = self.pending.pop_front() {
            return Some(answer);
        }
        while self.under_way.len() < UNDER_WAY && self.started < self.config.count {
            self.under_way.push(self.id(self.started));
            self.started += 1;
        }
        if self.under_way.is_empty() {
            return None;
        }
        let place = self.rng.random_range(0..self.under_way.len());
        let match_id = self.under_way.swap_remove(place);
        self.sent.matches += 1;
        self.sent.ids_digest.add(match_id.get());
        self.sent.ids.push(match_id);
        self.pending
            .extend(self.config.sources.iter().map(|knowledge| Answer {
                match_id,
                knowledge: *knowledge,
                corrections: 0,
            }));
        self.pending.pop_front()
    }

    /// The id of a match by its place in the order of starts.
    fn id(&self, place: u64) -> MatchId {
        let offset = match self.config.span {
            None => place,
            Some(span) => {
                let ids = self.ids_within(span);
                let spread = u128::from(place) * u128::from(ids) / u128::from(self.config.count);
                // As many ids as matches are needed.
                u64::try_from(spread).unwrap_or(u64::MAX).max(place)
            }
        };
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        MatchId::try_new(self.first_id.saturating_add(offset)).expect("the first id is positive")
    }

    /// How many matches start within so much time from the first one on.
    fn ids_within(&self, span: Duration) -> u64 {
        let world = &self.config.world;
        let first = self.config.from.unwrap_or_else(|| world.begin());
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        let end = first.unix_seconds().saturating_add(seconds);
        let end = world.first_id_at(Timestamp::from_unix_seconds(end));
        u64::try_from(end.get() - self.first_id).unwrap_or_default()
    }

    /// Keeps the newest answers, each in a place of its own.
    fn remember(&mut self, answer: Answer) {
        if self.recent.len() < RECENT {
            self.recent.push(answer);
        } else {
            let place = self.rng.random_range(0..RECENT);
            self.recent[place] = answer;
        }
    }

    fn draw_recent(&mut self) -> Option<Answer> {
        let count = self.recent.len();
        (count > 0).then(|| self.recent[self.rng.random_range(0..count)])
    }

    fn invalid(&mut self) -> SummaryRecord {
        let made: u64 = self.sent.invalid.values().sum();
        let made = usize::try_from(made).expect("each has been made in memory");
        let reason = RejectedRecord::REASONS[made % RejectedRecord::REASONS.len()];
        *self.sent.invalid.entry(reason).or_default() += 1;
        let neighbour = self.recent.last().copied().unwrap_or(Answer {
            match_id: self.id(0),
            knowledge: Knowledge::Pages,
            corrections: 0,
        });
        let record = neighbour.record(&self.config.world);
        spoil(record, reason, made / RejectedRecord::REASONS.len())
    }

    /// `None` while there is nothing to correct.
    fn correction(&mut self) -> Option<Answer> {
        let answer = self.draw_recent()?;
        let corrections = self.sent.corrections.entry(answer.match_id).or_default();
        if *corrections == CORRECTIONS_MAX {
            return None;
        }
        *corrections += 1;
        let corrected = Answer {
            corrections: *corrections,
            ..answer
        };
        self.sent.corrected += 1;
        Some(corrected)
    }
}

impl Iterator for Summaries {
    type Item = SummaryRecord;

    fn next(&mut self) -> Option<SummaryRecord> {
        let is_over = self.pending.is_empty()
            && self.under_way.is_empty()
            && self.started == self.config.count;
        if is_over {
            return None;
        }
        self.sent.records += 1;
        let SummariesConfig {
            repeat_fraction,
            correct_fraction,
            invalid_fraction,
            ..
        } = self.config;
        let dice: f64 = self.rng.random();
        if dice < invalid_fraction {
            return Some(self.invalid());
        }
        if dice < invalid_fraction + repeat_fraction
            && let Some(answer) = self.draw_recent()
        {
            self.sent.repeated += 1;
            return Some(answer.record(&self.config.world));
        }
        let answer = if dice >= invalid_fraction + repeat_fraction
            && dice < invalid_fraction + repeat_fraction + correct_fraction
        {
            self.correction()
        } else {
            None
        };
        let answer = answer.or_else(|| self.next_answer())?;
        self.remember(answer);
        Some(answer.record(&self.config.world))
    }
}

impl SentSummaries {
    /// Every match once, as its latest answer tells it. When several sources tell of a match,
    /// all of them count: the latest answer decides on the result, the others add what it lacks.
    pub fn final_matches(&self) -> impl Iterator<Item = WorldMatch> + '_ {
        self.ids.iter().map(|id| {
            let corrections = self.corrections.get(id).copied().unwrap_or_default();
            self.world.at(*id).corrected(corrections)
        })
    }

    /// What a consumer counts, by the day on which the matches started. A leaver is known only
    /// if a source tells of players.
    #[must_use]
    pub fn days(&self, rules: &CountingRules) -> BTreeMap<Day, DayCounts> {
        let knows_players = self
            .sources
            .iter()
            .any(|knowledge| *knowledge != Knowledge::Pages);
        let mut days: BTreeMap<Day, DayCounts> = BTreeMap::new();
        for found in self.final_matches() {
            let day = days.entry(found.played.day()).or_default();
            match rules.judge(&found.played, knows_players && found.has_leaver()) {
                Ok(()) => day.counted += 1,
                Err(reason) => *day.left_out.entry(reason).or_default() += 1,
            }
        }
        days
    }

    /// Records that a consumer has to set aside.
    #[must_use]
    pub fn invalid_total(&self) -> u64 {
        self.invalid.values().sum()
    }
}
