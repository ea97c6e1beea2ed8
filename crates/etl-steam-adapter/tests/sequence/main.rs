//! Parts of the sequence as a backfill, in paused time, against the simulated
//! upstream: processes die at any await and go on, calls go wrong and are
//! limited, and two ranges share what there is.

mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{MatchId, Timestamp};
use etl_application::{
    backfill::{SequencePart, Span},
    ports::{BackfillOrigin as _, OriginError},
};
use etl_steam_adapter::walk_sequence;
use feed_simulator::steam::SteamLimits;
use tokio::time::{Instant, timeout};

use support::{BEGIN, Loaded, Scene};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(BEGIN + seconds)
}

/// What the upstream tells of a part.
fn expected(scene: &Scene, part: SequencePart) -> BTreeMap<MatchId, u32> {
    let exposed = scene.upstream.exposed().into_iter();
    let of_part = exposed.filter(|(number, id)| match part {
        SequencePart::Numbers { from, to } => (from..to).contains(number),
        SequencePart::Times(span) => {
            let ended = scene.world.at(*id).end_time();
            span.from <= ended && ended < span.to
        }
    });
    of_part.map(|(_, id)| (id, 1)).collect()
}

/// By number: what ended in five minutes of the first hour.
fn numbers(scene: &Scene) -> SequencePart {
    let of_time = |seconds: i64| at(seconds).unix_seconds().unsigned_abs() << 20;
    let part = SequencePart::of_numbers(of_time(1_800), of_time(2_100));
    let part = part.expect("some are between");
    assert!(expected(scene, part).len() > 500);
    part
}

#[tokio::test(start_paused = true)]
async fn a_part_is_loaded_once_by_processes_that_die_whatever_goes_wrong() {
    let scene = Scene::new(SteamLimits::REAL, &["refuse:429", "refuse:502", "slow:40s"]);
    for part in [
        numbers(&scene),
        SequencePart::Times(Span {
            from: at(1_800),
            to: at(2_000),
        }),
    ] {
        let mut loaded = Loaded::default();
        let mut deaths = 0;
        scene.upstream.script(["refuse:502".parse().ok()]);
        for nth in 0_u64.. {
            let life = Duration::from_millis(30_000 + nth * 7_919 % 90_000);
            let dies = timeout(life, scene.load(part, &mut loaded)).await.is_err();
            if !dies {
                break;
            }
            deaths += 1;
        }
        assert!(deaths > 2, "{deaths}");
        let found: BTreeMap<_, _> = loaded.ids.keys().map(|id| (*id, 1)).collect();
        assert_eq!(found, expected(&scene, part), "{part}");
        for (id, answer) in &loaded.ids {
            let summary = &answer.summary;
            let played = scene.world.at(*id).played;
            assert_eq!(summary.whole().as_ref(), Some(&played));
            assert_eq!(summary.players.len(), 10);
            assert_eq!(&*answer.source, "steam_sequence");
        }
        // Again, all of it: the same, fetched later.
        let mut again = Loaded::default();
        scene.load(part, &mut again).await;
        let same = |loaded: &Loaded| -> Vec<_> {
            let summaries = loaded.ids.values().map(|answer| answer.summary.clone());
            summaries.collect()
        };
        assert_eq!(same(&again), same(&loaded));
        assert!(again.is_done());
        assert!(loaded.waits.iter().any(|why| why.contains("answered 502")));
        let secret = loaded.waits.iter().any(|why| why.contains("s3cret"));
        assert!(!secret, "{:?}", loaded.waits);
    }
    let calls = scene.upstream.calls();
    assert_eq!(calls.forbidden, 0);
}

#[tokio::test(start_paused = true)]
async fn two_ranges_take_a_share_of_the_calls_together() {
    let scene = Scene::new(SteamLimits::REAL, &[]);
    let turns = scene.turns(50);
    let part = numbers(&scene);
    let (mut one, mut other) = (Loaded::default(), Loaded::default());
    let begun = Instant::now();
    tokio::join!(
        scene.load_through(&turns, part, &mut one),
        scene.load_through(&turns, part, &mut other),
    );
    assert_eq!(one.ids.len(), expected(&scene, part).len());
    assert_eq!(other.ids.len(), one.ids.len());
    let answered = u32::try_from(scene.upstream.calls().answered).expect("few");
    // Two keys bear a call each eight seconds; the first calls are free.
    let fair = Duration::from_secs(8) * (answered - 4) / 2 * 2;
    assert!(
        begun.elapsed() > fair / 2,
        "{:?} for {answered}",
        begun.elapsed()
    );
    let whole = Scene::new(SteamLimits::REAL, &[]);
    let mut alone = Loaded::default();
    let begun = Instant::now();
    whole
        .load_through(&whole.turns(100), part, &mut alone)
        .await;
    let calls = u32::try_from(whole.upstream.calls().answered).expect("few");
    let each = begun.elapsed() / calls;
    assert!(
        each < Duration::from_secs(6),
        "{each:?} a call with all of them"
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_sequence_is_the_end_of_a_range() {
    let scene = Scene::new(SteamLimits::NONE, &["empty"]);
    let newest = scene.upstream.exposed().last().expect("there are some").0;
    let part = SequencePart::of_numbers(newest - (300 << 20), newest + (1 << 40));
    let part = part.expect("some are between");
    let mut loaded = Loaded::default();
    scene.load(part, &mut loaded).await;
    assert_eq!(
        loaded.ids.len(),
        expected(&scene, part).len(),
        "none is left out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_position_of_something_else_is_no_position() {
    let scene = Scene::new(SteamLimits::NONE, &[]);
    let turns = scene.turns(100);
    for (at, goes_on) in [
        ("", true),
        ("next=7", true),
        ("below=7", false),
        ("next=", false),
    ] {
        let range = walk_sequence(Arc::clone(&turns), numbers(&scene), at);
        assert_eq!(range.goes_on(), goes_on, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_told_and_not_shown() {
    let scene = Scene::new(SteamLimits::NONE, &[]);
    scene.upstream.fail("refuse:403".parse().expect("a fault"));
    let mut range = walk_sequence(scene.turns(100), numbers(&scene), "");
    let refused = range.next().await.expect_err("nobody may call");
    let OriginError::Unavailable { detail } = refused else {
        panic!("{refused}");
    };
    assert!(
        detail.contains("see STEAM_API_KEYS") && !detail.contains("s3cret"),
        "{detail}"
    );
}
