//! What manifests and the top of the tree must look like.

use std::collections::BTreeSet;

use crate::{TextFile, Violation};

/// What a reader sees first. Tool files hide behind a dot.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "LICENSE",
    "justfile",
    "crates",
    "deploy",
    "docs",
];

/// Reports what does not belong at the top of the tree, once a name.
#[must_use]
pub fn check_top_level<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Violation> {
    let mut names: Vec<_> = paths
        .into_iter()
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let remedy = "move it into crates, deploy or docs, or hide it if it is a tool's";
    names
        .into_iter()
        .map(|name| Violation::new(name, "does not belong at the top", remedy))
        .collect()
}

/// Crates that speak to a library with a C interface. Cargo takes all lints of
/// the workspace or none, so these repeat them, and deny what others forbid.
const WITH_UNSAFE_CODE: &[&str] = &["crates/clickhouse-test-kit/Cargo.toml"];

/// Reports a crate that does not take the lints of the workspace, whose
/// manifest is `root`.
#[must_use]
pub fn check_lints_inherited(manifest: &TextFile, root: &TextFile) -> Option<Violation> {
    let mut lines = manifest.text.lines();
    let inherited = lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true");
    let own = lints(&manifest.text, "[lints.");
    let repeated = lints(&root.text, "[workspace.lints.").map(|line| match line {
        r#"unsafe_code = "forbid""# => r#"unsafe_code = "deny""#,
        line => line,
    });
    let is_exception = WITH_UNSAFE_CODE.contains(&manifest.path.as_str()) && own.eq(repeated);
    (!inherited && !is_exception).then(|| {
        Violation::new(
            &manifest.path,
            "has lints of its own",
            "write `[lints]` and below it `workspace = true`",
        )
    })
}

/// The tables of lints without their comments, and of each head what is behind `prefix`.
fn lints<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let mut is_inside = false;
    text.lines().filter_map(move |line| {
        if line.starts_with('[') {
            is_inside = line.starts_with(prefix);
        }
        let is_said = is_inside && !line.is_empty() && !line.starts_with('#');
        is_said.then(|| line.strip_prefix(prefix).unwrap_or(line))
    })
}

/// Reports entries of `[workspace.dependencies]` that do not say why they are there.
///
/// The reason is a comment right above. Our own crates share one, and so does
/// a family: `serde_json` in the lines right below `serde`.
#[must_use]
pub fn check_dependencies_explained(manifest: &TextFile) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut reason = Reason::Missing;
    for (number, line) in dependencies(manifest) {
        if line.starts_with('#') {
            reason = Reason::Given;
        } else if line.is_empty() {
            reason = Reason::Missing;
        } else if let Some((name, value)) = line.split_once(" = ") {
            match reason {
                Reason::Given => reason = Reason::GivenFor(name),
                Reason::GivenFor(head) if value.contains("path = ") || is_family(head, name) => {}
                Reason::GivenFor(_) | Reason::Missing => violations.push(Violation::new(
                    format!("{}:{number}", manifest.path),
                    format!("does not say why {name} is there"),
                    "write a comment line above it",
                )),
            }
        }
    }
    violations
}

/// Reports entries of `[workspace.dependencies]` that no crate takes.
/// `names` are those under which the crates of the workspace have dependencies.
#[must_use]
pub fn check_dependencies_used(manifest: &TextFile, names: &BTreeSet<&str>) -> Vec<Violation> {
    let entries = dependencies(manifest).filter_map(|(number, line)| {
        let (name, _) = line.split_once(" = ")?;
        (!line.starts_with('#') && !names.contains(name)).then_some((number, name))
    });
    let report = |(number, name)| {
        let place = format!("{}:{number}", manifest.path);
        Violation::new(
            place,
            format!("has {name}, which no crate takes"),
            "take it out",
        )
    };
    entries.map(report).collect()
}

/// The lines of `[workspace.dependencies]` with their numbers.
fn dependencies(manifest: &TextFile) -> impl Iterator<Item = (u32, &str)> {
    (1..)
        .zip(manifest.text.lines())
        .skip_while(|(_, line)| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('['))
}

/// What the lines above an entry say about it.
#[derive(Clone, Copy)]
enum Reason<'a> {
    Missing,
    /// The line above is a comment.
    Given,
    /// The entry of this name has one, and nothing but its family came since.
    GivenFor(&'a str),
}

fn is_family(head: &str, name: &str) -> bool {
    name.strip_prefix(head)
        .is_some_and(|rest| rest.starts_with(['-', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> TextFile {
        TextFile {
            path: "Cargo.toml".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_stranger_at_the_top_is_reported_once() {
        let check = |paths: &[&str], expected: &[&str]| {
            let reports = check_top_level(paths.iter().copied());
            let places: Vec<_> = reports.iter().map(|report| report.place.as_str()).collect();
            assert_eq!(places, expected, "{paths:?}");
        };
        check(
            &[
                "Cargo.toml",
                "README.md",
                ".ci/run",
                "crates/domain/src/lib.rs",
            ],
            &[],
        );
        check(
            &["scripts/a.sh", "scripts/b.sh", "clippy.toml"],
            &["clippy.toml", "scripts"],
        );
        check(&["domain/src/lib.rs"], &["domain"]);
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_reported() {
        let root = manifest("[workspace.lints.rust]\nunsafe_code = \"forbid\"\n");
        let check = |text, inherited: bool| {
            assert_eq!(
                check_lints_inherited(&manifest(text), &root).is_none(),
                inherited,
                "{text}"
            );
        };
        check("[package]\n\n[lints]\nworkspace = true\n", true);
        check("[package]\n", false);
        check("[lints.rust]\nunsafe_code = \"allow\"\n", false);
        check("[lints.rust]\nunsafe_code = \"deny\"\n", false);
        check("[lints]\nworkspace = false\n", false);
        check("[package]\n\n[lints]\n\n[dependencies]\n", false);
    }

    #[test]
    fn a_crate_with_unsafe_code_repeats_all_other_lints() {
        let root = manifest(
            "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n\n\
             [workspace.lints.clippy]\n# Read alone.\nmodule_name_repetitions = \"allow\"\n\n\
             [profile.dev]\ndebug = 1\n",
        );
        let check = |lints: &str, is_right: bool| {
            let text = format!("[package]\nname = \"x\"\n\n{lints}\n[dependencies]\na = \"1\"\n");
            let manifest = TextFile {
                path: WITH_UNSAFE_CODE[0].to_owned(),
                text,
            };
            let report = check_lints_inherited(&manifest, &root);
            assert_eq!(report.is_none(), is_right, "{lints}");
        };
        let rust =
            "# It speaks C.\n[lints.rust]\nunsafe_code = \"deny\"\nmissing_docs = \"warn\"\n\n";
        let clippy = "[lints.clippy]\nmodule_name_repetitions = \"allow\"\n";
        check(&[rust, clippy].concat(), true);
        check(rust, false);
        check(&[&rust.replace("deny", "allow"), clippy].concat(), false);
        check(
            &[&rust.replace("\"warn", "\"allow"), clippy].concat(),
            false,
        );
        check("[lints]\nworkspace = true\n", true);
    }

    #[test]
    fn a_dependency_without_its_reason_is_reported() {
        let check = |entries: &str, expected: &[&str]| {
            let text = format!(
                "[workspace]\nresolver = \"3\"\n\n[workspace.dependencies]\n{entries}\n[profile.dev]\ndebug = 1\n"
            );
            let reports = check_dependencies_explained(&manifest(&text));
            let reports: Vec<_> = reports.iter().map(Violation::to_string).collect();
            assert_eq!(reports, expected, "{entries}");
        };
        let missing = |line: u32, name: &str| {
            format!(
                "Cargo.toml:{line}: does not say why {name} is there; write a comment line above it"
            )
        };
        check("# The runtime.\ntokio = \"1\"\n", &[]);
        check("tokio = \"1\"\n", &[&missing(5, "tokio")]);
        check("# The runtime.\n\ntokio = \"1\"\n", &[&missing(7, "tokio")]);
        check(
            "# The runtime.\ntokio = \"1\"\nbytes = \"1\"\n",
            &[&missing(7, "bytes")],
        );
        check(
            "# JSON.\nserde = \"1\"\nserde_json = \"1\"\nserde-x = \"1\"\n",
            &[],
        );
        check("# Ours.\na = { path = \"a\" }\nb = { path = \"b\" }\n", &[]);
    }

    #[test]
    fn a_dependency_that_no_crate_takes_is_reported() {
        let text = "[workspace.dependencies]\n# JSON.\nserde = \"1\"\nserde_json = \"1\"\n\n[profile.dev]\ndebug = 1\n";
        let reports = check_dependencies_used(&manifest(text), &BTreeSet::from(["serde_json"]));
        let reports: Vec<_> = reports.iter().map(Violation::to_string).collect();
        assert_eq!(
            reports,
            ["Cargo.toml:3: has serde, which no crate takes; take it out"]
        );
    }
}
