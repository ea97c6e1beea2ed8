//! `estimate`: from a file of drafts to a file of estimates.

mod drafts;
mod written;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use command_kit::{Progress, say};
use domain::HeroId;
use model_application::{Counts, Draft, Roster, SliceEstimate, estimate};

use self::{drafts::Drafts, written::Written};

/// Everything needed to estimate.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The drafts.
    #[arg(
        long,
        value_name = "FILE",
        help = "CSV file whose header names radiant_win (0 or 1), r1 … r5 and d1 … d5 (ids of heroes)"
    )]
    matches: PathBuf,
    /// JSON file to write, in log-odds; index of a hero = id − 1
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The estimates have as many heroes at least, whether or not they were played.
const HERO_ID_USUAL_MAX: u16 = 127;
/// A larger id is a mistake, which would cost memory for every pair.
const HERO_ID_MAX: u16 = 1000;
const LOOK_AT_THE_CLOCK_AFTER: u64 = 10_000;

/// Counts, estimates and writes.
pub(crate) fn execute(arguments: &Arguments) -> Result<()> {
    let counts = count(&arguments.matches)?;
    counts.check().context("a defect of the program")?;
    let found = estimate(&counts);
    let out = &arguments.out;
    write(out, &found).with_context(|| format!("cannot write {}", out.display()))?;
    say(format_args!(
        "estimated {} heroes from {} matches: {}",
        found.roster.len(),
        counts.matches().games,
        out.display()
    ));
    Ok(())
}

fn write(out: &Path, found: &SliceEstimate) -> Result<()> {
    let mut file = BufWriter::new(File::create(out)?);
    serde_json::to_writer(&mut file, &Written::of(found))?;
    Ok(file.flush()?)
}

/// Reads the file twice: which heroes there are must be known before the first
/// match is counted, and matches are not held in memory.
fn count(file: &Path) -> Result<Counts> {
    let mut largest = HERO_ID_USUAL_MAX;
    for_each_draft(file, "read", |draft, _| {
        let heroes = draft.radiant().iter().chain(draft.dire());
        largest = heroes.fold(largest, |largest, hero| largest.max(hero.get()));
        Ok(())
    })?;
    ensure!(
        largest <= HERO_ID_MAX,
        "{} has a hero {largest}, but ids up to {HERO_ID_MAX} are taken",
        file.display()
    );
    let heroes: Result<Vec<_>, _> = (1..=largest).map(HeroId::try_new).collect();
    let mut counts = Counts::new(Roster::new(heroes?));
    for_each_draft(file, "counted", |draft, radiant_won| {
        Ok(counts.add(draft, radiant_won)?)
    })?;
    Ok(counts)
}

fn for_each_draft(
    file: &Path,
    done: &str,
    mut each: impl FnMut(&Draft, bool) -> Result<()>,
) -> Result<()> {
    let mut progress = Progress::new();
    let mut drafts = Drafts::open(file)?;
    let mut matches: u64 = 0;
    while let Some((draft, radiant_won)) = drafts.next_draft()? {
        each(&draft, radiant_won)?;
        matches += 1;
        if matches.is_multiple_of(LOOK_AT_THE_CLOCK_AFTER) {
            progress.show(|| format!("{matches} matches {done}"));
        }
    }
    progress.close();
    Ok(())
}
