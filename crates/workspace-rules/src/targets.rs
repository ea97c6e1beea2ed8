//! Which targets are tested: those that hold tests, so that none is left out
//! and nothing is compiled and linked to find that there are none.

use crate::{TextFile, Violation};

/// A library or program of a crate, as its manifest has it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Path of its manifest.
    pub manifest: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// Whether the tests within its sources are run.
    pub runs_tests: bool,
    /// Whether the examples of its documentation are run.
    pub runs_examples: bool,
}

/// Reports a target whose tests or examples are not run, or which is built to run none.
/// `sources` are the files that it is made of.
#[must_use]
pub fn check_tested(target: Target<'_>, sources: &[&TextFile]) -> Vec<Violation> {
    let has_tests = sources.iter().any(|file| has_tests(&file.text));
    let has_examples = sources.iter().any(|file| has_examples(&file.text));
    let tests = (target.runs_tests != has_tests).then(|| {
        let remedy = "say `test = false` of targets without tests, and of no other";
        violation(target, "tests", has_tests, remedy)
    });
    let examples = (target.runs_examples != has_examples).then(|| {
        let remedy = "say `doctest = false` of targets without examples, and of no other";
        violation(target, "examples", has_examples, remedy)
    });
    tests.into_iter().chain(examples).collect()
}

fn violation(target: Target<'_>, what: &str, has: bool, remedy: &'static str) -> Violation {
    let name = target.name;
    let problem = if has {
        format!("does not run the {what} of {name}")
    } else {
        format!("builds {name} to run {what}, and it has none")
    };
    Violation::new(target.manifest, problem, remedy)
}

fn has_tests(text: &str) -> bool {
    // Put together, so that this file passes its own rule.
    let attributes = [
        concat!("#[", "test]"),
        concat!("#[", "tokio::test"),
        concat!("proptest", "! {"),
    ];
    attributes.iter().any(|attribute| text.contains(attribute))
}

/// Whether a comment of the documentation holds code that rustdoc would run.
fn has_examples(text: &str) -> bool {
    let comments = text.lines().map(str::trim_start).filter_map(|line| {
        let comment = line
            .strip_prefix("//!")
            .or_else(|| line.strip_prefix("///"));
        comment.map(str::trim)
    });
    let fences = comments.filter_map(|comment| comment.strip_prefix("```"));
    // Every second one ends what the one before has begun.
    let languages = fences.step_by(2);
    let run = ["", "rust", "no_run", "should_panic", "compile_fail"];
    languages
        .into_iter()
        .any(|language| run.contains(&language))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runs: (bool, bool), text: &str) -> Vec<String> {
        let file = TextFile {
            path: "crates/x/src/lib.rs".to_owned(),
            text: text.to_owned(),
        };
        let target = Target {
            manifest: "crates/x/Cargo.toml",
            name: "x",
            runs_tests: runs.0,
            runs_examples: runs.1,
        };
        let violations = check_tested(target, &[&file]);
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tests_that_are_not_run_are_reported_and_so_is_a_target_without() {
        let with_tests = "    #[test]\n    fn x() {}";
        assert_eq!(check((true, false), with_tests), [""; 0]);
        assert_eq!(
            check((false, false), with_tests),
            [
                "crates/x/Cargo.toml: does not run the tests of x; say `test = false` of targets without tests, and of no other"
            ]
        );
        assert_eq!(check((false, false), "fn x() {}"), [""; 0]);
        assert_eq!(
            check((true, false), "fn x() {}"),
            [
                "crates/x/Cargo.toml: builds x to run tests, and it has none; say `test = false` of targets without tests, and of no other"
            ]
        );
        for text in ["#[tokio::test(start_paused = true)]", "proptest! {"] {
            assert_eq!(check((true, false), text), [""; 0], "{text}");
        }
    }

    #[test]
    fn examples_that_are_not_run_are_reported_and_so_is_a_target_without() {
        let check = |text: &str, has: bool| {
            assert_eq!(check((false, has), text), [""; 0], "{text}");
            assert_eq!(check((false, !has), text).len(), 1, "{text}");
        };
        check("/// ```\n/// assert!(true);\n/// ```", true);
        check("//! ```no_run\n//! x()\n//! ```", true);
        check("/// ```text\n/// a picture\n/// ```", false);
        check("// ```\n// no documentation\n// ```", false);
    }
}
