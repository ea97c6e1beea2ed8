//! The list of `wrappers` by which cargo-deny refuses the same arrows once
//! more: it looks at the whole graph, with the crates of others in it.

use serde_json::Value;

use super::{Package, outside::SINGLE_OWNERS, packages, shape::Role};
use crate::{TextFile, Violation};

/// The lines between which the list stands.
const BEGINNING: &str = "    # From the layers of crates/workspace-rules:";
const END: &str = "    # Up to here.";

/// The text of `deny.toml` with the list that the layers want: of what the
/// crates name, and may name. Without the two lines around a list there is none.
#[must_use]
pub fn with_deny_list(metadata: &Value, text: &str) -> String {
    let list = deny_list(&packages(metadata));
    let mut lines = Vec::new();
    let mut is_old = false;
    for line in text.lines() {
        is_old &= line != END;
        if !is_old {
            lines.push(line);
        }
        if line == BEGINNING {
            is_old = true;
            lines.extend(list.iter().map(String::as_str));
        }
    }
    lines.join("\n") + "\n"
}

/// Reports a `deny.toml` whose list is another, or is not there.
#[must_use]
pub fn check_deny_list(metadata: &Value, file: &TextFile) -> Option<Violation> {
    let has_list = file.text.contains(BEGINNING) && file.text.contains(END);
    let is_same = has_list && with_deny_list(metadata, &file.text) == file.text;
    (!is_same).then(|| {
        let list = deny_list(&packages(metadata)).join("\n");
        Violation::new(
            &file.path,
            format!("names other wrappers than the layers:\n{BEGINNING}\n{list}\n{END}\n"),
            "put these lines there, or let UPDATE_DENY_TOML=1 cargo test -p workspace-rules do it",
        )
    })
}

/// A line for each crate that not everybody may name, and is named.
fn deny_list(packages: &[Package<'_>]) -> Vec<String> {
    let mut ours: Vec<_> = packages.iter().filter(|it| is_guarded(it)).collect();
    ours.sort_unstable_by_key(|package| package.name);
    let ours = ours.into_iter().map(|package| (package.name, &[] as &[_]));
    let others = SINGLE_OWNERS.iter().map(|it| (it.name, it.through));
    let lines = ours.chain(others).filter_map(|(name, through)| {
        let mut wrappers = wrappers(packages, name);
        if wrappers.is_empty() {
            return None;
        }
        wrappers.extend(through);
        let wrappers = wrappers.join("\", \"");
        Some(format!(
            "    {{ crate = \"{name}\", wrappers = [\"{wrappers}\"] }},"
        ))
    });
    lines.collect()
}

/// What everybody but the innermost may name needs no guard.
fn is_guarded(package: &Package<'_>) -> bool {
    let is_shared = matches!(
        package.name,
        "domain" | "contracts" | "health-kit" | "service-kit"
    );
    let role = package.shape.map(|shape| shape.role);
    !is_shared && role.is_some_and(|role| role != Role::Rules)
}

fn wrappers<'a>(packages: &[Package<'a>], name: &str) -> Vec<&'a str> {
    let mut wrappers: Vec<_> = packages
        .iter()
        .filter(|package| package.rightly_names(name))
        .map(|package| package.name)
        .collect();
    wrappers.sort_unstable();
    wrappers
}
