//! What a collector gets to know, in paused time.

use std::sync::Mutex;

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::Timestamp;
use model_application::ports::{Failure, StepName, Trigger};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::event::Dataset;

/// Answers what it is told to, and then 201.
#[derive(Default)]
struct Fake {
    taken: Mutex<Vec<Value>>,
    answers: Mutex<Vec<Result<HttpAnswer, CallFailed>>>,
}

#[async_trait]
impl Collector for Fake {
    async fn take(&self, event: Bytes) -> Result<HttpAnswer, CallFailed> {
        let answer = self.answers.lock().expect("whole").pop();
        let answer = answer.unwrap_or_else(|| Ok(HttpAnswer::new(201, &[], "")));
        let event = serde_json::from_slice(&event).expect("it is JSON");
        self.taken.lock().expect("whole").push(event);
        answer
    }
}

struct World {
    fake: Arc<Fake>,
    events: RunEvents,
    lineage: Lineage,
}

impl World {
    /// The last answer comes first.
    fn new(answers: Vec<Result<HttpAnswer, CallFailed>>) -> Self {
        let fake = Arc::new(Fake {
            answers: Mutex::new(answers),
            ..Fake::default()
        });
        let events = RunEvents::new();
        let description = Description {
            namespace: "dota".to_owned(),
            version: "1.2.3".to_owned(),
            inputs: vec![Dataset {
                namespace: "clickhouse://host:8123".to_owned(),
                name: "dota.hero_days".to_owned(),
            }],
            output_namespace: "redis://cache:6379".to_owned(),
        };
        Self {
            lineage: Lineage::new(Arc::clone(&fake) as _, description, &events),
            fake,
            events,
        }
    }

    fn tell(&self, run: u128, kind: RunEventKind) {
        self.events.tell(RunEvent {
            run: RunId(Uuid::from_u128(run)),
            at: Timestamp::from_unix_ms(1_719_728_220_500),
            kind,
        });
    }

    fn queue(&self, run: u128) {
        let (trigger, by) = (Trigger::Schedule, None);
        self.tell(run, RunEventKind::Queued { trigger, by });
    }

    fn end(&self, run: u128, state: RunState) {
        let failure = None;
        self.tell(run, RunEventKind::Ended { state, failure });
    }

    /// All that is told of what has happened so far.
    async fn told(self) -> Vec<Value> {
        let end = CancellationToken::new();
        end.cancel();
        self.lineage.run(end).await;
        self.fake.taken.lock().expect("whole").clone()
    }
}

fn types(told: &[Value]) -> Vec<&str> {
    told.iter()
        .filter_map(|event| event["eventType"].as_str())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_told_from_its_start_to_what_it_has_published() {
    let world = World::new(Vec::new());
    world.queue(1);
    let (step, attempt) = (StepName::Read, 1);
    world.tell(1, RunEventKind::StepBegan { step, attempt });
    let patch = "7.41".to_owned();
    world.tell(1, RunEventKind::Switched { patch });
    world.end(1, RunState::Published);
    let told = world.told().await;
    let inputs = json!([{"namespace": "clickhouse://host:8123", "name": "dota.hero_days"}]);
    let start = json!({
        "eventType": "START",
        "eventTime": "2024-06-30T06:17:00.500Z",
        "run": {"runId": "00000000-0000-0000-0000-000000000001", "facets": {}},
        "job": {"namespace": "dota", "name": "models"},
        "inputs": inputs,
        "outputs": [],
        "producer": "urn:model-service:1.2.3",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    });
    assert_eq!(told[0], start);
    assert_eq!(types(&told), ["START", "COMPLETE"]);
    assert_eq!(told[1]["run"], start["run"]);
    let output = |name: &str| json!({"namespace": "redis://cache:6379", "name": name});
    let outputs = ["counters", "synergy", "draft_model"];
    let outputs = outputs.map(|name| output(&format!("{name}:patch_7.41")));
    assert_eq!(told[1]["outputs"], json!(outputs));
}

#[tokio::test(start_paused = true)]
async fn every_end_has_its_word() {
    let world = World::new(Vec::new());
    let ends = [
        (RunState::Unchanged, "COMPLETE"),
        (RunState::Held, "ABORT"),
        (RunState::Cancelled, "ABORT"),
        (RunState::Interrupted, "ABORT"),
    ];
    for (run, (state, _)) in (1..).zip(ends) {
        world.queue(run);
        world.end(run, state);
    }
    world.queue(9);
    let failure = Some(Failure {
        step: StepName::Check,
        cause: "7 heroes".to_owned(),
    });
    let state = RunState::Failed;
    world.tell(9, RunEventKind::Ended { state, failure });
    let told = world.told().await;
    let expected = ends.iter().flat_map(|(_, word)| ["START", word]);
    let expected: Vec<_> = expected.chain(["START", "FAIL"]).collect();
    assert_eq!(types(&told), expected);
    let error = json!({
        "_producer": "urn:model-service:1.2.3",
        "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/ErrorMessageRunFacet.json",
        "message": "check: 7 heroes",
        "programmingLanguage": "Rust",
    });
    assert_eq!(told[9]["run"]["facets"]["errorMessage"], error);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_begun_here_is_told_if_it_is_published() {
    let world = World::new(Vec::new());
    world.end(1, RunState::Unchanged);
    world.end(2, RunState::Failed);
    world.end(3, RunState::Published);
    let told = world.told().await;
    assert_eq!(types(&told), ["COMPLETE"]);
    assert_eq!(told[0]["run"]["runId"], Uuid::from_u128(3).to_string());
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_away_is_asked_again_and_then_no_more() {
    let away = || Err(CallFailed::Connection("refused".to_owned()));
    let busy = || Ok(HttpAnswer::new(503, &[], ""));
    // The first event is given up after three attempts, the second gets through at its third.
    let world = World::new(vec![away(), busy(), away(), busy(), away()]);
    world.queue(1);
    world.end(1, RunState::Published);
    world.queue(2);
    let World {
        fake,
        events,
        lineage,
    } = world;
    let begun = Instant::now();
    let telling = tokio::spawn(lineage.run(CancellationToken::new()));
    drop(events);
    telling.await.expect("it ends with the runs");
    let taken = fake.taken.lock().expect("whole").clone();
    let words = [
        "START", "START", "START", "COMPLETE", "COMPLETE", "COMPLETE", "START",
    ];
    assert_eq!(types(&taken), words);
    assert!(begun.elapsed() >= 4 * PAUSE_MIN, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_a_collector_refuses_is_not_offered_again() {
    let world = World::new(vec![Ok(HttpAnswer::new(422, &[], ""))]);
    world.queue(1);
    world.end(1, RunState::Published);
    assert_eq!(types(&world.told().await), ["START", "COMPLETE"]);
}

/// Never answers.
struct Silent;

#[async_trait]
impl Collector for Silent {
    async fn take(&self, _: Bytes) -> Result<HttpAnswer, CallFailed> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_collector_delays_neither_runs_nor_the_end() {
    let mut world = World::new(Vec::new());
    world.lineage.collector = Arc::new(Silent);
    let end = CancellationToken::new();
    let telling = tokio::spawn(world.lineage.run(end.clone()));
    let begun = Instant::now();
    for run in 0..1000 {
        let at = Timestamp::from_unix_ms(0);
        let run = RunId(Uuid::from_u128(run));
        let state = RunState::Published;
        let kind = RunEventKind::Ended {
            state,
            failure: None,
        };
        world.events.tell(RunEvent { run, at, kind });
        tokio::task::yield_now().await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    end.cancel();
    telling.await.expect("it ends");
    assert_eq!(begun.elapsed(), LAST_WORDS_TIME_MAX);
}
