//! Drafts, scored from the published integers.

use domain::{HeroId, Side};
use model_application::{Lineup, Question, suggest};
use model_http_api::SliceModels;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Api, problem, world::World};

const EVALUATE: &str = "/api/v1/draft/evaluate";
const SUGGEST: &str = "/api/v1/draft/suggest";

fn heroes<const N: usize>(ids: [u16; N]) -> [HeroId; N] {
    ids.map(|id| HeroId::try_new(id).expect("not zero"))
}

/// The slice as the library knows it.
fn high(world: &World) -> SliceModels {
    let name = "skill_high".parse().expect("it is one");
    SliceModels::of(name, world.draft_model(name)).expect("it is whole")
}

async fn answer(api: &Api, path: &str, question: &Value) -> Value {
    let answer = api.ask(path, question).await;
    assert_eq!(answer.status(), StatusCode::OK, "{question}");
    answer.json().await.expect("it is JSON")
}

#[tokio::test]
async fn a_draft_is_evaluated_with_every_term() {
    let world = World::first();
    let api = Api::start_with(&world).await;
    let question = json!({"patch": "7.36", "skill": "high", "radiant": [1, 14], "dire": [3]});
    let found = answer(&api, EVALUATE, &question).await;
    insta::assert_json_snapshot!("evaluation", found);
    // The terms sum up exactly, and to what the library says.
    let terms = found["terms"].as_array().expect("a list");
    let sum: i64 = terms.iter().filter_map(|term| term["value"].as_i64()).sum();
    assert_eq!(found["value"], sum);
    let model = high(&world).model;
    let lineup = Lineup::try_new(&model.roster, &heroes([14, 1]), &heroes([3]));
    let score = model.evaluate(&lineup.expect("they differ")).score;
    assert_eq!(score.value, sum);
    let probability = (score.probability() * 10_000.0).round() / 10_000.0;
    assert_eq!(found["probability"], probability);
    api.stop().await;
}

#[tokio::test]
async fn an_empty_draft_has_the_side_alone() {
    let api = Api::start_with(&World::first()).await;
    let found = answer(&api, EVALUATE, &json!({})).await;
    assert_eq!(
        (&found["skill"], &found["mode"]),
        (&json!("all"), &json!("default"))
    );
    assert_eq!(found["value"], 62);
    assert_eq!(found["terms"].as_array().map(Vec::len), Some(1));
    api.stop().await;
}

#[tokio::test]
async fn heroes_are_suggested_as_the_library_does() {
    let world = World::first();
    let api = Api::start_with(&world).await;
    let question = json!({
        "skill": "high", "radiant": [1, 2], "dire": [3], "side": "dire", "bans": [9, 9], "first": 3,
    });
    let found = answer(&api, SUGGEST, &question).await;
    insta::assert_json_snapshot!("suggestions", found);
    let slice = high(&world);
    let lineup = Lineup::try_new(&slice.model.roster, &heroes([1, 2]), &heroes([3]));
    let games: Vec<_> = (0..12)
        .map(|place| if place == 11 { 10 } else { 65_010 })
        .collect();
    let question = Question {
        lineup: &lineup.expect("they differ"),
        side: Side::Dire,
        bans: &heroes([9]),
        games: Some(&games),
        personal: None,
        level: 0.9,
    };
    let expected = suggest(&slice.model, &question, 3).expect("the ban is known");
    let items = found["items"].as_array().expect("a list");
    let same = items.iter().zip(&expected);
    for (item, expected) in same {
        assert_eq!(item["hero"], expected.hero.get());
        assert_eq!(item["p_best"], expected.p_best);
        let exposed = item["exposed_to"].as_array().expect("a list").iter();
        let exposed: Vec<_> = exposed.map(|it| it["hero"].as_u64()).collect();
        let named = expected.exposed_to.iter();
        let named: Vec<_> = named.map(|(hero, _)| Some(u64::from(hero.get()))).collect();
        assert_eq!(exposed, named);
        assert!(!exposed.contains(&Some(14)), "a rare hero is no risk");
    }
    assert_eq!(items.len(), 3);
    let five = answer(&api, SUGGEST, &json!({"side": "radiant"})).await;
    assert_eq!(five["items"].as_array().map(Vec::len), Some(5));
    api.stop().await;
}

#[tokio::test]
async fn what_an_account_can_do_counts_if_it_is_known() {
    let api = Api::start_with(&World::first()).await;
    let term = |found: &Value, hero: u16| {
        let items = found["items"].as_array().expect("a list").clone();
        let item = items.into_iter().find(|item| item["hero"] == hero);
        let terms = item.expect("it is among them")["terms"].take();
        let mut terms = terms.as_array().expect("a list").clone().into_iter();
        terms.find(|term| term["kind"] == "personal")
    };
    let mut question = json!({"side": "radiant", "first": 12, "account": 76_482_434});
    let found = answer(&api, SUGGEST, &question).await;
    assert_eq!(found["personal"], true);
    assert_eq!(term(&found, 7).expect("it is there")["value"], 169);
    assert_eq!(term(&found, 8).expect("it is there")["value"], 34);
    question["account"] = json!(1);
    let found = answer(&api, SUGGEST, &question).await;
    assert_eq!(found["personal"], false);
    assert_eq!(term(&found, 7), None);
    api.stop().await;
}

/// Asks, and is refused with a problem whose detail has these words.
async fn check(api: &Api, path: &str, question: Value, status: u16, kind: &str, said: &str) {
    let refused = problem(api.ask(path, &question).await, status, kind).await;
    let detail = refused["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(said), "{question}: {detail}");
}

#[tokio::test]
async fn heroes_that_are_of_no_draft_are_refused() {
    let api = Api::start_with(&World::first()).await;
    let twice = "hero 5 is named twice";
    for (path, question) in [
        (EVALUATE, json!({"radiant": [5, 5]})),
        (EVALUATE, json!({"radiant": [1, 5], "dire": [5]})),
        (
            SUGGEST,
            json!({"side": "radiant", "dire": [5], "bans": [5]}),
        ),
    ] {
        check(&api, path, question, 400, "hero-twice", twice).await;
    }
    for (path, question, said) in [
        (EVALUATE, json!({"dire": [0]}), "\"0\""),
        (EVALUATE, json!({"dire": [99]}), "\"99\""),
        (SUGGEST, json!({"side": "dire", "bans": [12]}), "\"12\""),
    ] {
        check(&api, path, question, 400, "unknown-hero", said).await;
    }
    api.stop().await;
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let api = Api::start_with(&World::first()).await;
    for (question, status, kind, said) in [
        (json!({"patch": "7.1"}), 404, "unknown-patch", "known: 7.36"),
        (json!({"skill": "7"}), 400, "unknown-skill", "all, low"),
        (json!({"skill": "low"}), 404, "no-data", "skill_low"),
    ] {
        check(&api, EVALUATE, question, status, kind, said).await;
    }
    for (path, question, said) in [
        (
            EVALUATE,
            json!({"radiant": [1, 2, 3, 4, 5, 6]}),
            "a side has 6 heroes, more than 5",
        ),
        (
            SUGGEST,
            json!({"side": "dire", "dire": [1, 2, 3, 4, 5]}),
            "this side has picked",
        ),
        (SUGGEST, json!({"side": "dire", "first": 21}), "1 to 20"),
        (SUGGEST, json!({"radiant": [1]}), "missing field `side`"),
        (EVALUATE, json!({"radient": [1]}), "unknown field `radient`"),
        (EVALUATE, json!({"radiant": [-1]}), "invalid value"),
    ] {
        check(&api, path, question, 400, "about:blank", said).await;
    }
    let large = json!({"patch": "x".repeat(9000)});
    check(
        &api,
        EVALUATE,
        large,
        413,
        "about:blank",
        "at most 8192 bytes",
    )
    .await;
    api.stop().await;
}
