//! A file of counts: what somebody else has counted of drafts.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use domain::HeroId;
use model_application::{Counts, Tally};

use super::{roster_up_to, table::Table};

/// The columns, in the order in which they are looked for.
const COLUMNS: [&str; 5] = ["kind", "hero", "other", "games", "wins"];

/// What a line counts.
enum Line {
    Matches,
    Hero(HeroId),
    Against(HeroId, HeroId),
    With(HeroId, HeroId),
}

/// Reads the file twice, because the heroes must be known first.
pub(crate) fn read(file: &Path) -> Result<Counts> {
    let mut largest = 0;
    for_each(file, "read", |line, _| {
        largest = largest.max(match line {
            Line::Matches => 0,
            Line::Hero(hero) => hero.get(),
            Line::Against(hero, other) | Line::With(hero, other) => hero.get().max(other.get()),
        });
        Ok(())
    })?;
    let mut counts = Counts::new(roster_up_to(largest, file)?);
    for_each(file, "added up", |line, tally| {
        match line {
            Line::Matches => counts.add_matches(tally),
            Line::Hero(hero) => counts.add_hero(hero, tally)?,
            Line::Against(hero, other) => counts.add_against(hero, other, tally)?,
            Line::With(hero, other) => counts.add_with(hero, other, tally)?,
        }
        Ok(())
    })?;
    counts
        .check()
        .with_context(|| format!("{} is not of whole matches", file.display()))?;
    Ok(counts)
}

fn for_each(
    file: &Path,
    done: &str,
    mut each: impl FnMut(Line, Tally) -> Result<()>,
) -> Result<()> {
    let mut table = Table::open(file, COLUMNS, "kind, hero, other, games, wins")?;
    super::with_progress("lines", done, || {
        let line = table.next_line(|line| {
            let (line, tally) = parse(line)?;
            each(line, tally)
        })?;
        Ok(line.is_some())
    })
}

fn parse(line: &Table<5>) -> Result<(Line, Tally)> {
    let hero = |column: usize| -> Result<HeroId> {
        HeroId::try_new(line.number(column)?).with_context(|| format!("column {}", COLUMNS[column]))
    };
    let what = match &*line.text(0) {
        "matches" => Line::Matches,
        "hero" => Line::Hero(hero(1)?),
        "against" => Line::Against(hero(1)?, hero(2)?),
        "with" => Line::With(hero(1)?, hero(2)?),
        other => bail!("kind is {other:?}, but matches, hero, against or with is expected"),
    };
    let (games, wins) = (line.number::<u32>(3)?, line.number::<u32>(4)?);
    ensure!(wins <= games, "{wins} of {games} games are won");
    Ok((what, Tally::of(u64::from(games), u64::from(wins))))
}
