//! A file of drafts.

use std::{fs::File, path::Path};

use anyhow::{Context as _, Result, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};
use domain::HeroId;
use model_application::Draft;

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

/// A file of drafts that is read from the beginning to its end.
pub(crate) struct Drafts {
    reader: Reader<File>,
    /// Where the columns stand.
    places: [usize; COLUMNS.len()],
    /// Used again and again.
    record: ByteRecord,
    name: String,
}

impl Drafts {
    /// Opens the file and reads its header.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let name = file.display().to_string();
        let opened = File::open(file).with_context(|| format!("cannot read {name}"))?;
        let mut reader = ReaderBuilder::new().from_reader(opened);
        let header = reader
            .byte_headers()
            .with_context(|| format!("cannot read {name}"))?;
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let found = header.iter().position(|title| title == column.as_bytes());
            *place = found.with_context(|| {
                format!("{name} has no column {column}: its first line must name radiant_win, r1 … r5, d1 … d5")
            })?;
        }
        Ok(Self {
            reader,
            places,
            record: ByteRecord::new(),
            name,
        })
    }

    /// The next draft and whether the Radiant won; nothing at the end.
    pub(crate) fn next_draft(&mut self) -> Result<Option<(Draft, bool)>> {
        let read = self.reader.read_byte_record(&mut self.record);
        if !read.with_context(|| format!("cannot read {}", self.name))? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let draft = self.draft();
        Ok(Some(draft.with_context(|| {
            format!("line {line} of {}", self.name)
        })?))
    }

    fn draft(&self) -> Result<(Draft, bool)> {
        let radiant_won = match self.number(0)? {
            0 => false,
            1 => true,
            other => bail!("radiant_win is {other}, but 0 or 1 is expected"),
        };
        let mut heroes = [None; 10];
        for (place, hero) in (1..).zip(&mut heroes) {
            let id = HeroId::try_new(self.number(place)?);
            *hero = Some(id.with_context(|| format!("column {}", COLUMNS[place]))?);
        }
        let side = |from: usize| -> Option<[HeroId; 5]> {
            let mut side = heroes[from..from + 5].iter().copied();
            let mut next = || side.next().flatten();
            Some([next()?, next()?, next()?, next()?, next()?])
        };
        let sides = side(0).zip(side(5));
        let (radiant, dire) = sides.context("a hero is missing")?;
        Ok((Draft::try_new(radiant, dire)?, radiant_won))
    }

    fn number(&self, column: usize) -> Result<u16> {
        let field = self.record.get(self.places[column]).unwrap_or_default();
        let digits = str::from_utf8(field).ok();
        let number = digits.and_then(|digits| digits.parse().ok());
        number.with_context(|| {
            let found = String::from_utf8_lossy(field);
            format!("{} is {found:?}, but a number is expected", COLUMNS[column])
        })
    }
}
