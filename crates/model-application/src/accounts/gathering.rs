//! From the games of accounts to what counts of them.

use std::collections::BTreeMap;

use domain::{AccountId, HeroId, Side, SkillBracket, Timestamp};

use crate::{
    log_odds::probability,
    personal::Played,
    ports::AccountGame,
    result::{PatchHead, Slice},
    slices::{Mode, Skill},
    tally::Weight,
};

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1000;
/// The skills that part all known brackets.
const PARTS: [Skill; 3] = [Skill::Low, Skill::Medium, Skill::High];

/// What counts of an account's games.
pub(super) struct Gathered {
    pub(super) account: AccountId,
    /// By id.
    pub(super) heroes: Vec<Played>,
    /// Games by the skill at which they were played.
    games: [u64; PARTS.len()],
}

impl Gathered {
    /// The skill at which it plays most, of those that the patch has; of two the
    /// lower one, and all skills where nobody knows.
    pub(super) fn skill(&self, patch: &PatchHead) -> Skill {
        let there = PARTS.iter().zip(self.games);
        let there = there.filter(|(skill, games)| {
            let slice = Slice {
                mode: Mode::Default,
                skill: **skill,
            };
            *games > 0 && patch.slices.contains_key(&slice)
        });
        // The last of equal ones is the greatest, so they are looked at from above.
        let most = there.rev().max_by_key(|(_, games)| *games);
        most.map_or(Skill::All, |(skill, _)| *skill)
    }
}

/// Adds up games as they come, account by account.
pub(super) struct Gathering<'a> {
    patch: &'a PatchHead,
    now: Timestamp,
    half_life_days: u32,
    done: Vec<Gathered>,
    current: Option<(AccountId, BTreeMap<HeroId, Played>, [u64; PARTS.len()])>,
    without_model: u64,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(patch: &'a PatchHead, now: Timestamp, half_life_days: u32) -> Self {
        Self {
            patch,
            now,
            half_life_days,
            done: Vec::new(),
            current: None,
            without_model: 0,
        }
    }

    pub(super) fn add(&mut self, game: &AccountGame) {
        if self
            .current
            .as_ref()
            .is_some_and(|(account, ..)| *account != game.account)
        {
            self.end_account();
        }
        let Some(expected) = self.expected(game) else {
            self.without_model += 1;
            return;
        };
        let weight = Weight::of_age(self.age_days(game.start_time), self.half_life_days);
        let (_, heroes, games) = self
            .current
            .get_or_insert_with(|| (game.account, BTreeMap::new(), [0; PARTS.len()]));
        let played = heroes.entry(game.hero);
        let played = played.or_insert_with(|| Played::new(game.hero));
        played.add(expected, game.has_won(), weight);
        for (skill, count) in PARTS.iter().zip(games) {
            *count += u64::from(skill.includes(game.bracket));
        }
    }

    /// What there is of each account, and how many games no model has said anything of.
    pub(super) fn finish(mut self) -> (Vec<Gathered>, u64) {
        self.end_account();
        (self.done, self.without_model)
    }

    fn end_account(&mut self) {
        if let Some((account, heroes, games)) = self.current.take() {
            self.done.push(Gathered {
                account,
                heroes: heroes.into_values().collect(),
                games,
            });
        }
    }

    fn age_days(&self, started: Timestamp) -> u32 {
        let ms = self.now.as_unix_ms().saturating_sub(started.as_unix_ms());
        u32::try_from(ms / MS_PER_DAY).unwrap_or_default()
    }

    /// The probability of the account's victory, by the model of the game's slice: of
    /// its bracket if the patch has that, else of all skills.
    fn expected(&self, game: &AccountGame) -> Option<f64> {
        let skills = skills_of(game.bracket).chain([Skill::All]);
        let mut slices = skills.map(|skill| Slice {
            mode: game.mode,
            skill,
        });
        let slice = slices.find_map(|slice| self.patch.slices.get(&slice))?;
        let predicted = slice.model.predict(&game.draft).ok()?.model;
        let radiant = probability(f64::from(predicted) / 1000.0);
        Some(match game.side {
            Side::Radiant => radiant,
            Side::Dire => 1.0 - radiant,
        })
    }
}

fn skills_of(bracket: SkillBracket) -> impl Iterator<Item = Skill> {
    PARTS
        .into_iter()
        .filter(move |skill| skill.includes(bracket))
}
