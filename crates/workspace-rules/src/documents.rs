//! What the documents say must be so: invariants are guarded by tests that
//! exist, and the command that readers are given is the one that CI runs.

use crate::{TextFile, Violation};

/// How readers and CI run the tests; it needs nothing but cargo.
const TEST_COMMAND: &str = "cargo test --workspace --locked";

/// How a paragraph that states an invariant begins.
const INVARIANT: &str = "**Architecture Invariant:**";

/// Under which heading every crate has its line.
const CODE_MAP: &str = "## Code map";

/// Reports a file without the test command on a line of its own, where a
/// label in front (`step tests cargo …`) or a comment behind may stand.
#[must_use]
pub fn check_test_command(file: &TextFile) -> Option<Violation> {
    let found = file.text.lines().any(|line| {
        let command = line.split('#').next().unwrap_or_default().trim_end();
        command
            .strip_suffix(TEST_COMMAND)
            .is_some_and(|label| label.is_empty() || label.ends_with([' ', '\t']))
    });
    (!found).then(|| {
        Violation::new(
            &file.path,
            format!("does not run `{TEST_COMMAND}`"),
            "give readers and CI the same command",
        )
    })
}

/// Reports invariants of `document` that no test guards, or not every guard
/// that they name.
///
/// An invariant names its guards in backticks in its paragraph: a file or
/// folder of the tree by its path, or a test as `crate_name::path::to::test`.
/// `files` is the whole tree.
#[must_use]
pub fn check_invariants(document: &TextFile, files: &[TextFile]) -> Vec<Violation> {
    let lines: Vec<_> = document.text.lines().collect();
    let mut violations = Vec::new();
    for (index, _) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with(INVARIANT))
    {
        let paragraph = lines[index..]
            .iter()
            .take_while(|line| !line.trim().is_empty());
        let guards: Vec<_> = paragraph
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .filter(|name| name.contains('/') || name.contains("::"))
            .collect();
        let gone: Vec<_> = guards
            .iter()
            .filter(|name| !is_path(name, files) && !is_test(name, files))
            .map(|name| format!("names {name} as its guard, which does not exist"))
            .collect();
        let none = guards
            .is_empty()
            .then(|| "states an invariant and names no guard".to_owned());
        let remedy =
            "name its guards in backticks: a path of the tree, or crate_name::path::to::test";
        let place = format!("{}:{}", document.path, index + 1);
        violations.extend(
            gone.into_iter()
                .chain(none)
                .map(|problem| Violation::new(&place, problem, remedy)),
        );
    }
    violations
}

/// Reports names of tests in `document` that no test has.
///
/// Everything in backticks with `::` in it is meant to be one, written as
/// `crate_name::path::to::test`. `files` is the whole tree.
#[must_use]
pub fn check_guards(document: &TextFile, files: &[TextFile]) -> Vec<Violation> {
    let lines = (1..).zip(document.text.lines());
    let names = lines.flat_map(|(number, line)| {
        let names = line.split('`').skip(1).step_by(2);
        names.map(move |name| (number, name))
    });
    names
        .filter(|(_, name)| name.contains("::") && *name != "::" && !is_test(name, files))
        .map(|(number, name)| {
            Violation::new(
                format!("{}:{number}", document.path),
                format!("names {name}, and there is no such test"),
                "write crate_name::path::to::test of one that exists",
            )
        })
        .collect()
}

/// Reports crates without a line in the code map of `document`, and lines
/// without a crate. `crates` are the names of all folders in `crates/`.
#[must_use]
pub fn check_code_map(document: &TextFile, crates: &[&str]) -> Vec<Violation> {
    let section = document.text.lines().skip_while(|line| *line != CODE_MAP);
    let rows: Vec<_> = section
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let report = |name, problem: &str, remedy| {
        Violation::new(&document.path, format!("{problem} `{name}`"), remedy)
    };
    let missing = crates
        .iter()
        .filter(|name| !rows.contains(name))
        .map(|name| {
            let remedy = "say in one line what is in it";
            report(name, "has no line in its code map for", remedy)
        });
    let gone = rows.iter().filter(|row| !crates.contains(row)).map(|row| {
        let remedy = "take the line out";
        report(row, "maps a crate that is not there,", remedy)
    });
    missing.chain(gone).collect()
}

/// Reports commands of cargo in `file` about a crate that is not there.
#[must_use]
pub fn check_commands(file: &TextFile, crates: &[&str]) -> Vec<Violation> {
    let remedy = "name a folder of crates/";
    file.check_lines(remedy, |line| {
        let (_, arguments) = line.split_once("cargo ")?;
        let words: Vec<_> = arguments.split([' ', '`', '"']).collect();
        let names = words
            .windows(2)
            .filter(|pair| ["-p", "--package"].contains(&pair[0]))
            .map(|pair| pair[1]);
        let mut gone = names.filter(|name| !crates.contains(name));
        gone.next()
            .map(|name| format!("runs cargo with {name}, which is no crate"))
    })
}

/// Whether the tree has a file or folder of this path.
fn is_path(path: &str, files: &[TextFile]) -> bool {
    let rests = files.iter().map(|file| file.path.strip_prefix(path));
    let mut rests = rests.flatten();
    path.contains('/') && rests.any(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the crate that a path begins with has a test that the path ends with.
fn is_test(path: &str, files: &[TextFile]) -> bool {
    let (Some((crate_name, _)), Some((_, function))) =
        (path.split_once("::"), path.rsplit_once("::"))
    else {
        return false;
    };
    let folder = format!("crates/{}/", crate_name.replace('_', "-"));
    files
        .iter()
        .filter(|file| file.path.starts_with(&folder))
        .any(|file| has_test(&file.text, function))
}

fn has_test(source: &str, function: &str) -> bool {
    let head = format!("fn {function}(");
    let mut attributed = false;
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            attributed |= line.contains("test");
        } else if attributed && line.contains(&head) {
            return true;
        } else if !line.starts_with("//") {
            attributed = false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn another_test_command_is_reported() {
        let check = |text, same: bool| {
            assert_eq!(
                check_test_command(&file("README.md", text)).is_none(),
                same,
                "{text}"
            );
        };
        check("```sh\ncargo test --workspace --locked\n```\n", true);
        check("cargo test --workspace --locked   # Java 17 too\n", true);
        check("step tests cargo test --workspace --locked\n", true);
        check("cargo test --workspace\n", false);
        check("# cargo test --workspace --locked\n", false);
        check(
            "cargo test --workspace --locked --exclude ingestion-test-support\n",
            false,
        );
        check("", false);
    }

    #[test]
    fn an_invariant_without_its_test_is_reported() {
        let tree = [file(
            "crates/ingestion-kafka-adapter/src/producer.rs",
            "/// Checks.\nfn helper() {}\n\n#[tokio::test(start_paused = true)]\n// Why.\nasync fn full_queue_waits() {}\n",
        )];
        let check = |invariant: &str, expected: &[&str]| {
            let document = file(
                "docs/ARCHITECTURE.md",
                &format!("# Map\n\n{invariant}\n\nThe end.\n"),
            );
            let reports = check_invariants(&document, &tree);
            let places: Vec<_> = reports.iter().map(|report| report.place.as_str()).collect();
            assert_eq!(places, expected, "{invariant}");
        };
        let third_line = &["docs/ARCHITECTURE.md:3"];

        check("Nothing is claimed.", &[]);
        check(
            "**Architecture Invariant:** A queue waits (`ingestion_kafka_adapter::producer::tests::full_queue_waits`).",
            &[],
        );
        check(
            "**Architecture Invariant:** A queue waits.\nSee `crates/ingestion-kafka-adapter/src/producer.rs`.",
            &[],
        );
        check(
            "**Architecture Invariant:** A `queue` waits, in `crates/ingestion-kafka-adapter`: `ingestion_kafka_adapter::full_queue_waits`.",
            &[],
        );
        // One of several is not enough.
        check(
            "**Architecture Invariant:** A queue waits (`ingestion_kafka_adapter::full_queue_waits`).\n\
             It is full then (`ingestion_kafka_adapter::gone`, see `crates/kafka`).",
            &["docs/ARCHITECTURE.md:3"; 2],
        );
        check("**Architecture Invariant:** A queue waits.", third_line);
        check("**Architecture Invariant:** A `queue` waits.", third_line);
        check(
            "**Architecture Invariant:** A queue waits (`ingestion_kafka_adapter::tests::gone`).",
            third_line,
        );
        check(
            "**Architecture Invariant:** A queue waits (`ingestion_kafka_adapter::producer::helper`).",
            third_line,
        );
        check(
            "**Architecture Invariant:** A queue waits (`domain::full_queue_waits`).",
            third_line,
        );
        check(
            "**Architecture Invariant:** A queue waits (`crates/ingestion-kafka-adapter/src/gone.rs`).",
            third_line,
        );
        check(
            "**Architecture Invariant:** A queue waits.\n\n`crates/ingestion-kafka-adapter/src/producer.rs`",
            third_line,
        );
    }

    #[test]
    fn a_guard_that_does_not_exist_is_reported() {
        let files = [file(
            "crates/ingestion-http-api/tests/limits.rs",
            "#[test]\nfn it_ends() {}\nfn helper() {}\n",
        )];
        let document = file(
            "docs/SECURITY.md",
            "Tests have a `::` in them.\nIt ends: `ingestion_http_api::it_ends`, `API_TOKEN`.\n\
             No test: `ingestion_http_api::helper`, `ingestion_application::it_ends`.\n",
        );
        let places = check_guards(&document, &files);
        let places: Vec<_> = places.iter().map(ToString::to_string).collect();
        assert_eq!(places.len(), 2, "{places:?}");
        assert!(places.iter().all(|place| place.contains("SECURITY.md:3")));
    }

    #[test]
    fn a_crate_without_its_line_in_the_code_map_is_reported() {
        let check = |rows: &str, expected: &[&str]| {
            let text = format!(
                "## Map\n\n| `no` | |\n\n## Code map\n\n| crate | |\n|---|---|\n{rows}\n## End\n\n| `no` | |\n"
            );
            let document = file("docs/ARCHITECTURE.md", &text);
            let reports = check_code_map(&document, &["domain", "sql-kit"]);
            let reports: Vec<_> = reports.iter().map(ToString::to_string).collect();
            assert_eq!(reports, expected, "{rows}");
        };
        check(
            "| `sql-kit` | SQL. |\n| `domain` | Words, no `I/O`. |\n",
            &[],
        );
        check(
            "| `domain` | It knows no `sql-kit`. |\n| `etl-common` | |\n",
            &[
                "docs/ARCHITECTURE.md: has no line in its code map for `sql-kit`; \
                 say in one line what is in it",
                "docs/ARCHITECTURE.md: maps a crate that is not there, `etl-common`; \
                 take the line out",
            ],
        );
    }

    #[test]
    fn a_command_about_no_crate_is_reported() {
        let check = |line: &str, expected: Option<&str>| {
            let reports = check_commands(&file(".ci/run", line), &["domain"]);
            let reports: Vec<_> = reports.iter().map(ToString::to_string).collect();
            let expected = expected.map(|name| {
                format!(
                    ".ci/run:1: runs cargo with {name}, which is no crate; name a folder of crates/"
                )
            });
            assert_eq!(reports, expected.into_iter().collect::<Vec<_>>(), "{line}");
        };
        check("step \"x\" cargo check -p domain --locked", None);
        check("mkdir -p target", None);
        check("run `cargo test --package domain`", None);
        check(
            "cargo build --release -p domain -p benchmarks",
            Some("benchmarks"),
        );
        check("run `cargo test --package http-api`", Some("http-api"));
    }
}
