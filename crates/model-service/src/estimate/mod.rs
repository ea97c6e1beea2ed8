//! `estimate`: from a file of drafts, of counts, or of games of accounts, to a file of
//! estimates.

mod counted;
mod drafts;
mod games;
mod table;
mod written;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use command_kit::{Progress, say};
use domain::HeroId;
use model_application::{Counts, FromCounts, Roster, SliceEstimate, estimate};
use serde::Serialize;

use self::written::Written;

/// Everything needed to estimate.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The drafts.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["counts", "games"],
        help = "CSV file whose header names radiant_win (0 or 1), r1 … r5 and d1 … d5 (ids of heroes)"
    )]
    matches: Option<PathBuf>,
    /// Whether all effects are fitted to the drafts at once.
    #[arg(
        long,
        conflicts_with_all = ["counts", "games"],
        help = "Fit all effects to the drafts jointly, beginning with what their counts tell; 12 bytes a match are held in memory, and 8 while it is fitted"
    )]
    joint: bool,
    /// What somebody has counted.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "matches",
        help = "CSV file with the columns kind (matches, hero, against or with), hero, other, games and wins; lines of the same add up"
    )]
    counts: Option<PathBuf>,
    /// The games of accounts.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["matches", "counts"],
        help = "CSV file with the columns account, hero, expected (the chance of victory, by the draft) and won (0 or 1): how good accounts are"
    )]
    games: Option<PathBuf>,
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
    match &arguments.games {
        Some(games) => accounts(games, &arguments.out),
        None => heroes(arguments),
    }
}

/// How good accounts are, by their games.
fn accounts(games: &Path, out: &Path) -> Result<()> {
    let found = games::read(games)?.estimated();
    write(out, &found)?;
    say(format_args!(
        "estimated {} accounts from {} games: {}",
        found.accounts.len(),
        found.games(),
        out.display()
    ));
    Ok(())
}

/// What heroes and pairs are worth, by drafts or their counts.
fn heroes(arguments: &Arguments) -> Result<()> {
    let counts = match (&arguments.matches, &arguments.counts) {
        (Some(drafts), _) => {
            let counts = drafts::count(drafts)?;
            counts.check().context("a defect of the program")?;
            counts
        }
        (None, Some(file)) => counted::read(file)?,
        (None, None) => bail!("give --matches, --counts or --games"),
    };
    let found = match &arguments.matches {
        Some(drafts) if arguments.joint => jointly(drafts, &counts)?,
        _ => estimate(&counts),
    };
    let out = &arguments.out;
    write(out, &Written::of(&found))?;
    say(format_args!(
        "estimated {} heroes from {} matches: {}",
        found.roster.len(),
        counts.matches().games,
        out.display()
    ));
    Ok(())
}

/// The second step, as runs take it.
fn jointly(file: &Path, counts: &Counts) -> Result<SliceEstimate> {
    let mut drafts = drafts::pack(file, counts.roster())?;
    let found = FromCounts::of(counts, None).jointly(&mut drafts, &|| true);
    Ok(found.expect("it is wanted to the end"))
}

fn write(out: &Path, found: &impl Serialize) -> Result<()> {
    let written = || -> Result<()> {
        let mut file = BufWriter::new(File::create(out)?);
        serde_json::to_writer(&mut file, found)?;
        Ok(file.flush()?)
    };
    written().with_context(|| format!("cannot write {}", out.display()))
}

/// All heroes up to the largest id that the file has.
fn roster_up_to(largest: u16, file: &Path) -> Result<Roster> {
    ensure!(
        largest <= HERO_ID_MAX,
        "{} has a hero {largest}, but ids up to {HERO_ID_MAX} are taken",
        file.display()
    );
    let heroes: Result<Vec<_>, _> = (1..=largest.max(HERO_ID_USUAL_MAX))
        .map(HeroId::try_new)
        .collect();
    Ok(Roster::new(heroes?))
}

/// Takes one step after another until there is none, and tells how many.
fn with_progress(what: &str, done: &str, mut step: impl FnMut() -> Result<bool>) -> Result<()> {
    let mut progress = Progress::new();
    let mut steps: u64 = 0;
    while step()? {
        steps += 1;
        if steps.is_multiple_of(LOOK_AT_THE_CLOCK_AFTER) {
            progress.show(|| format!("{steps} {what} {done}"));
        }
    }
    progress.close();
    Ok(())
}
