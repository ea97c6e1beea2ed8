//! Accounts, scored by what the warehouse has of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{AccountId, CountingRules, HeroId, Timestamp};
use model_application::accounts::{
    AccountResult, AccountScoring, AccountSettings, NO_MODEL, ScoredAccounts,
};
use model_application::ports::{ReadError, RunId};
use model_application::{
    Counts, Mode, PatchHead, Roster, Skill, SkillSpread, Slice, SliceFacts, SliceResult,
    ValuesFrom, estimate,
};
use model_test_support::{FIRST_DAY, MemoryCounters, PlayedMatch};
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);

/// A patch in which all heroes are alike.
fn patch(slices: &[(Mode, Skill)]) -> PatchHead {
    let counts = Counts::new(Roster::new(HeroId::listed()));
    let found = estimate(&counts);
    let start = FIRST_DAY.start();
    let facts = || SliceFacts {
        from: ValuesFrom::Own,
        matches: counts.matches(),
        window: (start, start),
        excluded: BTreeMap::new(),
        holdout: None,
    };
    let slices = slices.iter().map(|&(mode, skill)| {
        let result = SliceResult::of(&found, &counts, 9_000, facts());
        (Slice { mode, skill }, result.head)
    });
    PatchHead {
        run: RunId(Uuid::from_u64_pair(1, 1)),
        as_of: start,
        patch: "7.38".to_owned(),
        counts_hash: None,
        excluded: BTreeMap::new(),
        slices: slices.collect(),
    }
}

fn everything() -> PatchHead {
    let skills = [Skill::All, Skill::Low, Skill::Medium, Skill::High];
    patch(&skills.map(|skill| (Mode::Default, skill)))
}

fn account(raw: u32) -> AccountId {
    AccountId::try_new(raw).expect("it is an account")
}

/// A game of an account in the first slot, with that hero.
fn game(id: i64, of: u32, hero: u16, won: bool, rank_tier: u8) -> PlayedMatch {
    let mut played = PlayedMatch::on(FIRST_DAY, id);
    played.heroes[0] = hero;
    played.accounts[0] = Some(of);
    played.radiant_win = won;
    played.rank_tier = Some(rank_tier);
    played
}

/// Accounts 1 to `accounts`: the higher, the more of its games with heroes 20 and 21 are won.
fn world(accounts: u32) -> Arc<MemoryCounters> {
    let world = MemoryCounters::new();
    let mut id = 0;
    for of in 1..=accounts {
        for round in 0..20 {
            id += 1;
            let hero = 20 + u16::from(round % 2 == 0);
            world.store([game(id, of, hero, round % accounts < of, 35)]);
        }
    }
    Arc::new(world)
}

fn scoring(reader: &Arc<MemoryCounters>) -> AccountScoring {
    let settings = AccountSettings {
        history: 365 * DAY,
        half_life_days: 180,
        level: 9_000,
        rules: CountingRules::default(),
    };
    AccountScoring::new(Arc::clone(reader) as _, settings)
}

fn now() -> Timestamp {
    FIRST_DAY.start().saturating_add(2 * DAY)
}

async fn score(
    scoring: &AccountScoring,
    accounts: impl IntoIterator<Item = u32>,
    patch: &PatchHead,
) -> (Vec<AccountResult>, ScoredAccounts) {
    let accounts: Vec<_> = accounts.into_iter().map(account).collect();
    let mut results = Vec::new();
    let mut each = |result| results.push(result);
    let scored = scoring.score(&accounts, patch, now(), &mut each).await;
    let scored = scored.expect("the warehouse answers");
    assert_eq!(scored.accounts, u64::try_from(results.len()).unwrap_or(0));
    assert_eq!(scored.games.check(), Ok(()));
    results.sort_by_key(|result| result.account);
    (results, scored)
}

#[tokio::test]
async fn who_wins_more_is_expected_to() {
    let world = world(20);
    let (results, scored) = score(&scoring(&world), 1..=25, &everything()).await;
    assert_eq!(results.len(), 20, "others have no games");
    assert_eq!((scored.games.read, scored.games.used), (400, 400));
    let (worst, best) = (&results[0], &results[19]);
    assert_eq!(best.skill, Skill::Low);
    assert_eq!((best.games, best.heroes.len()), (20, 2));
    for hero in results.iter().flat_map(|result| result.heroes.values()) {
        assert_eq!(hero.hero + hero.account + hero.personal, hero.points.pp);
        assert!(hero.points.lo < hero.points.pp && hero.points.pp < hero.points.hi);
        assert_eq!((hero.games, hero.expected_wins), (10, 50));
    }
    let hero = HeroId::try_new(20).expect("not zero");
    assert!(best.heroes[&hero].points.pp > 500 && worst.heroes[&hero].points.pp < -500);
    assert_eq!(best.heroes[&hero].wins, 10);
}

#[tokio::test]
async fn results_depend_on_nothing_but_games() {
    let world = world(250);
    let all = score(&scoring(&world), 1..=250, &everything()).await;
    let reversed = score(
        &scoring(&world),
        (1..=250).rev().chain(1..=9),
        &everything(),
    )
    .await;
    assert_eq!(all, reversed);
    // Most are not held, and read when they are scored: each once.
    let few = scoring(&world).holding(1);
    let (results, scored) = score(&few, 1..=250, &everything()).await;
    assert_eq!(results.len(), 250);
    assert_eq!(scored.games, all.1.games);
    let again = score(&scoring(&world).holding(1), (1..=250).rev(), &everything()).await;
    assert_eq!(again, (results, scored));
}

#[tokio::test]
async fn few_accounts_say_nothing_of_how_far_skills_spread() {
    let world = world(250);
    let scoring = scoring(&world);
    let (_, few) = score(&scoring, 1..=199, &everything()).await;
    assert_eq!(few.spread, Some(SkillSpread::default()));
    let (_, many) = score(&scoring, 1..=250, &everything()).await;
    assert_ne!(many.spread, Some(SkillSpread::default()));
}

#[tokio::test]
async fn one_account_is_scored_as_all_are() {
    let world = world(20);
    let patch = everything();
    let scoring = scoring(&world);
    let (results, scored) = score(&scoring, 1..=20, &patch).await;
    let spread = scored.spread.expect("there are games");
    for result in results {
        let one = scoring.score_one(result.account, &patch, result.skill, spread, now());
        assert_eq!(one.await, Ok(Some(result)));
    }
    let spread = SkillSpread::default();
    let nobody = scoring.score_one(account(999), &patch, Skill::All, spread, now());
    assert_eq!(nobody.await, Ok(None));
    let no_skill = scoring.score_one(account(1), &patch, Skill::DivineImmortal, spread, now());
    assert_eq!(no_skill.await, Ok(None));
    world.fail_next([ReadError::DayChanged(FIRST_DAY)]);
    let failed = scoring.score_one(account(1), &patch, Skill::All, spread, now());
    assert_eq!(failed.await, Err(ReadError::DayChanged(FIRST_DAY)));
}

#[tokio::test]
async fn games_without_a_model_are_left_out() {
    let world = Arc::new(MemoryCounters::new());
    let mut turbo = game(1, 5, 20, true, 75);
    turbo.game_mode = 23;
    let mut old = game(2, 5, 20, true, 75);
    old.started -= 400 * 24 * 60 * 60;
    world.store([turbo.clone(), old, game(3, 5, 20, true, 75)]);
    world.store([game(4, 5, 21, false, 75), game(5, 6, 999, true, 75)]);
    let (results, scored) = score(&scoring(&world), [5, 6], &everything()).await;
    assert_eq!(results.len(), 1, "nobody knows hero 999");
    assert_eq!((results[0].skill, results[0].games), (Skill::High, 2));
    let excluded = BTreeMap::from([(NO_MODEL.to_owned(), 2)]);
    assert_eq!((scored.games.read, scored.games.excluded), (4, excluded));
    let both = [Mode::Default, Mode::Turbo].map(|mode| (mode, Skill::All));
    let (results, _) = score(&scoring(&world), [5], &patch(&both)).await;
    assert_eq!((results[0].skill, results[0].games), (Skill::All, 3));
}

#[tokio::test]
async fn what_was_expected_depends_on_the_side() {
    let world = Arc::new(MemoryCounters::new());
    for id in 1..=20 {
        let mut played = PlayedMatch::on(FIRST_DAY, id);
        (played.accounts[0], played.accounts[5]) = (Some(7), Some(8));
        world.store([played]);
    }
    let mut patch = everything();
    for slice in patch.slices.values_mut() {
        Arc::make_mut(&mut slice.model).side.value = 500;
    }
    let (results, _) = score(&scoring(&world), [7, 8], &patch).await;
    let expected = results.iter().flat_map(|result| result.heroes.values());
    let expected: Vec<_> = expected.map(|hero| hero.expected_wins).collect();
    // In tenths of twenty games: what one side is to win the other is to lose.
    assert_eq!(expected.iter().sum::<u64>(), 200);
    assert!(expected[0] > 115, "Radiant is favoured: {expected:?}");
}
