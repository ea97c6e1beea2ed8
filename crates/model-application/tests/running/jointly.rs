//! The second step over drafts: published only where it is better.

use model_application::{
    DraftModel, Drafts, FromCounts, Mode, PatchResult, Skill, ValuesFrom, Weight,
    ports::{CounterReader, DayToRead, DraftSeen, Part, Run, RunState, StepName},
    runs::{RunRequest, RunSettings},
};
use model_test_support::PlayedMatch;

use crate::world::{DAYS, PATCH, World, by_hand, day, settings, slice};

const MATCHES_A_DAY: i64 = 1_000;
const DUOS: u64 = 10;

fn jointly() -> RunSettings {
    RunSettings {
        is_joint: true,
        ..settings()
    }
}

/// Every hero but three is only ever picked with its friend. Counts say of both what
/// one of them does: twice too much. `outcome` decides who wins, from the day, whom the
/// heroes favour and a coin.
fn friends_play_together(world: &World, outcome: impl Fn(i32, bool, bool) -> bool) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    for number in 0..DAYS {
        let ids = 1..=MATCHES_A_DAY;
        let matches = ids.map(|place| {
            let mut duos = Vec::new();
            while duos.len() < 4 {
                let duo = random(DUOS);
                if !duos.contains(&duo) {
                    duos.push(duo);
                }
            }
            let single = random(2);
            let hero = |raw: u64| u16::try_from(raw).expect("few");
            let both = |duo: u64| [hero(2 * duo + 1), hero(2 * duo + 2)];
            let mut heroes = [0; 10];
            for (side, duos) in duos.chunks(2).enumerate() {
                let own = &mut heroes[5 * side..];
                own[..2].copy_from_slice(&both(duos[0]));
                own[2..4].copy_from_slice(&both(duos[1]));
                own[4] = hero(21 + if side == 0 { single } else { 1 - single });
            }
            let better = duos[0] + duos[1] >= duos[2] + duos[3];
            let favoured = better != (random(4) == 0);
            let coin = random(2) == 0;
            PlayedMatch {
                heroes,
                radiant_win: outcome(number, favoured, coin),
                rank_tier: (random(2) == 0).then_some(72),
                ..PlayedMatch::on(day(number), i64::from(number) * 100_000 + place)
            }
        });
        world.counters.store(matches);
        world.counters.build(day(number), world.clock_now());
    }
}

async fn run(world: &World, settings: RunSettings) -> (Run, PatchResult) {
    let mut process = world.start(settings);
    let forced = RunRequest {
        force: true,
        ..by_hand()
    };
    let outcome = process.run(forced).await;
    assert_eq!(
        outcome.run.state,
        RunState::Published,
        "{:?}",
        outcome.run.failure
    );
    let [result] = &outcome.results[..] else {
        panic!("one patch has matches: {}", outcome.results.len())
    };
    (outcome.run, PatchResult::clone(result))
}

fn said(run: &Run) -> String {
    let estimates = run
        .steps
        .iter()
        .filter(|step| step.name == StepName::Estimate);
    let details: Vec<_> = estimates.map(|step| &*step.detail).collect();
    details.concat()
}

/// The log loss of what is published on what was held out, in ten-thousandths of a nat.
fn loss(result: &PatchResult, skill: Skill) -> i64 {
    let head = &result.slices[&slice(skill)].head;
    head.holdout.as_ref().expect("a day is held out").log_loss
}

/// What all drafts of the default mode tell, put together by hand.
async fn fitted_to_all_days(world: &World) -> DraftModel {
    let (first, last) = (day(0), day(DAYS - 1));
    let builds = world.counters.day_builds(first, last).await;
    let weight = |age: i32| Weight::of_age(age.unsigned_abs(), settings().half_life_days);
    let days: Vec<DayToRead> = (0..DAYS)
        .zip(builds.expect("they are in memory"))
        .map(|(number, build)| build.to_read(weight(DAYS - 1 - number), Part::Fit))
        .collect();
    let counts = world.counters.counts(PATCH, &days).await;
    let counts = counts.expect("they are in memory");
    let counts = counts.slice(&[Part::Fit], Skill::All, Mode::Default);
    let mut drafts = Drafts::try_new(counts.roster().clone()).expect("there is room");
    for of_day in &days {
        let mut see = |seen: DraftSeen| {
            let added = drafts.add(&seen.draft, seen.radiant_win, of_day.weight);
            added.expect("every hero is listed");
        };
        let during = first.start()..last.next().start();
        let rules = settings().rules;
        let reader: &dyn CounterReader = &*world.counters;
        let days = [of_day.day];
        let read = reader.drafts(&days, during, &rules, &mut see).await;
        read.expect("they are in memory");
    }
    let found = FromCounts::of(&counts, None).jointly(&mut drafts, &|| true);
    DraftModel::of(&found.expect("it is wanted"))
}

#[tokio::test(start_paused = true)]
async fn a_joint_fit_is_published_where_it_predicts_better() {
    let world = World::new();
    friends_play_together(&world, |_, favoured, _| favoured);
    let (run_from_counts, from_counts) = run(&world, settings()).await;
    assert_eq!(said(&run_from_counts), "");
    let (joint_run, joint) = run(&world, jointly()).await;
    let said = said(&joint_run);
    assert!(
        said.starts_with("jointly: 7.38 skill_all: log loss -0.0"),
        "{said}"
    );
    assert_eq!(said.matches(", published").count(), 2, "{said}");
    for skill in [Skill::All, Skill::High] {
        let (before, now) = (loss(&from_counts, skill), loss(&joint, skill));
        assert!(now < before - 200, "{skill:?}: {now} for {before}");
    }

    // What is published and what readers see is of all days, and games are as they were.
    let of = |result: &PatchResult| result.slices[&slice(Skill::All)].clone();
    let (before, now) = (of(&from_counts), of(&joint));
    assert_eq!(now.head.matches, before.head.matches);
    assert_ne!(now.head.model, before.head.model);
    let judged = now.judged.as_ref().expect("a day is held out");
    assert_ne!(
        judged.model, now.head.model,
        "that has not seen the last day"
    );
    for (now, before) in now.strengths.iter().zip(&before.strengths) {
        assert_eq!((now.games, now.wins), (before.games, before.wins));
    }
    let seen = world.key("draft_model:patch_7.38:skill_all").await;
    let side = format!("\"side\":{}", now.head.model.side.value);
    assert!(seen.expect("it is published").contains(&side), "{side}");

    assert_eq!(*now.head.model, fitted_to_all_days(&world).await);

    // The same drafts give the same values.
    let (_, again) = run(&world, jointly()).await;
    assert_eq!(again.slices, joint.slices);
}

#[tokio::test(start_paused = true)]
async fn where_it_is_not_better_what_counts_tell_is_published_as_ever() {
    let world = World::new();
    friends_play_together(&world, |_, _, coin| coin);
    let (_, from_counts) = run(&world, settings()).await;
    let (joint_run, joint) = run(&world, jointly()).await;
    let said = said(&joint_run);
    assert_eq!(said.matches("not published").count(), 2, "{said}");
    assert_eq!(joint.slices, from_counts.slices);
}

#[tokio::test(start_paused = true)]
async fn a_slice_with_few_matches_shows_what_is_published_of_all() {
    let world = World::new();
    friends_play_together(&world, |_, favoured, _| favoured);
    let settings = RunSettings {
        matches_min: 5_000,
        ..jointly()
    };
    let (run, result) = run(&world, settings).await;
    let said = said(&run);
    assert!(!said.contains("skill_high"), "{said}");
    let of = |skill| &result.slices[&slice(skill)];
    let (all, high) = (of(Skill::All), of(Skill::High));
    assert_eq!(high.head.from, ValuesFrom::AllSkills);
    assert_eq!(high.head.model, all.head.model);
    assert_eq!(high.strengths, all.strengths);
    assert!(high.head.matches < all.head.matches);
    let judged = |skill| of(skill).judged.as_ref().map(|judged| &judged.model);
    assert_eq!(judged(Skill::High), judged(Skill::All));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_held_out_nothing_wins() {
    let world = World::new();
    friends_play_together(&world, |_, favoured, _| favoured);
    let unjudged = RunSettings {
        holdout: 0,
        ..settings()
    };
    let (_, from_counts) = run(&world, unjudged.clone()).await;
    let settings = RunSettings {
        is_joint: true,
        ..unjudged
    };
    let (run, result) = run(&world, settings).await;
    let said = said(&run);
    assert!(said.starts_with("jointly: no slice has"), "{said}");
    assert_eq!(result.slices, from_counts.slices);
}

#[tokio::test(start_paused = true)]
async fn what_is_worse_than_what_is_published_is_held_all_the_same() {
    let world = World::new();
    friends_play_together(&world, |_, favoured, _| favoured);
    let (first, _) = run(&world, jointly()).await;
    // Somebody has spoilt the days that are fitted to.
    let last = DAYS - 1;
    friends_play_together(&world, |day, favoured, _| favoured == (day == last));
    let mut process = world.start(jointly());
    process.runner.remember().await;
    let second = process.run(by_hand()).await.run;
    assert_eq!(second.state, RunState::Held, "{:?}", second.failure);
    assert_eq!(world.published_run().await, Some(first.id));
}
