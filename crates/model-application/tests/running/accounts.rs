//! Scores of accounts, against what runs publish.

use std::{sync::Arc, time::Duration};

use domain::{AccountId, CountingRules};
use health_kit::{HealthReporter as _, HealthStatus};
use model_application::{
    Skill,
    accounts::{AccountChoice, AccountRound, AccountScoring, AccountSettings, AccountsOnDemand},
    ports::{AccountScores as _, RunState, RunStep},
    runs::RunsStatus,
};
use model_redis_adapter::{ContractDocuments, RedisAccounts, RedisResults};
use model_test_support::PlayedMatch;
use serde_json::Value;

use crate::world::{PATCH, Process, World, by_hand, day, settings};

const WINNER: u32 = 20;
const LOSER: u32 = 1;
const EXPIRY: Duration = Duration::from_hours(24 * 30);

fn scoring(world: &World) -> AccountScoring {
    let settings = AccountSettings {
        history: Duration::from_hours(24 * 365),
        half_life_days: 180,
        level: 9_000,
        rules: CountingRules::default(),
    };
    AccountScoring::new(world.counters.clone(), settings)
}

/// Whoever scores accounts in a process.
pub(crate) fn round(world: &World) -> AccountRound {
    AccountRound {
        scoring: scoring(world),
        choice: world.scored,
        store: Arc::new(RedisAccounts::new(Arc::clone(&world.keys), Some(EXPIRY))),
        documents: Arc::new(ContractDocuments),
    }
}

fn on_demand(world: &World, status: &Arc<RunsStatus>) -> AccountsOnDemand {
    AccountsOnDemand {
        scoring: scoring(world),
        status: Arc::clone(status),
        published: Arc::new(RedisResults::new(Arc::clone(&world.keys))),
        store: Arc::new(RedisAccounts::new(Arc::clone(&world.keys), Some(EXPIRY))),
        documents: Arc::new(ContractDocuments),
    }
}

/// A world in which accounts 1 to 20 have played twenty games with heroes 11 and 12:
/// the higher, the more of them they have won.
fn world(scored: AccountChoice) -> World {
    let world = World {
        scored,
        ..World::new()
    };
    let games = (0..400).map(|number: i64| {
        let mut played = PlayedMatch::on(day(3), 390_000 + number);
        let (account, round) = (1 + number / 20, number % 20);
        played.accounts[0] = u32::try_from(account).ok();
        // The same ten heroes again and again would make a model too sure of itself.
        let stride = [3, 7, 9, 11, 13, 17][usize::try_from(account % 6).expect("few")];
        for (place, hero) in (1_u16..).zip(&mut played.heroes[1..]) {
            let number = u16::try_from(3 * number).expect("few");
            let other = 1 + (number + place * stride) % 20;
            // Without 11 and 12.
            *hero = if other > 10 { other + 2 } else { other };
        }
        played.heroes[0] = if round % 2 == 0 { 12 } else { 11 };
        played.radiant_win = round < account;
        played.rank_tier = Some(72);
        played
    });
    world.counters.store(games);
    world.play(3..4, |_, won| won);
    world
}

fn track(world: &World, accounts: &[u32]) {
    let members = accounts.iter().map(|id| id.to_string().into());
    let added = world.memory.add_members("pas:accounts", members);
    added.expect("it is a set");
}

async fn scores(world: &World, account: u32) -> Option<Value> {
    let json = world.key(&format!("pas:account_{account}")).await?;
    Some(serde_json::from_str(&json).expect("JSON"))
}

/// The last step of a run, which is that of accounts.
fn last(steps: &[RunStep]) -> (&str, &str) {
    let last = steps.last().expect("there are steps");
    (last.name.as_str(), &last.detail)
}

fn last_run(process: &Process) -> (HealthStatus, String) {
    let checks = process.status.checks();
    let check = checks.into_iter().find(|check| check.name == "last_run");
    let check = check.expect("it is checked");
    (check.status, check.reason)
}

#[tokio::test(start_paused = true)]
async fn those_that_are_tracked_are_scored_when_the_patch_is_published() {
    let world = world(AccountChoice::Tracked);
    let tracked: Vec<_> = (1..=20).chain([999]).collect();
    track(&world, &tracked);
    let mut process = world.start(settings());
    let run = process.run(by_hand()).await.run;
    assert_eq!(run.state, RunState::Published, "{:?}", run.failure);
    let expected = "7.38: 20 of 21 accounts are scored, by 400 games";
    assert_eq!(last(&run.steps), ("stage", expected));
    assert_eq!(run.steps.last().map(|step| step.rows), Some(20));
    assert_eq!(last_run(&process).0, HealthStatus::Healthy);

    let won = scores(&world, WINNER).await.expect("it is scored");
    let lost = scores(&world, LOSER).await.expect("it is scored");
    assert_eq!(won["run"], run.id.to_string());
    assert_eq!((&won["skill"], &won["games"]), (&"high".into(), &20.into()));
    assert_eq!(won["prior_sd"]["account"], 0.11, "so few tell of no spread");
    let (won, lost) = (&won["heroes"]["11"], &lost["heroes"]["11"]);
    assert_eq!((&won["wins"], &lost["wins"]), (&10.into(), &0.into()));
    let number = |value: &Value| value.as_f64().expect("a number");
    let own = |hero: &Value| number(&hero["parts"]["account"]) + number(&hero["parts"]["personal"]);
    assert!(own(won) > 1.0 && own(lost) < -1.0, "{won} {lost}");
    assert_eq!(scores(&world, 999).await, None, "it has no games");
    let left = world.keys.time_to_live("pas:account_5").await;
    assert_eq!(left, Ok(redis_kit::TimeToLive::Left(EXPIRY)));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_later_gets_the_same_bytes() {
    let world = world(AccountChoice::Active(20));
    let mut process = world.start(settings());
    process.run(by_hand()).await;
    let account = AccountId::try_new(WINNER).expect("it is one");
    let stored = world.key("pas:account_20").await;
    assert!(stored.is_some());
    let asked = async |status| {
        let scores = on_demand(&world, status);
        let scores = scores.scores(account, PATCH, Skill::High).await;
        let scores = scores.expect("the warehouse answers");
        scores.map(|json| String::from_utf8(json.to_vec()).expect("JSON"))
    };
    assert_eq!(asked(&process.status).await, stored);
    let started_since = world.start(settings());
    assert_eq!(
        asked(&started_since.status).await,
        stored,
        "from what readers see"
    );
    started_since.runner.remember().await;
    assert_eq!(asked(&started_since.status).await, stored);
    let nobody = AccountId::try_new(999).expect("it is one");
    let scores = on_demand(&world, &process.status);
    assert_eq!(scores.scores(nobody, PATCH, Skill::High).await, Ok(None));
    let gone = scores.scores(account, "7.01", Skill::High).await;
    assert!(gone.is_err_and(|error| error.0.contains("7.01")));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_score_accounts_has_published_all_the_same() {
    let world = world(AccountChoice::Tracked);
    let odd = ("pas:accounts".to_owned(), "no set".into());
    world.keys.set_many(&[odd], None).await.expect("in memory");
    let mut process = world.start(settings());
    let run = process.run(by_hand()).await.run;
    assert_eq!((run.state, &run.failure), (RunState::Published, &None));
    assert_eq!(world.published_run().await, Some(run.id));
    let (step, cause) = last(&run.steps);
    assert!(
        step == "stage" && cause.contains("another kind of value"),
        "{cause}"
    );
    let (status, reason) = last_run(&process);
    assert_eq!(status, HealthStatus::Degraded);
    assert!(
        reason.contains("is published, but") && reason.contains(cause),
        "{reason}"
    );

    // The next run makes up for it, although nothing else has changed.
    let keys = ["pas:accounts".to_owned()];
    world.keys.delete(&keys).await.expect("in memory");
    track(&world, &[WINNER]);
    let next = process.run(by_hand()).await.run;
    assert_eq!(next.state, RunState::Unchanged);
    assert_eq!(last_run(&process).0, HealthStatus::Healthy);
    let won = scores(&world, WINNER).await.expect("it is scored");
    assert_eq!(
        won["run"],
        run.id.to_string(),
        "the one whose strengths they are of"
    );
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_is_published_again_has_its_accounts_scored_again() {
    let world = world(AccountChoice::Tracked);
    track(&world, &[WINNER]);
    let mut process = world.start(settings());
    let first = process.run(by_hand()).await.run;
    world.play(6..7, |_, won| won);
    tokio::time::advance(Duration::from_hours(24)).await;
    let second = process.run(by_hand()).await.run;
    let run = async || scores(&world, WINNER).await.expect("it is scored")["run"].clone();
    assert_eq!(run().await, second.id.to_string());
    process
        .runs
        .publish(first.id, None)
        .await
        .expect("it is kept");
    process.carry_out().await;
    assert_eq!(run().await, first.id.to_string());
}
