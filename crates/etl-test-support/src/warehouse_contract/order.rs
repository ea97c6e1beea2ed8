//! Whatever the order, the cuts and the repetitions: the same in the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{MatchId, MatchSummary, Team, Timestamp};
use etl_application::Answer;
use health_kit::Clock;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::{Target, build, build_all, dirty, load, see, store};
use crate::MemoryWarehouse;
use crate::answers::{DAY, NOON, bare, match_id, said_by, team, whole, with_players};

const SEEDS: u64 = 12;
const MATCHES: i64 = 15;
const ANSWERS: u64 = 60;
const SOURCES: [&str; 3] = ["opendota_pages", "steam_sequence", "opendota_details"];

pub(super) async fn any_order_and_repetition_gives_the_same<T: Target>(
    fresh: &impl AsyncFn() -> T,
) {
    for seed in 0..SEEDS {
        let mut random = StdRng::seed_from_u64(seed);
        let answers: Vec<_> = (0..ANSWERS).map(|n| any_answer(&mut random, n)).collect();
        let ids = || answers.iter().map(|answer| answer.summary.match_id);

        let reference = Arc::new(MemoryWarehouse::new(Arc::new(Epoch)));
        load(&reference, &answers).await;
        build_all(&reference).await;
        let expected = see(&reference, ids()).await;

        let target = fresh().await;
        load_in_disorder(&target, answers.clone(), &mut random).await;
        build_all(&target).await;
        let seen = see(&target, ids()).await;
        let because = format!("seed {seed}: the order changes nothing");
        seen.expect_same(&expected, &because);

        load(&target, &answers).await;
        build_all(&target).await;
        let again = see(&target, ids()).await;
        let because = format!("seed {seed}: repetition changes nothing");
        again.expect_same(&expected, &because);
    }
}

/// Cuts batches at random, repeats some, builds in between, and sometimes dies
/// after storing and before marking; then it repeats the batch, as a reader
/// does whose position was not committed.
async fn load_in_disorder(target: &dyn Target, answers: Vec<Answer>, random: &mut StdRng) {
    let mut left = answers;
    left.shuffle(random);
    let mut done: Vec<Answer> = Vec::new();
    while !left.is_empty() {
        let size = random.random_range(1..=left.len().min(20));
        let mut batch: Vec<_> = left.drain(..size).collect();
        let repeated = random.random_range(0..=3);
        batch.extend(done.sample(random, repeated).cloned());
        if random.random_bool(0.3) {
            store(target, &batch).await;
            build_dirty_once(target).await;
        }
        load(target, &batch).await;
        if random.random_bool(0.3) {
            build_dirty_once(target).await;
        }
        done.append(&mut batch);
    }
}

async fn build_dirty_once(target: &dyn Target) {
    for day in dirty(target).await {
        build(target, day).await;
    }
}

/// What one of the sources may say of one of the matches; no two have the same version.
fn any_answer(random: &mut StdRng, number: u64) -> Answer {
    let id = random.random_range(1..=MATCHES);
    // Sources rarely disagree about the start, and then by days.
    let moved = i64::from(random.random_bool(0.15));
    let started = NOON + (id % 3 + moved) * DAY + id;
    let mut summary = match random.random_range(0..4) {
        0 => bare(id, started),
        1 => with_players(bare(id, started)),
        2 => whole(id, started),
        _ => with_players(whole(id, started)),
    };
    summary.radiant_win = summary.radiant_win.map(|_| random.random_bool(0.5));
    summary.dire = summary.dire.map(|dire| any_dire(dire, random));
    any_details(&mut summary, random);
    let source = SOURCES.choose(random).expect("there are three");
    said_by(source, 1_742_800_000_000 + number, summary)
}

fn any_dire(dire: Team, random: &mut StdRng) -> Team {
    match random.random_range(0..8) {
        0 => team(&[112, 22, 13, 54]),
        1 => team(&[112, 22, 13, 54, 10]),
        2 => team(&[112, 22, 13, 54, 0]),
        3 => team(&[1, 2, 3, 4, 5]),
        _ => dire,
    }
}

fn any_details(summary: &mut MatchSummary, random: &mut StdRng) {
    if random.random_bool(0.5) {
        summary.avg_rank_tier = Some(random.random_range(0..100));
        summary.num_rank_tier = random.random_bool(0.5).then_some(7);
    }
    if random.random_bool(0.5) {
        summary.match_seq_num = Some(random.random_range(1..1_000_000));
        summary.cluster = Some(273);
    }
    if random.random_bool(0.1) && summary.lobby_type.is_some() {
        summary.lobby_type = Some(1);
    }
    if random.random_bool(0.2) && !summary.players.is_empty() {
        summary.players[3].leaver_status = Some(random.random_range(0..4));
    }
    if random.random_bool(0.1) && !summary.players.is_empty() {
        summary.players[5].kills = None;
    }
}

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(0)
    }
}

/// Stores and builds at the same time: a build that missed a row leaves its day dirty.
pub(super) async fn building_beside_storing_ends_exact(target: &dyn Target) {
    const ALL: i64 = 60;
    let storing = async {
        for id in 1..=ALL {
            load(target, &[said_by("steam_sequence", 1, whole(id, NOON))]).await;
        }
    };
    let building = async {
        for _ in 0..ALL / 2 {
            build_dirty_once(target).await;
        }
    };
    futures_util::future::join(storing, building).await;
    build_all(target).await;
    let ids: BTreeSet<MatchId> = (1..=ALL).map(match_id).collect();
    let seen = see(target, ids).await;
    let days: Vec<_> = seen.days.into_values().flatten().collect();
    let all = u64::try_from(ALL).expect("it is above zero");
    assert_eq!(days, [(all, all, [].into())], "no match is missed for good");
}
