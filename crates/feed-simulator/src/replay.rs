//! Recorded rows, read from a file as they are.
//!
//! The bytes of a row are kept verbatim; only its id is looked at, so that the truth can name it.

use std::{collections::HashSet, io, path::Path, path::PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A row of a recorded file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordedRow {
    pub(crate) body: Bytes,
    pub(crate) kind: RecordedKind,
}

/// What a recorded row says about matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordedKind {
    /// The first row with this id.
    Genuine(i64),
    /// A later row with an id already seen.
    Duplicate(i64),
    /// No id that could be a match.
    Other,
}

/// A recorded file that cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("failed to read the recorded file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing to replay in the file.
    #[error("no rows in the recorded file {}: expected a JSON array, an object with matches, or JSON lines", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    matches: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Page<'a>,
}

#[derive(Deserialize)]
struct Identified {
    match_id: i64,
}

/// Reads all rows of a file.
///
/// # Errors
/// The file cannot be read or holds no row.
pub(crate) fn read(path: &Path) -> Result<Vec<RecordedRow>, ReplayError> {
    let text = std::fs::read_to_string(path).map_err(|source| ReplayError::Read {
        path: path.to_owned(),
        source,
    })?;
    let rows = parse(&text);
    if rows.is_empty() {
        Err(ReplayError::NoRows {
            path: path.to_owned(),
        })
    } else {
        Ok(rows)
    }
}

fn parse(text: &str) -> Vec<RecordedRow> {
    let bodies = whole(text).unwrap_or_else(|| {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect()
    });
    let mut seen = HashSet::new();
    bodies
        .into_iter()
        .map(|body| recorded(body, &mut seen))
        .collect()
}

/// The rows of a file that is one JSON value, as far as it is one of those we know.
fn whole(text: &str) -> Option<Vec<&str>> {
    let rows = serde_json::from_str::<Vec<&RawValue>>(text)
        .or_else(|_| serde_json::from_str::<Page>(text).map(|page| page.matches))
        .or_else(|_| serde_json::from_str::<Answer>(text).map(|answer| answer.result.matches))
        .ok()?;
    Some(rows.into_iter().map(RawValue::get).collect())
}

fn recorded(body: &str, seen: &mut HashSet<i64>) -> RecordedRow {
    let kind = match serde_json::from_str::<Identified>(body) {
        Ok(row) if row.match_id <= 0 => RecordedKind::Other,
        Ok(row) if seen.insert(row.match_id) => RecordedKind::Genuine(row.match_id),
        Ok(row) => RecordedKind::Duplicate(row.match_id),
        Err(_) => RecordedKind::Other,
    };
    RecordedRow {
        body: Bytes::copy_from_slice(body.as_bytes()),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, RecordedKind)]) {
        let rows = parse(text);
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    std::str::from_utf8(&row.body).expect("taken from a str"),
                    row.kind,
                )
            })
            .collect();
        assert_eq!(rows, expected, "{text}");
    }

    #[test]
    fn every_shape_of_file_gives_its_rows_verbatim() {
        use RecordedKind::{Duplicate, Genuine, Other};
        let rows = [
            ("{ \"match_id\" : 7 }", Genuine(7)),
            ("{\"match_id\":8,\"a\":[1.50]}", Genuine(8)),
        ];
        check(
            "[{ \"match_id\" : 7 },\n {\"match_id\":8,\"a\":[1.50]}]",
            &rows,
        );
        check(
            "{\"matches\":[{ \"match_id\" : 7 },{\"match_id\":8,\"a\":[1.50]}],\"more\":1}",
            &rows,
        );
        check(
            "{\"result\":{\"status\":1,\"matches\":[{ \"match_id\" : 7 },{\"match_id\":8,\"a\":[1.50]}]}}",
            &rows,
        );
        check(
            "{ \"match_id\" : 7 }\n\n{\"match_id\":8,\"a\":[1.50]}\r\n",
            &rows,
        );
        check(
            "{\"match_id\":7}\n{\"match_id\":7}",
            &[
                ("{\"match_id\":7}", Genuine(7)),
                ("{\"match_id\":7}", Duplicate(7)),
            ],
        );
        check(
            "{\"match_id\":0}\nnonsense",
            &[("{\"match_id\":0}", Other), ("nonsense", Other)],
        );
        check("", &[]);
        check("[]", &[]);
    }

    #[test]
    fn a_file_without_rows_is_refused_by_name() {
        let error = read(Path::new("missing.json")).expect_err("there is no such file");
        assert!(error.to_string().contains("missing.json"), "{error}");
        let empty = tempfile::NamedTempFile::new().expect("temporary files can be made");
        assert!(matches!(
            read(empty.path()),
            Err(ReplayError::NoRows { .. })
        ));
    }
}
