//! What becomes of what a run has found.

use model_application::{
    Mode, Skill,
    ports::{RunLedger as _, RunState, StepName},
    runs::{Blame, PublishRefused, RunRefused, RunRequest},
};

use crate::world::{PATCH, World, by_hand, day, settings, slice};

fn steps(run: &model_application::ports::Run) -> String {
    let names = run.steps.iter().map(|step| step.name.as_str());
    names.collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_run_publishes_what_it_has_found() {
    let world = World::new();
    let mut process = world.start(settings());
    let outcome = process.run(by_hand()).await;
    let run = &outcome.run;
    assert_eq!(run.state, RunState::Published, "{:?}", run.failure);
    assert_eq!(
        steps(run),
        "lock read check estimate judge stage switch verify"
    );
    assert_eq!(world.published_run().await, Some(run.id));
    assert_eq!(world.ledger.run(run.id).await, Ok(Some(run.clone())));

    let [result] = &outcome.results[..] else {
        panic!("one patch has matches: {}", outcome.results.len())
    };
    assert_eq!(result.patch, PATCH);
    assert!(result.excluded.is_empty(), "{:?}", result.excluded);
    let all = &result.slices[&slice(Skill::All)];
    assert_eq!(all.head.matches, 1_500);
    assert_eq!(
        all.head.window.1,
        day(6).start(),
        "today has no matches yet"
    );
    let held_out = all.head.holdout.as_ref().expect("a day is held out");
    assert_eq!(held_out.matches, 250);
    assert!(held_out.log_loss < held_out.constant, "{held_out:?}");
    // Hero 23 is better than hero 1.
    let pp = |place: usize| all.strengths[place].points.pp;
    assert!(pp(22) > 500 && pp(0) < -500, "{} {}", pp(22), pp(0));
    let games: u64 = all.strengths.iter().map(|seen| seen.games).sum();
    assert_eq!(games, 10 * all.head.matches);

    let index = world.key("meta:patches").await.expect("it is published");
    assert!(index.contains(r#""current":"7.38""#), "{index}");
    let figures = run.figures.as_deref().expect("it has some");
    assert!(figures.contains("skill_high"), "{figures}");
    let seen = process.status.snapshot();
    assert_eq!(seen.counts.runs.len(), 1);
    assert!(seen.last_success.is_some() && seen.current.is_none());
    assert_eq!(seen.published[PATCH].result, result.head());
}

#[tokio::test(start_paused = true)]
async fn the_same_counts_only_renew_what_readers_see() {
    let world = World::new();
    let mut process = world.start(settings());
    let first = process.run(by_hand()).await.run;
    let before = world.key("counters:patch_7.38:skill_all:hero_1").await;
    let overview = world.key("meta:patch_7.38").await;
    tokio::time::advance(std::time::Duration::from_mins(1)).await;

    let second = process.run(by_hand()).await.run;
    assert_eq!(second.state, RunState::Unchanged, "{:?}", second.failure);
    assert_eq!(steps(&second), "lock read check switch");
    assert_eq!(world.published_run().await, Some(first.id));
    assert_eq!(
        world.key("counters:patch_7.38:skill_all:hero_1").await,
        before
    );
    assert_ne!(
        world.key("meta:patch_7.38").await,
        overview,
        "its age is renewed"
    );

    // A process that was started since knows it too, also without what is kept.
    let mut other = world.start(settings());
    other.runner.remember().await;
    assert_eq!(other.run(by_hand()).await.run.state, RunState::Unchanged);

    let forced = RunRequest {
        force: true,
        ..by_hand()
    };
    let third = process.run(forced).await.run;
    assert_eq!(third.state, RunState::Published);
    let after = world.key("counters:patch_7.38:skill_all:hero_1").await;
    let but_for = |text: Option<String>, run: &str| text.expect("it is there").replace(run, "");
    let strip = |text: String| text.split_once("\"patch\"").expect("a field").1.to_owned();
    assert_eq!(
        strip(but_for(before, &first.id.to_string())),
        strip(but_for(after, &third.id.to_string())),
        "the same counts give the same bytes"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_published_again() {
    let world = World::new();
    let mut process = world.start(settings());
    let first = process.run(by_hand()).await.run;
    let hero = "counters:patch_7.38:skill_all:hero_1".to_owned();
    world
        .keys
        .delete(std::slice::from_ref(&hero))
        .await
        .expect("in memory");
    let second = process.run(by_hand()).await.run;
    assert_eq!(second.state, RunState::Unchanged);
    assert_eq!(steps(&second), "lock read check switch stage switch verify");
    assert!(world.key(&hero).await.is_some());
    assert_eq!(world.published_run().await, Some(first.id));
}

#[tokio::test(start_paused = true)]
async fn what_is_worse_is_held_until_somebody_publishes_it() {
    let world = World::new();
    let mut process = world.start(settings());
    let first = process.run(by_hand()).await.run;
    // Somebody has spoilt the days that are fitted to.
    world.play(0..5, |_, won| !won);

    let second = process.run(by_hand()).await.run;
    assert_eq!(second.state, RunState::Held);
    let cause = second.failure.expect("it says why").cause;
    assert!(cause.contains("worse than what is published"), "{cause}");
    assert_eq!(world.published_run().await, Some(first.id));
    let health = health_kit::HealthReporter::checks(&*process.status);
    let last_run = health.iter().find(|check| check.name == "last_run");
    let last_run = last_run.expect("it is checked");
    assert_eq!(last_run.status, health_kit::HealthStatus::Degraded);
    assert!(
        last_run.reason.contains("runs publish"),
        "{}",
        last_run.reason
    );

    process
        .runs
        .publish(second.id, Some("me".to_owned()))
        .await
        .expect("it is kept");
    let published = process.carry_out().await;
    assert_eq!(
        (published.run.state, published.blame),
        (RunState::Published, Blame::Nobody)
    );
    assert_eq!(world.published_run().await, Some(second.id));

    // An earlier one may be published too.
    process
        .runs
        .publish(first.id, None)
        .await
        .expect("it is kept");
    process.carry_out().await;
    assert_eq!(world.published_run().await, Some(first.id));

    let unknown = model_application::ports::RunId::default();
    let refused = process.runs.publish(unknown, None).await;
    assert_eq!(refused, Err(PublishRefused::NoSuchRun(unknown)));
}

#[tokio::test(start_paused = true)]
async fn what_is_worse_is_published_by_force() {
    let world = World::new();
    let mut process = world.start(settings());
    process.run(by_hand()).await;
    world.play(0..5, |_, won| !won);
    let forced = RunRequest {
        force: true,
        ..by_hand()
    };
    let second = process.run(forced).await.run;
    assert_eq!(second.state, RunState::Published);
    assert_eq!(world.published_run().await, Some(second.id));
}

#[tokio::test(start_paused = true)]
async fn more_of_the_same_is_not_held() {
    let world = World::new();
    let mut process = world.start(settings());
    process.run(by_hand()).await;
    for number in 6..10 {
        world.play(number..number + 1, |_, won| won);
        tokio::time::advance(std::time::Duration::from_hours(24)).await;
        let run = process.run(by_hand()).await.run;
        assert_eq!(
            run.state,
            RunState::Published,
            "{number}: {:?}",
            run.failure
        );
        let judged = run.steps.iter().find(|step| step.name == StepName::Judge);
        let detail = &judged.expect("it was judged").detail;
        assert!(detail.contains("log loss"), "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_of_a_slice_publishes_the_whole_patch() {
    let world = World::new();
    let mut process = world.start(settings());
    let first = process.run(by_hand()).await;
    world.play(6..7, |_, won| won);
    tokio::time::advance(std::time::Duration::from_hours(24)).await;
    let part = RunRequest {
        skill: Some(Skill::High),
        ..by_hand()
    };
    let second = process.run(part).await;
    assert_eq!(
        second.run.state,
        RunState::Published,
        "{:?}",
        second.run.failure
    );
    let (before, after) = (&first.results[0].slices, &second.results[0].slices);
    let (all, high) = (slice(Skill::All), slice(Skill::High));
    assert_eq!(before[&all], after[&all]);
    assert!(after[&high].head.matches > before[&high].head.matches);
    let id = second.run.id.to_string();
    for key in [
        "counters:patch_7.38:skill_all:hero_1",
        "counters:patch_7.38:skill_high:hero_1",
    ] {
        let document = world.key(key).await.expect("it is published");
        assert!(document.contains(&id), "{document}");
    }
    // The other slice is of older counts: the next run is not unchanged.
    let third = process.run(by_hand()).await;
    assert_eq!(third.run.state, RunState::Published);
    assert_eq!(third.results[0].slices[&all].head.matches, 1_750);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_is_refused() {
    let world = World::new();
    let process = world.start(settings());
    let patch = RunRequest {
        patch: Some("9.99".to_owned()),
        ..by_hand()
    };
    let refused = process.runs.request(patch).await;
    let Err(RunRefused::UnknownPatch { known, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(known[0], "7.41");
    for request in [
        RunRequest {
            skill: Some(Skill::Low),
            ..by_hand()
        },
        RunRequest {
            mode: Some(Mode::Turbo),
            ..by_hand()
        },
    ] {
        let refused = process.runs.request(request).await;
        assert!(
            matches!(refused, Err(RunRefused::NoSuchSlice { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_publishes_nothing() {
    let world = World::new();
    let process = world.start(settings());
    let request = RunRequest {
        dry_run: true,
        ..by_hand()
    };
    let run = process.runs.description().queued(&request, day(6).start());
    let outcome = process.runner.rehearse(run, &request).await;
    assert_eq!(
        outcome.run.state,
        RunState::Published,
        "that is how it would end"
    );
    assert_eq!(outcome.results.len(), 1);
    assert_eq!(world.published_run().await, None);
    assert_eq!(world.ledger.runs(10, None).await, Ok(Vec::new()));
}
