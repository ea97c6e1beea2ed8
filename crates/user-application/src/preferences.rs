//! What somebody prefers: some of it is known here, some belongs to the programs that show it.

use domain::{HeroId, Position};
use serde_json::{Map, Number, Value, json};

use crate::fault::{Faults, member};

/// As many ids a list of heroes has at most.
pub const HEROES_MAX: usize = 126;
/// All preferences together, written as JSON without spaces.
pub const PREFERENCES_BYTES_MAX: usize = 16 * 1024;
/// The skills that matches are told apart by.
pub const SKILLS: [&str; 8] = [
    "all",
    "low",
    "medium",
    "high",
    "herald_guardian",
    "crusader_archon",
    "legend_ancient",
    "divine_immortal",
];

const NAMES: [&str; 6] = [
    "favourite_heroes",
    "hero_pool",
    "roles",
    "skill",
    "overlay",
    "notifications",
];
const ROLES_MAX: usize = 5;
/// Far deeper than settings of a program go.
const DEPTH_MAX: usize = 8;
/// Up to here every program reads the same number: 2⁵³.
const NUMBER_MAX: u64 = 1 << 53;

/// What somebody prefers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preferences {
    /// Heroes to be shown first.
    pub favourite_heroes: Vec<HeroId>,
    /// Heroes to be suggested.
    pub hero_pool: Vec<HeroId>,
    /// What is played, the dearest first.
    pub roles: Vec<Position>,
    /// One of [`SKILLS`], of whose matches figures are shown.
    pub skill: Option<&'static str>,
    /// Settings of overlays; what they mean is theirs.
    pub overlay: Map<String, Value>,
    /// Settings of whoever notifies; likewise.
    pub notifications: Map<String, Value>,
}

impl Preferences {
    /// What [`document`](Self::document) has written; what is not understood any more is left out.
    #[must_use]
    pub fn restored(document: &Value) -> Self {
        Self::read_members(document, "", &mut Faults::default())
    }

    /// As they stand in a profile.
    #[must_use]
    pub fn document(&self) -> Value {
        let heroes = |heroes: &[HeroId]| -> Value {
            let ids = heroes.iter().map(|hero| Value::from(hero.get()));
            ids.collect()
        };
        json!({
            "favourite_heroes": heroes(&self.favourite_heroes),
            "hero_pool": heroes(&self.hero_pool),
            "roles": self.roles.iter().map(|role| role.get()).collect::<Vec<_>>(),
            "skill": self.skill,
            "overlay": self.overlay,
            "notifications": self.notifications,
        })
    }

    /// The names of what differs in `other`.
    pub(crate) fn differences(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        [
            (
                "preferences.favourite_heroes",
                self.favourite_heroes != other.favourite_heroes,
            ),
            ("preferences.hero_pool", self.hero_pool != other.hero_pool),
            ("preferences.roles", self.roles != other.roles),
            ("preferences.skill", self.skill != other.skill),
            ("preferences.overlay", self.overlay != other.overlay),
            (
                "preferences.notifications",
                self.notifications != other.notifications,
            ),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
    }

    /// Reads what is at `pointer`; what is missing or null is as it is at first.
    pub(crate) fn read(document: &Value, pointer: &str, faults: &mut Faults) -> Self {
        let read = Self::read_members(document, pointer, faults);
        // As it is given out, so that what was read can be sent back.
        if read.document().to_string().len() > PREFERENCES_BYTES_MAX {
            let detail =
                format!("all preferences together, at most {PREFERENCES_BYTES_MAX} bytes of JSON");
            faults.add(pointer, "too_long", detail);
        }
        read
    }

    fn read_members(document: &Value, pointer: &str, faults: &mut Faults) -> Self {
        let mut read = Self::default();
        let members = match document {
            Value::Null => return read,
            Value::Object(members) => members,
            _ => {
                faults.add(
                    pointer,
                    "wrong_type",
                    format!("an object with {}", NAMES.join(", ")),
                );
                return read;
            }
        };
        for (name, value) in members {
            let at = member(pointer, name);
            match name.as_str() {
                _ if value.is_null() && NAMES.contains(&name.as_str()) => {}
                "favourite_heroes" => read.favourite_heroes = heroes(value, &at, faults),
                "hero_pool" => read.hero_pool = heroes(value, &at, faults),
                "roles" => {
                    read.roles = list(
                        value,
                        &at,
                        faults,
                        (ROLES_MAX, "roles, numbers from 1 to 5"),
                        role,
                    );
                }
                "skill" => match SKILLS.into_iter().find(|skill| value == skill) {
                    Some(skill) => read.skill = Some(skill),
                    None => faults.add(
                        at,
                        "not_allowed",
                        format!("one of {}, or null", SKILLS.join(", ")),
                    ),
                },
                "overlay" => read.overlay = free(value, &at, faults),
                "notifications" => read.notifications = free(value, &at, faults),
                _ => faults.add(at, "unknown", format!("there are {}", NAMES.join(", "))),
            }
        }
        read
    }
}

fn heroes(value: &Value, pointer: &str, faults: &mut Faults) -> Vec<HeroId> {
    let what = (HEROES_MAX, "ids of heroes");
    list(value, pointer, faults, what, |value| {
        let id = value.as_u64().and_then(|id| u16::try_from(id).ok());
        let hero = HeroId::try_new(id?).ok()?;
        hero.is_listed().then_some(hero)
    })
}

fn role(value: &Value) -> Option<Position> {
    let number = u8::try_from(value.as_u64()?).ok()?;
    Position::try_new(number).ok()
}

/// A list of up to so many, each of them once.
fn list<T: PartialEq>(
    value: &Value,
    pointer: &str,
    faults: &mut Faults,
    (count_max, what): (usize, &str),
    read: impl Fn(&Value) -> Option<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    let Some(values) = value.as_array() else {
        faults.add(pointer, "wrong_type", format!("a list of {what}, or null"));
        return found;
    };
    if values.len() > count_max {
        faults.add(pointer, "too_many", format!("at most {count_max} {what}"));
        return found;
    }
    for (index, value) in values.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        match read(value) {
            None if value.is_number() => {
                faults.add(at, "not_allowed", format!("only known {what}"));
            }
            None => faults.add(at, "wrong_type", format!("only known {what}")),
            Some(one) if found.contains(&one) => faults.add(at, "twice", "each one once"),
            Some(one) => found.push(one),
        }
    }
    found
}

/// An object whose members are somebody else's business, as far as they can be kept.
fn free(value: &Value, pointer: &str, faults: &mut Faults) -> Map<String, Value> {
    if let Value::Object(members) = value {
        return object(members, pointer, faults, 1);
    }
    faults.add(pointer, "wrong_type", "an object, or null");
    Map::new()
}

fn object(
    members: &Map<String, Value>,
    pointer: &str,
    faults: &mut Faults,
    depth: usize,
) -> Map<String, Value> {
    let kept = members.iter().map(|(name, value)| {
        let at = member(pointer, name);
        check_text(name, &at, faults);
        (name.clone(), kept(value, &at, faults, depth))
    });
    kept.collect()
}

/// The value as every program and every database reads it again.
fn kept(value: &Value, pointer: &str, faults: &mut Faults, depth: usize) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if depth >= DEPTH_MAX => {
            faults.add(
                pointer,
                "too_deep",
                format!("up to {DEPTH_MAX} objects and lists within each other"),
            );
            Value::Null
        }
        Value::Array(values) => {
            let values = values.iter().enumerate();
            let values = values.map(|(index, value)| {
                kept(value, &format!("{pointer}/{index}"), faults, depth + 1)
            });
            values.collect()
        }
        Value::Object(members) => object(members, pointer, faults, depth + 1).into(),
        Value::Number(number) => kept_number(number).unwrap_or_else(|| {
            faults.add(
                pointer,
                "not_allowed",
                "numbers from -9007199254740992 to 9007199254740992",
            );
            Value::Null
        }),
        Value::String(text) => {
            check_text(text, pointer, faults);
            value.clone()
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// 1, 1.0 and 1e0 are one number, and are kept as one.
fn kept_number(number: &Number) -> Option<Value> {
    if let Some(whole) = number.as_i64() {
        return (whole.unsigned_abs() <= NUMBER_MAX).then(|| whole.into());
    }
    #[expect(clippy::cast_precision_loss, reason = "it is 2⁵³")]
    let value = number
        .as_f64()
        .filter(|value| value.abs() <= NUMBER_MAX as f64)?;
    if value.fract() != 0.0 {
        return Some(value.into());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole, and at most 2⁵³"
    )]
    let whole = value as i64;
    Some(whole.into())
}

fn check_text(text: &str, pointer: &str, faults: &mut Faults) {
    if text.contains('\0') {
        faults.add(
            pointer,
            "not_allowed",
            "texts and names without the character U+0000",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &Value) -> Result<Preferences, Vec<String>> {
        let mut faults = Faults::default();
        let read = Preferences::read(document, "", &mut faults);
        let read = faults.conclude(read);
        read.map_err(|faults| {
            let faults = faults.into_iter();
            faults
                .map(|fault| format!("{} {}", fault.pointer, fault.code))
                .collect()
        })
    }

    fn check(document: &Value, expected: &[&str]) {
        let found = read(document).err().unwrap_or_default();
        assert_eq!(found, expected, "{document}");
    }

    #[test]
    fn what_is_not_given_or_null_is_as_it_is_at_first() {
        let first = json!({"favourite_heroes": [], "hero_pool": [], "roles": [], "skill": null, "overlay": {},
            "notifications": {}});
        for document in [
            json!(null),
            json!({}),
            json!({"roles": null, "overlay": null, "skill": null}),
            first.clone(),
        ] {
            assert_eq!(
                read(&document).map(|read| read.document()),
                Ok(first.clone())
            );
        }
    }

    #[test]
    fn a_hero_is_known_and_named_once() {
        check(&json!({"hero_pool": [1, 2, 155]}), &[]);
        check(&json!({"hero_pool": [24]}), &["/hero_pool/0 not_allowed"]);
        check(
            &json!({"favourite_heroes": [1, 0, 70000, -1, 1.5, "1", 1]}),
            &[
                "/favourite_heroes/1 not_allowed",
                "/favourite_heroes/2 not_allowed",
                "/favourite_heroes/3 not_allowed",
                "/favourite_heroes/4 not_allowed",
                "/favourite_heroes/5 wrong_type",
                "/favourite_heroes/6 twice",
            ],
        );
        check(&json!({"hero_pool": {}}), &["/hero_pool wrong_type"]);
        let listed: Vec<u16> = HeroId::listed().map(HeroId::get).collect();
        check(&json!({"hero_pool": listed[..HEROES_MAX]}), &[]);
        let too_many = vec![1; HEROES_MAX + 1];
        check(&json!({"hero_pool": too_many}), &["/hero_pool too_many"]);
    }

    #[test]
    fn roles_and_skills_are_those_that_there_are() {
        check(&json!({"roles": [5, 1, 2, 3, 4], "skill": "high"}), &[]);
        check(
            &json!({"roles": [6, 0]}),
            &["/roles/0 not_allowed", "/roles/1 not_allowed"],
        );
        check(&json!({"roles": [1, 1]}), &["/roles/1 twice"]);
        check(&json!({"roles": [1, 2, 3, 4, 5, 1]}), &["/roles too_many"]);
        check(&json!({"skill": "best"}), &["/skill not_allowed"]);
        check(&json!({"skill": 1}), &["/skill not_allowed"]);
        check(
            &json!({"colour": 1, "a/b": 2}),
            &["/a~1b unknown", "/colour unknown"],
        );
        check(&json!([]), &[" wrong_type"]);
    }

    #[test]
    fn what_is_somebody_elses_is_kept_as_it_is_or_refused() {
        let overlay = json!({"theme": "dark", "size": 1.5, "parts": [{"x": 1, "on": true}, null], "ä": "\u{1}"});
        let found = read(&json!({"overlay": overlay, "notifications": {"email": false}}))
            .expect("it can be kept");
        assert_eq!(Value::from(found.overlay.clone()), overlay);
        assert_eq!(Preferences::restored(&found.document()), found);
        let numbers: Value =
            serde_json::from_str(r#"{"overlay": {"a": 1.0, "b": 1e3, "c": -0.0, "d": 0.1}}"#)
                .expect("it is JSON");
        let found = read(&numbers).expect("they can be kept");
        assert_eq!(
            Value::from(found.overlay),
            json!({"a": 1, "b": 1000, "c": 0, "d": 0.1})
        );

        check(
            &json!({"overlay": [], "notifications": true}),
            &["/notifications wrong_type", "/overlay wrong_type"],
        );
        check(
            &json!({"overlay": {"a": "\0", "b\0": 1}}),
            &["/overlay/a not_allowed", "/overlay/b\0 not_allowed"],
        );
        check(
            &json!({"overlay": {"a": 1e300, "b": [u64::MAX]}}),
            &["/overlay/a not_allowed", "/overlay/b/0 not_allowed"],
        );
        let mut deep = json!(1);
        for _ in 0..DEPTH_MAX {
            deep = json!([deep]);
        }
        check(&json!({"overlay": {"a": deep[0]}}), &[]);
        check(
            &json!({"overlay": {"a": deep}}),
            &["/overlay/a/0/0/0/0/0/0/0 too_deep"],
        );
    }

    #[test]
    fn all_together_are_so_long_at_most() {
        let of = |length: usize| json!({"overlay": {"a": "x".repeat(length)}});
        let around = Preferences::restored(&of(0)).document().to_string().len();
        let longest = of(PREFERENCES_BYTES_MAX - around);
        let found = read(&longest).expect("it is not too long");
        let document = found.document();
        assert_eq!(document.to_string().len(), PREFERENCES_BYTES_MAX);
        assert_eq!(read(&document).as_ref(), Ok(&found), "it can be sent back");
        assert_eq!(Preferences::restored(&document), found, "and kept");
        check(&of(PREFERENCES_BYTES_MAX - around + 1), &[" too_long"]);
    }
}
