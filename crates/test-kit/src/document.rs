//! Tables of `docs/`, which tests compare with the code they describe, and
//! commands of a document, which tests run.

use std::{collections::BTreeSet, fs, path::Path};

/// The rows of a table in `docs/`, cell by cell: of the first one in the
/// document `name` whose first column is headed `head`.
///
/// # Panics
/// When there is no such document or table.
#[must_use]
pub fn table(name: &str, head: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("docs/{name}: {error}"));
    let rows = rows(&text, head);
    assert!(!rows.is_empty(), "docs/{name} has no table with {head}");
    rows
}

/// The commands of a document, by its path from the root of the repository: the
/// first block of shell that contains `part`.
///
/// # Panics
/// When there is no such document or block.
#[must_use]
pub fn commands(name: &str, part: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let found = blocks(&text).find(|block| block.contains(part));
    let found = found.unwrap_or_else(|| panic!("{name} has no commands with {part}"));
    found.to_owned()
}

/// The commands of a program that the table of commands in a document describes,
/// each once, in the order of letters.
///
/// # Panics
/// When the document has no such table.
#[must_use]
pub fn described_commands(document: &str, program: &str) -> BTreeSet<String> {
    let rows = table(document, "command");
    let commands = rows.iter().flat_map(|row| code(&row[0]));
    let arguments = commands.filter_map(|command| command.strip_prefix(program)?.strip_prefix(' '));
    let names = arguments.filter_map(|arguments| arguments.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// The commands that a program's `--help` lists.
#[must_use]
pub fn listed_commands(help: &str) -> BTreeSet<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let names = names.filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// Asserts that each promise of a document in `docs/`, in its table of promises, names tests that there are: by crate
/// and file, and then by function. There are at least so many promises.
///
/// # Panics
/// When one names none, or one that is not there.
pub fn assert_promises_are_tested(document: &str, count_min: usize) {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let rows = table(document, "promise");
    assert!(rows.len() >= count_min, "{rows:?}");
    for row in rows {
        let tests: Vec<_> = code(&row[1]).collect();
        assert!(!tests.is_empty(), "{row:?}");
        for test in tests {
            let (file, name) = test.split_once("::").expect("a file and a test");
            let source = fs::read_to_string(crates.join(format!("{file}.rs")));
            let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
            let is_there = source.contains(&format!("fn {name}("));
            assert!(is_there, "{file} has no test {name}");
        }
    }
}

/// What stands in backticks.
pub fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("\n```sh\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap_or(block))
}

fn rows(text: &str, head: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(cells);
    lines
        .skip_while(|cells| cells.first().is_none_or(|first| first != head))
        // The head, and the line under it.
        .skip(2)
        .take_while(|cells| !cells.is_empty())
        .collect()
}

/// The cells of a line; none if it is no row.
fn cells(line: &str) -> Vec<String> {
    let row = line.strip_prefix('|').and_then(|it| it.strip_suffix('|'));
    let cells = row.into_iter().flat_map(|row| row.split('|'));
    cells.map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_what_stands_in_blocks_of_shell() {
        let text = "a\n\n```sh\nls -l\ncd x\n```\n\n```text\nno\n```\n\n```sh\nps\n```\n";
        assert_eq!(blocks(text).collect::<Vec<_>>(), ["ls -l\ncd x", "ps"]);
    }

    #[test]
    fn help_lists_commands() {
        let help = "Does it.\n\nUsage: x\n\nCommands:\n  run     Runs\n  help    Helps\n\nOptions:\n  -h\n";
        assert_eq!(listed_commands(help), ["run".to_owned()].into());
    }

    #[test]
    fn a_table_is_read_cell_by_cell() {
        let text = "# Codes\n\n| code | |\n|---|---|\n| 1 | |\n\n| name | type | |\n|---|---|---|\n\
                    | `a{x,y}`, `b` | text | c |\n| d | | |\n\n| e | | |\n";
        let expected = [["`a{x,y}`, `b`", "text", "c"], ["d", "", ""]];
        assert_eq!(rows(text, "name"), expected);
        assert!(rows(text, "text").is_empty());
        assert_eq!(code(expected[0][0]).collect::<Vec<_>>(), ["a{x,y}", "b"]);
    }
}
