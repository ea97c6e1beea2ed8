//! The whole way with real parts: the matches of a simulated week, from the pages of an
//! upstream through both other services, a real Kafka, a real ClickHouse and this one
//! into a real Redis, and what is read there beside what the world is made of.
//!
//! Each game of each pair is compared with the world's. Of what is estimated the noise of
//! the games decides how near it can be to the truth, so bounds follow from their number;
//! see [`judged`]. `WAY_MATCHES` makes another week than that of each run of the tests.

mod judged;
mod parts;
mod truth;

use std::{env, num::NonZeroU32};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::time::Instant;

use self::{
    judged::{Judged, Kind},
    parts::Way,
    truth::{SliceTruth, Truth},
};

/// What each run of the tests has of a week: so many that pairs say something, and
/// every service is done within seconds.
const MATCHES_DEFAULT: NonZeroU32 = NonZeroU32::new(8_000).expect("there are some");
/// From so many on the week is that of a world as even as the real game is. With fewer
/// matches little could be told of its pairs: theirs are worth more.
const LIFELIKE_FROM: u32 = 100_000;
/// So few that each plays often.
const ACCOUNTS: NonZeroU32 = NonZeroU32::new(400).expect("there are some");
/// Of these the scores are looked at.
const TRACKED: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_what_the_matches_of_the_world_say() -> Result<()> {
    let begun = Instant::now();
    let matches = env::var("WAY_MATCHES").ok();
    let matches = matches.map_or(Ok(MATCHES_DEFAULT), |text| text.parse());
    let matches = matches.context("WAY_MATCHES is a number of matches")?;
    let mut way = Way::begin(matches, matches.get() >= LIFELIKE_FROM).await?;
    way.load().await?;
    println!(
        "{matches} matches are counted after {:.0?}",
        begun.elapsed()
    );
    let truth = Truth::of(&way.world, matches);
    let tracked = truth.most_active(TRACKED);
    way.track(tracked.iter().map(|account| account.id)).await?;

    let doctor = way.model(&["doctor"]).await?;
    ensure!(doctor.exit_code == Some(0), "{doctor:?}");
    let run = way.model(&["run-once"]).await?;
    println!("published after {:.0?}:\n{}", begun.elapsed(), run.stdout);
    ensure!(run.exit_code == Some(0), "{run:?}");
    let scored = format!("{TRACKED} of {TRACKED} accounts are scored");
    ensure!(run.stdout.contains(&scored), "{run:?}");

    let meta = way.document(&format!("meta:patch_{}", way.patch)).await?;
    let excluded = &meta["excluded"];
    ensure!(*excluded == truth.left_out(), "{excluded} of {meta}");
    for name in ["all", "low", "medium", "high"] {
        slice_is_of_the_world(&way, &truth, &meta, name).await?;
    }
    accounts_are_of_the_world(&way, &tracked, &meta).await?;
    explained(&way, &truth).await
}

/// Every game is there, and of what it says the truth is where it is said to be.
async fn slice_is_of_the_world(way: &Way, truth: &Truth, meta: &Value, name: &str) -> Result<()> {
    let slice = truth.slice(name);
    let figures = &meta["slices"][format!("skill_{name}")];
    ensure!(figures["matches"] == slice.matches, "{name}: {figures}");
    ensure!(
        figures["from"] == format!("skill_{name}"),
        "{name}: {figures}"
    );
    let held_out = &figures["holdout"]["matches"];
    ensure!(
        *held_out == slice.held_out,
        "{name}: {held_out} of {}",
        slice.held_out
    );
    let mut strengths = Vec::new();
    for kind in [Kind::Against, Kind::With] {
        let mut judged = Judged::new(kind, &way.world, slice);
        for hero in slice.heroes() {
            let key = format!(
                "{}:patch_{}:skill_{name}:hero_{hero}",
                kind.key(),
                way.patch
            );
            let document = way.document(&key).await?;
            judged.add(hero, &document)?;
            if kind == Kind::Against {
                strengths.push((hero, document["strength"].clone()));
            }
        }
        // The others' say the same by fewer games.
        if name == "all" {
            println!("{judged}");
            judged.holds(way.is_lifelike)?;
        }
    }
    strengths_are_of_the_world(way, slice, &strengths)
}

/// Games and wins of each hero, and whether the truth is where it is said to be.
fn strengths_are_of_the_world(way: &Way, slice: &SliceTruth, found: &[(u16, Value)]) -> Result<()> {
    let truth = judged::strengths(&way.world, slice);
    let mut held = 0;
    for (hero, found) in found {
        let [games, wins] = slice.games_of(*hero);
        ensure!(
            found["games"] == games && found["wins"] == wins,
            "{hero}: {found}"
        );
        let between = |name: &str| found[name].as_f64().context("it is a number");
        held += u32::from((between("lo")?..=between("hi")?).contains(&truth[hero]));
    }
    let share = f64::from(held) / f64::from(u32::try_from(found.len())?);
    println!(
        "strengths: {share:.3} of {} intervals hold the truth",
        found.len()
    );
    // Nine of ten of 127, less four times what chance may take, and a little for what
    // the pairs' estimates leave of theirs.
    ensure!(share >= 0.76, "{share}");
    Ok(())
}

/// Each game of an account counts, and none is better than the heroes that it plays:
/// in the world it is luck.
async fn accounts_are_of_the_world(
    way: &Way,
    tracked: &[truth::Account],
    meta: &Value,
) -> Result<()> {
    let (mut held, mut heroes_seen) = (0, 0);
    for account in tracked {
        let scores = way.document(&format!("pas:account_{}", account.id)).await?;
        ensure!(scores["run"] == meta["run"], "{scores}");
        ensure!(scores["games"] == account.games, "{account:?}: {scores}");
        let heroes = scores["heroes"].as_object().context("heroes")?;
        let wins = heroes.values().filter_map(|hero| hero["wins"].as_u64());
        ensure!(wins.sum::<u64>() == account.wins, "{account:?}: {scores}");
        for hero in heroes.values() {
            let number = |name: &str| hero[name].as_f64().context("it is a number");
            let worth = hero["parts"]["hero"].as_f64().context("it is a number")?;
            held += u32::from((number("lo")?..=number("hi")?).contains(&worth));
            heroes_seen += 1;
        }
    }
    println!("accounts: {held} of {heroes_seen} intervals hold what the hero is worth");
    ensure!(
        f64::from(held) >= 0.9 * f64::from(heroes_seen),
        "{held} of {heroes_seen}"
    );
    Ok(())
}

/// A draft is explained term by term, and what it is worth is within its interval.
async fn explained(way: &Way, truth: &Truth) -> Result<()> {
    let heroes = truth.slice("all").popular(10);
    let side = |heroes: &[u16]| {
        let heroes: Vec<_> = heroes.iter().map(u16::to_string).collect();
        heroes.join(",")
    };
    let (radiant, dire) = heroes.split_at(5);
    let chance = 100.0 * truth::radiant_chance(&way.world, radiant, dire);
    let (radiant, dire) = (side(radiant), side(dire));
    let arguments = ["explain", "--radiant", &radiant, "--dire", &dire];
    let said = way.model(&arguments).await?;
    ensure!(said.exit_code == Some(0), "{said:?}");
    let terms = said.stdout.lines().filter(|line| line.contains('…'));
    ensure!(terms.count() == 1 + 10 + 2 * 10 + 25, "{said:?}");
    let last = said.stdout.lines().last().context("it says something")?;
    let numbers = last.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let numbers: Vec<f64> = numbers.filter_map(|number| number.parse().ok()).collect();
    let [won, _, lo, hi, ..] = numbers[..] else {
        anyhow::bail!("{last}");
    };
    println!("{last}; it is {chance:.2}");
    ensure!(
        lo < won && won < hi && (lo..=hi).contains(&chance),
        "{last}: {chance}"
    );
    Ok(())
}
