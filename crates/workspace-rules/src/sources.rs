//! What no file may hold: too many lines, unfinished work, switched-off
//! tests, unsafe code, and paths or hosts of the machine it was written on.

use crate::{TextFile, Violation};

/// Above this a file holds more than one thing.
const LINES_MAX: usize = 500;

/// Reports source files of more than 500 lines.
#[must_use]
pub fn check_length(file: &TextFile) -> Option<Violation> {
    let lines = file.text.lines().count();
    (lines > LINES_MAX).then(|| {
        Violation::new(
            &file.path,
            format!("has {lines} lines, more than {LINES_MAX}"),
            "split it where it talks about a second thing",
        )
    })
}

/// The file that speaks to a library with a C interface.
const WITH_UNSAFE_CODE: &str = "crates/clickhouse-test-kit/src/bin/clickhouse-front/library.rs";

/// Reports a file that gives itself leave for unsafe code.
#[must_use]
pub fn check_safe(file: &TextFile) -> Vec<Violation> {
    if file.path == WITH_UNSAFE_CODE {
        return Vec::new();
    }
    // Put together, so that this file passes its own rule.
    let leave = concat!("unsafe", "_code,");
    let remedy = "find a crate that wraps the interface, or say in an ADR why there is none";
    file.check_lines(remedy, |line| {
        let line = line.replace(')', ",");
        let is_leave = line.contains(leave);
        is_leave.then(|| "gives itself leave for unsafe code".to_owned())
    })
}

/// Reports what was left for later and tests that do not run.
#[must_use]
pub fn check_finished(file: &TextFile) -> Vec<Violation> {
    // Put together, so that this file passes its own rule.
    let fragments = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
    ];
    let words = [concat!("TO", "DO"), concat!("FIX", "ME")];

    file.check_lines(
        "finish it, or file it as an issue and say what is so today",
        |line| {
            let fragment = fragments.iter().find(|fragment| line.contains(**fragment));
            let word = words.iter().find(|word| has_word(line, word));
            fragment.or(word).map(|found| format!("holds `{found}`"))
        },
    )
}

/// Reports paths of one machine and hosts of package registries.
#[must_use]
pub fn check_no_machine(file: &TextFile) -> Vec<Violation> {
    let folders = ["work", "farm", "root", "home"].map(|folder| format!("/{folder}/"));
    // Put together, so that this file passes its own rule.
    let hosts = [
        concat!("pypi", ".org"),
        concat!("repo.", "maven"),
        concat!("repo1.", "maven"),
        concat!("proxy.golang", ".org"),
        concat!("registry.", "npmjs"),
        concat!("deb.", "debian.org"),
        concat!("index.", "crates"),
        concat!("static.", "crates"),
    ];

    file.check_lines(
        "say it without naming one machine or one registry",
        |line| {
            let path = folders.iter().find(|folder| {
                line.match_indices(folder.as_str()).any(|(at, _)| {
                    let next = line[at + folder.len()..].chars().next();
                    next.is_some_and(|next| next.is_ascii_alphabetic() || next == '.')
                })
            });
            let host = hosts.iter().find(|host| line.contains(**host));
            match (path, host) {
                (Some(path), _) => Some(format!("holds a path under {path}")),
                (None, Some(host)) => Some(format!("names the host {host}")),
                (None, None) => None,
            }
        },
    )
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: impl Into<String>) -> TextFile {
        TextFile {
            path: "crates/x/src/lib.rs".to_owned(),
            text: text.into(),
        }
    }

    #[test]
    fn a_file_of_more_than_500_lines_is_reported() {
        assert_eq!(check_length(&file("line\n".repeat(500))), None);
        let violation = check_length(&file("line\n".repeat(501))).expect("501 lines are too many");
        assert_eq!(
            violation.to_string(),
            "crates/x/src/lib.rs: has 501 lines, more than 500; \
             split it where it talks about a second thing"
        );
    }

    #[test]
    fn unfinished_work_and_switched_off_tests_are_reported() {
        let check = |line: String, found: bool| {
            let reports = check_finished(&file(format!("fn x() {{\n{line}\n}}")));
            assert_eq!(reports.len(), usize::from(found), "{line}: {reports:?}");
            assert!(
                reports
                    .iter()
                    .all(|report| report.place == "crates/x/src/lib.rs:2")
            );
        };
        check(format!("    {}!()", "todo"), true);
        check(format!("    {}!(\"later\")", "unimplemented"), true);
        check(format!("    // {}DO: later", "TO"), true);
        check(format!("    // {}ME later", "FIX"), true);
        check(format!("    #[{}]", "ignore"), true);
        check(format!("    #[{} = \"slow\"]", "ignore"), true);
        check("    #[must_use]".to_owned(), false);
        check("    let METHODOLOGY = todo_list();".to_owned(), false);
        check("    // the others are ignored".to_owned(), false);
    }

    #[test]
    fn leave_for_unsafe_code_is_reported() {
        let check = |line: String, found: bool| {
            let mut file = file(line.as_str());
            assert_eq!(check_safe(&file).len(), usize::from(found), "{line}");
            file.path = WITH_UNSAFE_CODE.to_owned();
            assert_eq!(check_safe(&file), [], "{line}");
        };
        let lint = ["unsafe", "code"].join("_");
        check(format!("#![allow({lint})]"), true);
        check(format!("    {lint},"), true);
        check(format!("#[expect({lint}, reason = \"fast\")]"), true);
        check(format!("{lint} is forbidden"), false);
    }

    #[test]
    fn machine_paths_and_registry_hosts_are_reported() {
        let check = |line: String, found: bool| {
            let reports = check_no_machine(&file(line.as_str()));
            assert_eq!(reports.len(), usize::from(found), "{line}: {reports:?}");
        };
        for folder in ["work", "farm", "root", "home"] {
            check(format!("cd /{folder}/main"), true);
            check(format!("cat /{folder}/.env"), true);
        }
        check("see docs/work in progress".to_owned(), false);
        check("--mount=type=cache,target=/build/target".to_owned(), false);
        check(
            format!("https://{}/simple", ["pypi", "org"].join(".")),
            true,
        );
        check(
            format!("https://{}.io", ["static", "crates"].join(".")),
            true,
        );
        check("https://crates.io/crates/tokio".to_owned(), false);
    }
}
