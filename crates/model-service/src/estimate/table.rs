//! A CSV file whose columns are found by their names.

use std::{fs::File, path::Path, str::FromStr};

use anyhow::{Context as _, Result};
use csv::{ByteRecord, Position, Reader, ReaderBuilder};

/// A file that is read line by line, from the beginning to its end.
pub(crate) struct Table<const COLUMNS: usize> {
    reader: Reader<File>,
    columns: [&'static str; COLUMNS],
    /// Where the columns stand.
    places: [usize; COLUMNS],
    /// Used again and again.
    record: ByteRecord,
    name: String,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// Opens the file and reads its header; `expected` says what the first line must name.
    pub(crate) fn open(
        file: &Path,
        columns: [&'static str; COLUMNS],
        expected: &str,
    ) -> Result<Self> {
        let name = file.display().to_string();
        let opened = File::open(file).with_context(|| format!("cannot read {name}"))?;
        let mut reader = ReaderBuilder::new().from_reader(opened);
        let header = reader
            .byte_headers()
            .with_context(|| format!("cannot read {name}"))?;
        let mut places = [0; COLUMNS];
        for (place, column) in places.iter_mut().zip(columns) {
            let found = header.iter().position(|title| title == column.as_bytes());
            *place = found.with_context(|| {
                format!("{name} has no column {column}: its first line must name {expected}")
            })?;
        }
        Ok(Self {
            reader,
            columns,
            places,
            record: ByteRecord::new(),
            name,
        })
    }

    /// Reads the next line with `parse`; nothing at the end.
    pub(crate) fn next_line<T>(
        &mut self,
        parse: impl FnOnce(&Self) -> Result<T>,
    ) -> Result<Option<T>> {
        let read = self.reader.read_byte_record(&mut self.record);
        if !read.with_context(|| format!("cannot read {}", self.name))? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, Position::line);
        let parsed = parse(self).with_context(|| format!("line {line} of {}", self.name))?;
        Ok(Some(parsed))
    }

    /// What stands in a column of the line.
    pub(crate) fn text(&self, column: usize) -> String {
        String::from_utf8_lossy(self.field(column)).into_owned()
    }

    /// The number in a column of the line.
    pub(crate) fn number<T: FromStr>(&self, column: usize) -> Result<T> {
        let digits = str::from_utf8(self.field(column)).ok();
        let number = digits.and_then(|digits| digits.parse().ok());
        number.with_context(|| {
            format!(
                "{} is {:?}, but a number is expected",
                self.columns[column],
                self.text(column)
            )
        })
    }

    fn field(&self, column: usize) -> &[u8] {
        self.record.get(self.places[column]).unwrap_or_default()
    }
}
