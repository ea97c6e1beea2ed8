//! Which crate may name which: a crate's name says whose it is, what part it
//! has and which technology it speaks, and that decides. A new crate needs no
//! line here as long as it brings no technology that is new to its part.
//!
//! It judges what ships. Dev-dependencies may reach wherever a test needs them.

mod arrows;
mod deny_list;
mod outside;
mod shape;

use std::collections::BTreeSet;

use serde_json::Value;

use self::outside::{PERMITS, SINGLE_OWNERS};
use crate::Violation;

pub use self::{
    deny_list::{check_deny_list, with_deny_list},
    shape::{Role, Shape},
};

/// How a crate switches the in-process engine of a kit or adapter on.
const EMBEDDED: &str = "embedded";

const TAKE_IT_OUT: &str = "take it out of crates/workspace-rules/src/layers/outside.rs";

/// A crate of this workspace, with what it names when it is shipped.
struct Package<'a> {
    name: &'a str,
    shape: Option<Shape<'a>>,
    dependencies: Vec<Dependency<'a>>,
}

struct Dependency<'a> {
    name: &'a str,
    is_ours: bool,
    is_optional: bool,
    is_embedded: bool,
}

/// Compares the output of `cargo metadata --no-deps` with the architecture.
#[must_use]
pub fn check(metadata: &Value) -> Vec<Violation> {
    let packages = packages(metadata);
    packages.iter().flat_map(Package::check).collect()
}

/// Reports what the tables permit and no crate of the whole workspace uses.
#[must_use]
pub fn check_permits(metadata: &Value) -> Vec<Violation> {
    let packages = packages(metadata);
    let permits = PERMITS.iter().flat_map(|permit| {
        let meant = |package: &&Package<'_>| {
            let shape = package.shape.as_ref();
            shape.is_some_and(|shape| permit.who.includes(shape))
        };
        let used: BTreeSet<_> = packages
            .iter()
            .filter(meant)
            .flat_map(Package::names_of_others)
            .collect();
        let unused = permit
            .names
            .iter()
            .filter(move |name| !used.contains(**name));
        unused.map(|name| {
            let problem = format!("may name {name}, and none of them does");
            Violation::new(format!("{:?}", permit.who), problem, TAKE_IT_OUT)
        })
    });
    let used: BTreeSet<_> = packages.iter().flat_map(Package::names_of_others).collect();
    let owners = SINGLE_OWNERS.iter().filter(|it| !used.contains(it.name));
    let owners = owners.map(|it| {
        let problem = "has a single owner, and nobody names it";
        Violation::new(it.name, problem, TAKE_IT_OUT)
    });
    permits.chain(owners).collect()
}

fn packages(metadata: &Value) -> Vec<Package<'_>> {
    items(metadata, "packages").map(Package::new).collect()
}

impl<'a> Package<'a> {
    fn new(package: &'a Value) -> Self {
        let name = text(package, "name");
        let dependencies = items(package, "dependencies")
            .filter(|dependency| text(dependency, "kind") != "dev")
            .map(Dependency::new)
            .collect();
        Self {
            name,
            shape: Shape::of(name),
            dependencies,
        }
    }

    fn names_of_others(&self) -> impl Iterator<Item = &'a str> {
        let others = self.dependencies.iter().filter(|it| !it.is_ours);
        others.map(|dependency| dependency.name)
    }

    /// Whether it names `name`, and may.
    fn rightly_names(&self, name: &str) -> bool {
        let found = self.dependencies.iter().find(|it| it.name == name);
        let shape = self.shape.as_ref();
        shape
            .zip(found)
            .is_some_and(|(shape, it)| it.judge(shape).is_none())
    }

    fn check(&self) -> Vec<Violation> {
        let Some(shape) = &self.shape else {
            return vec![Violation::new(
                self.name,
                "the name does not say whose the crate is and what part it has",
                "call it <owner>-<role>, or <technology>-kit if it knows no service; \
                 crates/workspace-rules/src/layers/shape.rs has the roles",
            )];
        };
        let judge = |dependency: &Dependency<'_>| {
            let (problem, remedy) = dependency.judge(shape)?;
            Some(Violation::new(self.name, problem, remedy))
        };
        self.dependencies.iter().filter_map(judge).collect()
    }
}

impl<'a> Dependency<'a> {
    fn new(dependency: &'a Value) -> Self {
        Self {
            name: text(dependency, "name"),
            is_ours: dependency["path"].is_string(),
            is_optional: dependency["optional"] == true,
            is_embedded: items(dependency, "features").any(|feature| feature == EMBEDDED),
        }
    }

    /// What is wrong with `from` depending on it, and what to do.
    fn judge(&self, from: &Shape<'_>) -> Option<(String, &'static str)> {
        let name = self.name;
        if !self.is_ours {
            let problem = format!("names {name}, which is no technology of its part");
            let remedy = "leave it to the crate that owns it, or change the permits in \
                          crates/workspace-rules/src/layers/outside.rs";
            return (!outside::is_permitted(from, name)).then_some((problem, remedy));
        }
        // A name without a shape is reported where the crate itself is judged.
        let to = Shape::of(name)?;
        if let Some((sentence, remedy)) = arrows::refuse(from, &to) {
            return Some((format!("depends on {name}: {sentence}"), remedy));
        }
        let is_demo = matches!(to.role, Role::Demo | Role::Simulator);
        if from.role == Role::Service && is_demo && !self.is_optional {
            let problem = format!("depends on {name} whatever its features");
            return Some((problem, "make the dependency optional, behind a feature"));
        }
        // A simulator ships in demos alone.
        let in_demos = matches!(from.role, Role::Demo | Role::Platform | Role::Simulator);
        let may_embed = in_demos || from.is_for_tests();
        if self.is_embedded && !may_embed {
            let problem = format!("switches on {name}/{EMBEDDED} whatever its features");
            let remedy = "switch the in-process engine on in the feature `demo` only";
            return Some((problem, remedy));
        }
        None
    }
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
