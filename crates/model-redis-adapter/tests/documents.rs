//! Results as documents, and back.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use contracts::models::{CountersDocument, MetaDocument, ModelDocument as _, SynergyDocument};
use domain::{AccountId, HeroId, Timestamp};
use health_kit::SystemClock;
use model_application::{
    Counts, HoldOut, HoldOutResult, Mode, PatchResult, Points, Roster, Skill, Slice, SliceFacts,
    SliceResult, Tally, ValuesFrom,
    accounts::{AccountResult, HeroResult},
    estimate,
    ports::{
        IndexedPatch, ModelPublisher as _, PatchIndex, Publication, PublishedResults as _,
        ResultDocuments, RunId,
    },
};
use model_redis_adapter::{ContractDocuments, RedisPublisher, RedisResults};
use proptest::{collection::vec, prelude::*};
use redis_kit::{KeySpace, MemoryKeySpace};
use serde_json::{Value, json};
use uuid::Uuid;

const HEROES: u16 = 7;

fn hero(id: u16) -> HeroId {
    HeroId::try_new(id).expect("ids begin at 1")
}

fn tally((games, share): (u64, f64)) -> Tally {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of the games"
    )]
    let wins = (games as f64 * share) as u64;
    Tally::of(games, wins)
}

/// Games of each hero, and of each pair against and with each other.
fn slice_of(games: &[(u64, f64)], from: ValuesFrom) -> SliceResult {
    let mut counts = Counts::new(Roster::new((1..=HEROES).map(hero)));
    let mut games = games.iter().copied().cycle().map(tally);
    let mut next = || games.next().expect("it begins again and again");
    for one in 1..=HEROES {
        counts.add_hero(hero(one), next()).expect("listed");
        for other in one + 1..=HEROES {
            counts
                .add_against(hero(one), hero(other), next())
                .expect("two");
            counts
                .add_with(hero(one), hero(other), next())
                .expect("two");
        }
    }
    let mut holdout = HoldOut::default();
    holdout.add(100, true);
    holdout.add(-70, true);
    let seconds = |seconds| Timestamp::from_unix_seconds(seconds);
    let facts = SliceFacts {
        from,
        matches: Tally::of(585_502, 300_000),
        window: (seconds(1_716_441_965), seconds(1_719_705_600)),
        excluded: BTreeMap::from([("mode".to_owned(), 81_234)]),
        holdout: HoldOutResult::of(&holdout, &holdout, &holdout),
    };
    SliceResult::of(&estimate(&counts), &counts, 9_000, facts)
}

fn result_of(number: u128, games: &[(u64, f64)]) -> PatchResult {
    let slice = |skill, mode| Slice { mode, skill };
    let slices = [
        (slice(Skill::High, Mode::Default), ValuesFrom::Own),
        (
            slice(Skill::All, Mode::Turbo),
            ValuesFrom::EarlierPatch("7.35".to_owned()),
        ),
        (slice(Skill::Low, Mode::Turbo), ValuesFrom::AllSkills),
    ];
    let slices = slices.map(|(slice, from)| (slice, slice_of(games, from)));
    PatchResult {
        run: RunId(Uuid::from_u128(number)),
        as_of: Timestamp::from_unix_seconds(1_719_728_220),
        patch: "7.36".to_owned(),
        counts_hash: None,
        excluded: BTreeMap::from([
            ("leaver".to_owned(), 33_120),
            ("too_short".to_owned(), 20_411),
        ]),
        slices: slices.into(),
    }
}

fn index_of(result: &PatchResult) -> PatchIndex {
    PatchIndex {
        as_of: result.as_of,
        patches: vec![IndexedPatch {
            patch: result.patch.clone(),
            run: result.run,
            as_of: result.as_of,
        }],
    }
}

fn whole(result: &PatchResult) -> Publication {
    let mut publication = ContractDocuments.outline(result, &index_of(result));
    for &slice in result.slices.keys() {
        publication.add(ContractDocuments.of_slice(result, slice));
    }
    publication
}

async fn publish(keys: &Arc<dyn KeySpace>, result: &PatchResult) -> Result<()> {
    let publisher = RedisPublisher::new(Arc::clone(keys), None);
    let publication = whole(result);
    publisher.stage(&publication).await?;
    publisher.switch(&publication, None).await?;
    Ok(publisher.verify(&publication).await?)
}

/// What readers find, less what they do not.
fn as_read(mut result: PatchResult) -> PatchResult {
    for values in result.slices.values_mut() {
        if let Some(holdout) = &mut values.head.holdout {
            holdout.calibration.clear();
        }
    }
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_published_is_read_back_whatever_was_counted(
        games in vec((prop_oneof![Just(0), 1..50_u64, Just(1_000_000_000)], 0.0..=1.0), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let keys: Arc<dyn KeySpace> = Arc::new(MemoryKeySpace::new(Arc::new(SystemClock)));
            let result = result_of(1, &games);
            publish(&keys, &result).await.expect("it publishes");
            let results = RedisResults::new(keys);
            let read = results.published("7.36").await.expect("it can be read");
            assert_eq!(read, Some(as_read(result.clone())));
            let index = results.index().await.expect("it can be read");
            assert_eq!(index, Some(index_of(&result)));
        });
    }

    #[test]
    fn documents_are_symmetric_and_the_same_each_time(
        games in vec((prop_oneof![Just(0), 1..50_u64, Just(1_000_000_000)], 0.0..=1.0), 1..40),
    ) {
        let result = result_of(1, &games);
        let publication = whole(&result);
        let again = whole(&result_of(1, &games));
        prop_assert_eq!(&publication, &again);
        let slice = Slice { mode: Mode::Default, skill: Skill::High };
        let counters = |id: u16| {
            let json = ContractDocuments.counters(&result, slice, hero(id)).expect("listed");
            CountersDocument::decode(&json).expect("its own document")
        };
        let synergies = |id: u16| {
            let json = ContractDocuments.synergies(&result, slice, hero(id)).expect("listed");
            SynergyDocument::decode(&json).expect("its own document")
        };
        for one in 1..=HEROES {
            for other in (1..=HEROES).filter(|other| *other != one) {
                let (here, there) = (counters(one).vs[&other], counters(other).vs[&one]);
                prop_assert_eq!(here.pp.0, -there.pp.0);
                prop_assert_eq!((here.lo.0, here.hi.0), (-there.hi.0, -there.lo.0));
                prop_assert_eq!(here.expected.0 + there.expected.0, 10_000);
                prop_assert_eq!(here.win_rate.0 + there.win_rate.0, 10_000);
                prop_assert_eq!(synergies(one).with[&other], synergies(other).with[&one]);
            }
        }
    }
}

#[tokio::test]
async fn a_patch_that_nobody_published_is_none() -> Result<()> {
    let results = RedisResults::new(Arc::new(MemoryKeySpace::new(Arc::new(SystemClock))));
    ensure!(results.index().await?.is_none());
    ensure!(results.published("7.36").await?.is_none());
    Ok(())
}

#[tokio::test]
async fn what_another_program_wrote_is_named() -> Result<()> {
    let keys: Arc<dyn KeySpace> = Arc::new(MemoryKeySpace::new(Arc::new(SystemClock)));
    publish(&keys, &result_of(1, &[(10, 0.5)])).await?;
    let key = "counters:patch_7.36:skill_high:hero_3".to_owned();
    for wrong in [r#"{"v":2}"#, "no json"] {
        let value = (key.clone(), wrong.into());
        keys.set_many(&[value], None).await?;
        let error = RedisResults::new(Arc::clone(&keys)).published("7.36").await;
        let error = error.err().context("it is no document")?.to_string();
        ensure!(error.contains(&key), "{error}");
    }
    Ok(())
}

#[test]
fn documents_are_those_of_the_contract() {
    let result = result_of(0x0192_f3a1, &[(4210, 0.519)]);
    let publication = whole(&result);
    let find = |key: &str| -> Value {
        let mut all = publication.documents.iter();
        let document = all.find(|document| document.key == key).expect(key);
        serde_json::from_slice(&document.json).expect("JSON")
    };
    let counters = find("counters:patch_7.36:skill_high:hero_1");
    assert_eq!(counters["as_of"], "2024-06-30T06:17:00Z");
    assert_eq!(counters["from"], "skill_high");
    assert_eq!(counters["level"], json!(0.9));
    assert_eq!(counters["vs"]["2"]["games"], 4210);
    assert_eq!(counters["vs"]["2"]["win_rate"], json!(51.88));
    assert_eq!(
        counters["vs"].as_object().map(serde_json::Map::len),
        Some(6)
    );
    let turbo = find("synergy:patch_7.36:skill_all:mode_turbo:hero_7");
    assert_eq!(turbo["from"], "patch_7.35:skill_all:mode_turbo");
    assert_eq!(
        find("draft_model:patch_7.36:skill_low:mode_turbo")["from"],
        "skill_all:mode_turbo"
    );
    assert_eq!(publication.overview.key, "meta:patch_7.36");
    let meta = MetaDocument::decode(&publication.overview.json).expect("its own document");
    let slices: Vec<_> = meta.slices.keys().map(String::as_str).collect();
    assert_eq!(
        slices,
        ["skill_all:mode_turbo", "skill_high", "skill_low:mode_turbo"]
    );
    assert_eq!(meta.excluded["leaver"], 33_120);
    let figures = ContractDocuments.figures(&[result.head()]);
    let figures: Value = serde_json::from_str(&figures).expect("JSON");
    assert_eq!(figures["7.36"]["slices"]["skill_high"]["matches"], 585_502);
    let bins = &figures["7.36"]["slices"]["skill_high"]["calibration"];
    assert_eq!(bins[0][0], 1);
}

#[test]
fn scores_of_an_account_are_those_of_the_contract() {
    let result = result_of(1, &[(10, 0.5)]);
    let score = HeroResult {
        points: Points {
            pp: 310,
            lo: 20,
            hi: 600,
        },
        hero: -112,
        account: 85,
        personal: 337,
        games: 64,
        wins: 38,
        expected_wins: 324,
    };
    let scores = AccountResult {
        account: AccountId::try_new(76_482_434).expect("it is one"),
        skill: Skill::Medium,
        level: 9_000,
        games: 812,
        prior_sd: (11, 18),
        heroes: BTreeMap::from([(hero(1), score)]),
    };
    let document = ContractDocuments.account(&scores, &result.head());
    assert_eq!(document.key, "pas:account_76482434");
    let expected = format!(
        r#"{{"v":1,"run":"{}","as_of":"2024-06-30T06:17:00Z","account":76482434,"skill":"medium","level":0.9,"games":812,"prior_sd":{{"account":0.11,"hero":0.18}},"heroes":{{"1":{{"pp":3.1,"lo":0.2,"hi":6,"parts":{{"hero":-1.12,"account":0.85,"personal":3.37}},"games":64,"wins":38,"expected_wins":32.4}}}}}}"#,
        result.run
    );
    assert_eq!(String::from_utf8_lossy(&document.json), expected);
}
