//! Which hero to pick, and which to ban.

use std::cmp::Reverse;

use domain::{HeroId, Side};

use crate::{
    draft_model::{DraftModel, Effect, Lineup, Score, Term, TermKind},
    normal::{DRAW_PARTS, DRAWN, DRAWS},
    roster::HeroNotListed,
};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The heroes that are picked.
    pub lineup: &'a Lineup,
    /// Who picks.
    pub side: Side,
    /// The heroes that nobody may pick.
    pub bans: &'a [HeroId],
    /// How often each hero of the slice is picked, by its place; where nobody knows,
    /// all are as popular. What a rare hero could do is no risk.
    pub games: Option<&'a [u64]>,
    /// What the player who picks adds to each hero, by its place.
    pub personal: Option<&'a [Effect]>,
    /// The level of intervals, such as 0.90.
    pub level: f64,
}

/// A hero that can be picked.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The hero.
    pub hero: HeroId,
    /// The picking side's chance to win with it, in 0 … 1.
    pub win_probability: f64,
    /// The interval's lower end.
    pub lo: f64,
    /// The interval's upper end.
    pub hi: f64,
    /// How many points of win rate more than before the pick.
    pub gain_pp: f64,
    /// How likely it is the best of all that can be picked, in 0 … 1.
    pub p_best: f64,
    /// Whether it is within a point of the first: as good, as far as anybody can say.
    pub is_in_first_tier: bool,
    /// What it adds.
    pub terms: Vec<Term>,
    /// The popular heroes against which it is worst, the worst first, with its
    /// advantage over each; of those that can still be picked.
    pub exposed_to: Vec<(HeroId, Effect)>,
}

/// A hero that could be banned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BanValue {
    /// The hero.
    pub hero: HeroId,
    /// What the asking side's heroes lose by its being picked, times how often it is:
    /// in points of win rate.
    pub value_pp: f64,
}

/// How often it is tried which hero is the best.
const TRIALS: u32 = 1000;
const TIER_PP: f64 = 1.0;
const EXPOSED_TO: usize = 3;

/// Before the suggestion is written out.
struct Candidate {
    place: usize,
    /// What the hero adds.
    added: Score,
}

/// All heroes that can be picked, the best first.
///
/// The value of a hero is its strength, its advantages over the enemies, its
/// synergies with the allies, and what its player adds. The chance to be the best is
/// told from a thousand draws of what the values may be, seeded by the draft: the same
/// question has the same answer.
///
/// # Errors
/// [`HeroNotListed`] for a ban of a hero that the slice does not know.
pub fn suggest(
    model: &DraftModel,
    question: &Question<'_>,
    first: usize,
) -> Result<Vec<Suggestion>, HeroNotListed> {
    let free = free_heroes(model, question)?;
    let mut candidates: Vec<_> = free
        .iter()
        .map(|&place| {
            let mut added = Score::default();
            for_each_term(model, question, place, |term| added.add(term.effect));
            Candidate { place, added }
        })
        .collect();
    candidates.sort_by_key(|candidate| (Reverse(candidate.added.value), candidate.place));
    let best = times_best(&candidates, seed(question));
    let before = seen_by(question.side, model.evaluate(question.lineup).score);
    let popular = popular_heroes(question, &free);
    let with = |candidate: &Candidate| Score {
        value: before.value + candidate.added.value,
        variance: before.variance + candidate.added.variance,
    };
    let of_first = candidates
        .first()
        .map_or(0.0, |one| with(one).probability());
    let each = candidates.iter().zip(best).take(first);
    Ok(each
        .map(|(candidate, best)| {
            let score = with(candidate);
            let win_probability = score.probability();
            let (lo, hi) = score.interval(question.level);
            let mut terms = Vec::new();
            for_each_term(model, question, candidate.place, |term| terms.push(term));
            Suggestion {
                hero: model.roster.heroes()[candidate.place],
                win_probability,
                lo,
                hi,
                gain_pp: 100.0 * (win_probability - before.probability()),
                p_best: f64::from(best) / f64::from(TRIALS),
                is_in_first_tier: 100.0 * (of_first - win_probability) <= TIER_PP,
                terms,
                exposed_to: exposed(model, candidate.place, &popular),
            }
        })
        .collect())
}

/// What it is worth to ban each hero that can still be picked, the most first:
/// its share of picks times what the heroes of the asking side lose to it.
///
/// # Errors
/// [`HeroNotListed`] for a ban of a hero that the slice does not know.
pub fn ban_values(
    model: &DraftModel,
    question: &Question<'_>,
) -> Result<Vec<BanValue>, HeroNotListed> {
    let free = free_heroes(model, question)?;
    let games = |place: usize| question.games.map_or(1, |games| games[place]);
    let all: u64 = (0..model.roster.len()).map(games).sum();
    let (ours, _) = sides(question);
    let mut values: Vec<_> = free
        .into_iter()
        .map(|place| {
            let lost = ours.iter().map(|&our| model.advantage(place, our).value);
            let lost: f64 = lost.map(f64::from).sum();
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
            let share = games(place) as f64 / all.max(1) as f64;
            BanValue {
                hero: model.roster.heroes()[place],
                // Near an even game a log-odds is 25 points.
                value_pp: share * 25.0 * lost / 1000.0,
            }
        })
        .collect();
    values.sort_by(|one, other| {
        let by_value = other.value_pp.total_cmp(&one.value_pp);
        by_value.then(one.hero.cmp(&other.hero))
    });
    Ok(values)
}

fn sides<'a>(question: &Question<'a>) -> (&'a [usize], &'a [usize]) {
    let Lineup { radiant, dire } = question.lineup;
    match question.side {
        Side::Radiant => (radiant, dire),
        Side::Dire => (dire, radiant),
    }
}

fn seen_by(side: Side, score: Score) -> Score {
    match side {
        Side::Radiant => score,
        Side::Dire => Score {
            value: -score.value,
            ..score
        },
    }
}

fn free_heroes(model: &DraftModel, question: &Question<'_>) -> Result<Vec<usize>, HeroNotListed> {
    let mut taken = vec![false; model.roster.len()];
    for &place in question.lineup.radiant.iter().chain(&question.lineup.dire) {
        taken[place] = true;
    }
    for &hero in question.bans {
        taken[model.roster.place(hero)?] = true;
    }
    let all = taken.iter().enumerate();
    Ok(all
        .filter(|(_, taken)| !**taken)
        .map(|(place, _)| place)
        .collect())
}

/// Those that are picked at least as often as heroes are on average.
fn popular_heroes(question: &Question<'_>, free: &[usize]) -> Vec<usize> {
    let Some(games) = question.games else {
        return free.to_vec();
    };
    let all: u64 = games.iter().sum();
    let heroes = games.len() as u64;
    let is_popular = |place: &&usize| games[**place] * heroes >= all;
    free.iter().filter(is_popular).copied().collect()
}

fn for_each_term(
    model: &DraftModel,
    question: &Question<'_>,
    place: usize,
    mut each: impl FnMut(Term),
) {
    let named = |place: usize| model.roster.heroes()[place];
    let hero = named(place);
    let mut add = |kind, effect| each(Term { kind, effect });
    add(TermKind::Strength(hero), model.strengths[place]);
    let (allies, enemies) = sides(question);
    for &enemy in enemies {
        let kind = TermKind::Advantage(hero, named(enemy));
        add(kind, model.advantage(place, enemy));
    }
    for &ally in allies {
        let kind = TermKind::Synergy(hero, named(ally));
        add(kind, *model.synergies.get(place, ally));
    }
    if let Some(personal) = question.personal {
        add(TermKind::Personal(hero), personal[place]);
    }
}

fn exposed(model: &DraftModel, place: usize, popular: &[usize]) -> Vec<(HeroId, Effect)> {
    let others = popular.iter().filter(|&&other| other != place);
    let mut worst: Vec<_> = others
        .map(|&other| (model.advantage(place, other), other))
        .filter(|(advantage, _)| advantage.value < 0)
        .collect();
    worst.sort_by_key(|(advantage, other)| (advantage.value, *other));
    let heroes = model.roster.heroes();
    let named = worst.into_iter().take(EXPOSED_TO);
    named
        .map(|(advantage, other)| (heroes[other], advantage))
        .collect()
}

/// How often each is the best of a thousand draws. Only what a hero adds itself is
/// drawn: the rest of the draft is the same for all.
fn times_best(candidates: &[Candidate], seed: u64) -> Vec<u32> {
    let mut times = vec![0; candidates.len()];
    let deviation = |added: Score| u64::try_from(added.variance).unwrap_or(0).isqrt();
    let each: Vec<(i64, i64)> = candidates
        .iter()
        .map(|candidate| {
            let sd = i64::try_from(deviation(candidate.added)).unwrap_or(i64::MAX);
            (candidate.added.value * DRAW_PARTS, sd)
        })
        .collect();
    let drawn = &*DRAWN;
    let mut state = seed;
    for _ in 0..TRIALS {
        let mut best = (i64::MIN, 0);
        for (chunk, some) in each.chunks(DRAWS_A_NUMBER).enumerate() {
            let mut bits = next(&mut state);
            for (place, (value, sd)) in some.iter().enumerate() {
                let draw = drawn[usize::try_from(bits % DRAWS as u64).unwrap_or(0)];
                bits /= DRAWS as u64;
                let tried = value + sd * draw;
                if tried > best.0 {
                    best = (tried, chunk * DRAWS_A_NUMBER + place);
                }
            }
        }
        if let Some(times) = times.get_mut(best.1) {
            *times += 1;
        }
    }
    times
}

/// A number of 64 bits has so many draws of ten.
const DRAWS_A_NUMBER: usize = 6;

/// The same for the same draft, whoever names its heroes in which order.
fn seed(question: &Question<'_>) -> u64 {
    let mut bans: Vec<_> = question
        .bans
        .iter()
        .map(|hero| u64::from(hero.get()))
        .collect();
    bans.sort_unstable();
    bans.dedup();
    let (allies, enemies) = sides(question);
    let mut state = 0x6d6f_6465_6c5f_3031;
    for part in [allies, enemies] {
        for &place in part {
            state ^= place as u64 + 1;
            state = next(&mut state);
        }
        state = next(&mut state);
    }
    for ban in bans {
        state ^= ban;
        state = next(&mut state);
    }
    state
}

/// A step of splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
