//! What the documents say must be so: invariants are guarded by tests that
//! exist, and the command that readers are given is the one that CI runs.

use crate::{TextFile, Violation};

/// How readers and CI run the tests; it needs nothing but cargo.
const TEST_COMMAND: &str = "cargo test --workspace --locked";

/// How a paragraph that states an invariant begins.
const INVARIANT: &str = "**Architecture Invariant:**";

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

/// Reports invariants of `document` that no test guards.
///
/// An invariant names its guard in backticks in its paragraph: a file of the
/// tree, or a test as `crate_name::path::to::test`. `files` is the whole tree.
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
        let guarded = paragraph
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .any(|name| is_file(name, files) || is_test(name, files));
        if !guarded {
            violations.push(Violation::new(
                format!("{}:{}", document.path, index + 1),
                "states an invariant and names no test that exists",
                "name its guard in backticks: a file, or crate_name::path::to::test",
            ));
        }
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

fn is_file(name: &str, files: &[TextFile]) -> bool {
    name.contains('/') && files.iter().any(|file| file.path == name)
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
}
