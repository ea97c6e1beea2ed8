//! A file of drafts.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use domain::HeroId;
use model_application::{Counter, Counts, Draft, Drafts, Roster, Weight};

use super::{roster_up_to, table::Table};

/// The columns, in the order in which they are looked for.
const COLUMNS: [&str; 11] = [
    "radiant_win",
    "r1",
    "r2",
    "r3",
    "r4",
    "r5",
    "d1",
    "d2",
    "d3",
    "d4",
    "d5",
];

/// Reads the file twice: which heroes there are must be known before the first
/// match is counted, and matches are not held in memory.
pub(crate) fn count(file: &Path) -> Result<Counts> {
    let mut largest = 0;
    for_each(file, "read", |draft, _| {
        let heroes = draft.radiant().iter().chain(draft.dire());
        largest = heroes.fold(largest, |largest, hero| largest.max(hero.get()));
        Ok(())
    })?;
    let mut counter = Counter::new(roster_up_to(largest, file)?);
    for_each(file, "counted", |draft, radiant_won| {
        Ok(counter.add(draft, radiant_won)?)
    })?;
    Ok(counter.finish())
}

/// Reads the file once more: a joint fit holds matches in memory, packed.
pub(crate) fn pack(file: &Path, roster: &Roster) -> Result<Drafts> {
    let mut drafts = Drafts::try_new(roster.clone())?;
    for_each(file, "packed", |draft, radiant_won| {
        Ok(drafts.add(draft, radiant_won, Weight::FULL)?)
    })?;
    Ok(drafts)
}

fn for_each(
    file: &Path,
    done: &str,
    mut each: impl FnMut(&Draft, bool) -> Result<()>,
) -> Result<()> {
    let mut table = Table::open(file, COLUMNS, "radiant_win, r1 … r5, d1 … d5")?;
    super::with_progress("matches", done, || {
        let line = table.next_line(|line| {
            let (draft, radiant_won) = parse(line)?;
            each(&draft, radiant_won)
        })?;
        Ok(line.is_some())
    })
}

fn parse(line: &Table<11>) -> Result<(Draft, bool)> {
    let radiant_won = match line.number::<u16>(0)? {
        0 => false,
        1 => true,
        other => bail!("radiant_win is {other}, but 0 or 1 is expected"),
    };
    let hero = |column: usize| -> Result<HeroId> {
        HeroId::try_new(line.number(column)?).with_context(|| format!("column {}", COLUMNS[column]))
    };
    let side = |from: usize| -> Result<[HeroId; 5]> {
        Ok([
            hero(from)?,
            hero(from + 1)?,
            hero(from + 2)?,
            hero(from + 3)?,
            hero(from + 4)?,
        ])
    };
    Ok((Draft::try_new(side(1)?, side(6)?)?, radiant_won))
}
