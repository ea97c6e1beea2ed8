//! What each answer of the upstream means.

use std::time::Duration;

use domain::{MatchId, Side, Timestamp};
use etl_application::ports::{DetailsError, MatchDetails as _};
use feed_simulator::upstream::{CallFault, Limits};
use secrecy::SecretString;

use crate::support::Scene;

#[tokio::test]
async fn details_are_those_of_the_world() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let details = scene.details();
    let (mut parsed, mut anonymous) = (0, 0);
    for id in scene.ids().take(40) {
        let told = details.fetch(id).await.expect("an answer");
        let found = scene.world.at(id);
        let summary = &told.answer.summary;
        assert_eq!(summary.whole().as_ref(), Some(&found.played));
        let mut lines = summary.players.clone();
        for line in &mut lines {
            assert_eq!(line.lane.is_some(), found.is_parsed);
            assert_eq!(line.position.is_some(), found.is_parsed);
            (line.lane, line.position) = (None, None);
        }
        assert_eq!(lines, scene.world.players(&found));
        assert_eq!(summary.match_seq_num, Some(found.match_seq_num()));
        assert_eq!(summary.cluster, Some(found.cluster));
        assert_eq!(
            (summary.league_id, summary.human_players),
            (Some(0), Some(10))
        );
        assert_eq!(summary.avg_rank_tier, None, "details have no average");
        assert_eq!(told.is_parsed, found.is_parsed);
        assert_eq!(&*told.answer.source, "opendota_details");
        let fetched =
            Timestamp::from_unix_ms(i64::try_from(told.answer.version >> 16).expect("a time"));
        assert!(fetched <= scene.upstream.now());
        parsed += u32::from(told.is_parsed);
        anonymous += summary
            .players
            .iter()
            .filter(|line| line.account_id.is_none())
            .count();
        assert!(
            summary
                .players
                .iter()
                .any(|line| line.slot.side() == Side::Dire)
        );
    }
    assert!(
        (2..20).contains(&parsed) && anonymous > 100,
        "{parsed} {anonymous}"
    );
    let budget = details.budget();
    assert_eq!((budget.minute.used, budget.minute.left), (40, Some(20)));
    assert_eq!((budget.day.used, budget.day.left), (40, Some(2_960)));
    assert_eq!(
        (budget.minute.reserve, budget.day.reserve),
        (Some(18), Some(900))
    );
    assert_eq!(scene.memory.all(), 50);
}

#[tokio::test]
async fn a_match_is_not_known_before_it_is_over() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let details = scene.details();
    let running = scene.world.first_id_at(scene.upstream.now());
    assert_eq!(
        details.fetch(running).await.err(),
        Some(DetailsError::NotFound)
    );
    scene
        .upstream
        .advance_to(scene.world.at(running).end_time());
    assert!(details.fetch(running).await.is_ok());
}

#[tokio::test]
async fn another_match_in_the_answer_is_wrong() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let details = scene.details();
    let id = scene.ids().next().expect("endless");
    scene.upstream.script([Some(CallFault::WrongId)]);
    let wrong = details.fetch(id).await.expect_err("of another match");
    let other = MatchId::try_new(id.get() + 1).expect("positive");
    let detail = format!("it is about match {other}, not about {id}");
    assert_eq!(wrong, DetailsError::Wrong { detail });
    // It was an answer, so the next call need not wait.
    assert!(details.fetch(id).await.is_ok());
}

#[tokio::test]
async fn an_outage_is_waited_for_with_growing_pauses() {
    let mut scene = Scene::start(Limits::WITH_KEY).await;
    scene.settings.call_time_max = Duration::from_millis(200);
    scene.settings.key = Some(SecretString::from("s3cret"));
    let details = scene.details();
    let id = scene.ids().next().expect("endless");
    let mut pauses = Vec::new();
    for (fault, expected) in [
        ("refuse:502", "answered 502"),
        ("refuse:404", "answered 404 with a page"),
        ("accept-then-close", "the connection failed"),
        ("slow:20s", "no whole answer within 200ms"),
    ] {
        scene
            .upstream
            .script([Some(fault.parse().expect("a fault"))]);
        let error = details.fetch(id).await.expect_err(fault);
        let DetailsError::Unavailable { detail, until } = error else {
            panic!("{fault}: {error:?}");
        };
        assert!(detail.starts_with(expected), "{detail}");
        assert!(!detail.contains("s3cret"), "{detail}");
        let calls = scene.upstream.calls().calls;
        assert_eq!(
            details.fetch(id).await.err(),
            Some(DetailsError::NoRoom { until })
        );
        assert_eq!(scene.upstream.calls().calls, calls, "nobody was called");
        pauses.push(until.as_unix_ms() - scene.upstream.now().as_unix_ms());
        scene.upstream.advance_to(until);
    }
    assert!(
        (0..=2_000).contains(&pauses[0]) && pauses[3] > 5_000,
        "{pauses:?}"
    );
    assert!(details.fetch(id).await.is_ok());
}

#[tokio::test]
async fn too_many_calls_by_the_upstreams_word_wait_for_the_next_minute() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let details = scene.details();
    let id = scene.ids().next().expect("endless");
    scene
        .upstream
        .script([Some("refuse:429".parse().expect("a fault"))]);
    let minute_ms = 60_000;
    let next = (scene.upstream.now().as_unix_ms() / minute_ms + 1) * minute_ms;
    let until = Timestamp::from_unix_ms(next + 5_000);
    assert_eq!(
        details.fetch(id).await.err(),
        Some(DetailsError::NoRoom { until })
    );
    scene.upstream.advance_to(until);
    assert!(details.fetch(id).await.is_ok());
}

#[tokio::test]
async fn who_is_refused_says_so_without_calling_again() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let details = scene.details();
    let id = scene.ids().next().expect("endless");
    scene
        .upstream
        .script([Some("refuse:403".parse().expect("a fault"))]);
    let refused = details.fetch(id).await.expect_err("refused");
    let DetailsError::Refused { until, .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(details.fetch(id).await.err(), Some(refused));
    assert_eq!(scene.upstream.calls().calls, 1);
    scene.upstream.advance_to(until);
    assert!(details.fetch(id).await.is_ok());
}

#[tokio::test]
async fn without_a_memory_nobody_is_called() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let details = scene.details();
    let id = scene.ids().next().expect("endless");
    scene.memory.go_away(true);
    let error = details
        .fetch(id)
        .await
        .expect_err("nothing can be set down");
    assert!(error.to_string().contains("cannot be set down"), "{error}");
    assert_eq!(scene.upstream.calls().calls, 0);
    scene.memory.go_away(false);
    assert!(details.fetch(id).await.is_ok());
}
