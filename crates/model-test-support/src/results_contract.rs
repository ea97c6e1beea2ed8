//! What a store of results promises: one suite for the one in memory and the real one.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Result, ensure};
use domain::{HeroId, Timestamp};
use model_application::{
    Counts, DraftModel, HoldOut, HoldOutResult, Judged, Mode, PatchResult, Roster, Skill, Slice,
    SliceFacts, SliceResult, Tally, ValuesFrom, estimate,
    ports::{ResultStore, RunId},
};
use uuid::Uuid;

/// A result with something in every field, that of a run of this number.
#[must_use]
pub fn result_of(number: u128, patch: &str) -> PatchResult {
    let hero = |id| HeroId::try_new(id).expect("ids begin at 1");
    let mut counts = Counts::new(Roster::new([1, 7, 155].map(hero)));
    let games = Tally::of(1_000, 520);
    counts.add_hero(hero(7), games).expect("listed");
    counts.add_against(hero(7), hero(1), games).expect("two");
    counts.add_with(hero(7), hero(155), games).expect("two");
    let found = estimate(&counts);
    let mut holdout = HoldOut::default();
    holdout.add(100, true);
    holdout.add(-300, true);
    let slice = |skill, mode, from| {
        let at = |seconds| Timestamp::from_unix_seconds(seconds);
        let facts = SliceFacts {
            from,
            matches: games,
            window: (at(1_742_000_000), at(1_743_000_000)),
            excluded: BTreeMap::from([("mode".to_owned(), 3)]),
            holdout: HoldOutResult::of(&holdout, &holdout, &holdout),
        };
        let mut values = SliceResult::of(&found, &counts, 9_000, facts);
        values.judged = Some(Judged {
            model: Arc::new(DraftModel::of(&found)),
            unseen_since: at(1_742_900_000),
        });
        (Slice { mode, skill }, values)
    };
    let earlier = ValuesFrom::EarlierPatch("7.37".to_owned());
    PatchResult {
        run: RunId(Uuid::from_u128(number)),
        as_of: Timestamp::from_unix_seconds(1_743_000_123),
        patch: patch.to_owned(),
        counts_hash: Some("00ff".to_owned()),
        excluded: BTreeMap::from([("leaver".to_owned(), 12)]),
        slices: BTreeMap::from([
            slice(Skill::All, Mode::Default, ValuesFrom::Own),
            slice(Skill::High, Mode::Default, ValuesFrom::AllSkills),
            slice(Skill::All, Mode::Turbo, earlier),
        ]),
    }
}

/// Holds a store to its promises; `open` makes an empty one.
///
/// # Errors
/// Which promise it breaks.
pub async fn check(open: impl AsyncFn() -> Result<Arc<dyn ResultStore>>) -> Result<()> {
    let store = open().await?;
    ensure!(store.kept().await?.is_empty());
    let [first, second, third] = [1, 2, 3].map(|number| result_of(number, "7.38"));
    let other = result_of(1, "7.37");
    for result in [&first, &other, &second] {
        store.keep(result, None).await?;
    }
    let of_first = store.results_of(first.run).await?;
    ensure!(
        of_first == [other.clone(), first.clone()],
        "what is kept is what was given"
    );
    store.keep(&third, None).await?;
    let of_first = store.results_of(first.run).await?;
    ensure!(of_first == [other], "two of each patch are kept");
    let kept = store.kept().await?;
    let expected = [
        (third.run, "7.38".to_owned()),
        (second.run, "7.38".to_owned()),
        (first.run, "7.37".to_owned()),
    ];
    ensure!(kept == expected, "the newest first: {kept:?}");

    for number in [4, 5] {
        let held = result_of(number, "7.38");
        store.keep(&held, Some(third.run)).await?;
    }
    let of_third = store.results_of(third.run).await?;
    ensure!(of_third == [third.clone()], "what readers see is kept");
    let of_second = store.results_of(second.run).await?;
    ensure!(of_second.is_empty(), "nobody sees it any more");

    let mut again = third.clone();
    again.counts_hash = None;
    store.keep(&again, Some(third.run)).await?;
    ensure!(
        store.results_of(third.run).await? == [again],
        "the later one is kept"
    );
    ensure!(store.results_of(RunId::default()).await?.is_empty());
    Ok(())
}
