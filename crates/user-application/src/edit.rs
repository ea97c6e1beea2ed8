//! What a change makes of a profile.

use domain::{DisplayName, PictureUrl};
use serde_json::{Map, Value};

use crate::{
    document::document,
    fault::{Fault, Faults, member},
    preferences::Preferences,
    profile::{Details, Locale, Profile, TimeZone},
};

/// What stands in a profile and is not its owner's to decide.
const READ_ONLY: [&str; 6] = [
    "id",
    "steam_id",
    "subscription",
    "version",
    "created_at",
    "updated_at",
];
const NAMES: &str = "display_name, avatar_url, locale, time_zone, preferences";

/// A change as its owner asks for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// This document instead, as the profile was read before.
    Replace(Value),
    /// Only what this one names (RFC 7396).
    Patch(Value),
}

impl Edit {
    /// What the owner's part of `profile` is after it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn apply(&self, profile: &Profile) -> Result<Details, Vec<Fault>> {
        let before = document(profile);
        match self {
            Self::Replace(wanted) => read(wanted, &before, false),
            Self::Patch(patch) => {
                let mut wanted = before.clone();
                merge(&mut wanted, patch);
                read(&wanted, &before, true)
            }
        }
    }
}

/// RFC 7396, 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let members = target.as_object_mut().expect("it was made one");
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Reads a whole document. What is read only may be left out of one that is written by hand, and not be taken away
/// by a patch.
fn read(wanted: &Value, before: &Value, is_patched: bool) -> Result<Details, Vec<Fault>> {
    let mut faults = Faults::default();
    let mut details = Details::first(None, None);
    let Some(members) = wanted.as_object() else {
        faults.add("", "wrong_type", format!("an object with {NAMES}"));
        return faults.conclude(details);
    };
    for name in READ_ONLY {
        let is_same = match members.get(name) {
            Some(value) => *value == before[name] || is_same_time(value, &before[name]),
            None => !is_patched,
        };
        if !is_same {
            faults.add(member("", name), "read_only", "as it was read, or left out");
        }
    }
    if members.get("display_name").is_none_or(Value::is_null) {
        faults.add("/display_name", "required", NAME_ALLOWED);
    }
    for (name, value) in members {
        let pointer = member("", name);
        match name.as_str() {
            "display_name" if value.is_null() => {}
            "display_name" => match text_of(value, |text| DisplayName::try_new(text).ok()) {
                Ok(name) => details.display_name = name,
                Err(code) => faults.add(pointer, code, NAME_ALLOWED),
            },
            "avatar_url" => {
                let allowed = "an https address of up to 256 characters, or null";
                details.avatar_url = optional(value, pointer, &mut faults, allowed, |text| {
                    PictureUrl::try_new(text).ok()
                });
            }
            "locale" => {
                let allowed = "a language tag such as en or pt-BR, or null";
                details.locale = optional(value, pointer, &mut faults, allowed, Locale::new);
            }
            "time_zone" => {
                let allowed = "the name of a time zone such as Europe/Berlin, or null";
                details.time_zone = optional(value, pointer, &mut faults, allowed, TimeZone::new);
            }
            "preferences" => details.preferences = Preferences::read(value, &pointer, &mut faults),
            name if READ_ONLY.contains(&name) => {}
            _ => faults.add(pointer, "unknown", format!("there are {NAMES}")),
        }
    }
    faults.conclude(details)
}

const NAME_ALLOWED: &str = "1 to 64 characters without control characters";

fn optional<T>(
    value: &Value,
    pointer: String,
    faults: &mut Faults,
    allowed: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    if value.is_null() {
        return None;
    }
    match text_of(value, parse) {
        Ok(found) => Some(found),
        Err(code) => {
            faults.add(pointer, code, allowed);
            None
        }
    }
}

fn text_of<T>(value: &Value, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, &'static str> {
    let text = value.as_str().ok_or("wrong_type")?;
    parse(text).ok_or("not_allowed")
}

/// Some programs write times anew when they send back what they have read.
fn is_same_time(a: &Value, b: &Value) -> bool {
    let time = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
    time(a).is_some_and(|a| time(b) == Some(a))
}

#[cfg(test)]
mod tests {
    use domain::{SteamId, Timestamp, UserId};
    use serde_json::json;

    use super::*;
    use crate::{subscription::Subscription, version::Version};

    fn profile() -> Profile {
        Profile {
            user: UserId::new(Timestamp::from_unix_ms(1_764_547_200_000), [7; 10]),
            steam_id: SteamId::try_new(76_561_198_046_967_340).ok(),
            details: Details::first(DisplayName::try_new("Ana").ok(), None),
            subscription: Subscription::default(),
            version: Version::new(3),
            created_at: Timestamp::from_unix_ms(1_764_547_200_000),
            updated_at: Timestamp::from_unix_ms(1_764_547_300_123),
        }
    }

    fn check(edit: &Edit, expected: &[&str]) {
        let found = edit.apply(&profile()).err().unwrap_or_default();
        let found: Vec<_> = found
            .iter()
            .map(|it| format!("{} {}", it.pointer, it.code))
            .collect();
        assert_eq!(found, expected, "{edit:?}");
    }

    #[test]
    fn a_document_goes_back_as_it_came() {
        let profile = profile();
        let edit = Edit::Replace(document(&profile));
        assert_eq!(edit.apply(&profile), Ok(profile.details.clone()));
        let mut rewritten = document(&profile);
        rewritten["created_at"] = "2025-12-01T00:00:00+00:00".into();
        rewritten["display_name"] = "Bea".into();
        let changed = Edit::Replace(rewritten)
            .apply(&profile)
            .expect("only the name is new");
        assert_eq!(changed.display_name.as_str(), "Bea");
        assert_eq!(profile.details.differences(&changed), ["display_name"]);
    }

    #[test]
    fn what_is_read_only_may_be_left_out_and_not_be_changed() {
        check(&Edit::Replace(json!({"display_name": "Ana"})), &[]);
        for name in READ_ONLY {
            let mut changed = document(&profile());
            changed[name] = json!("2026-01-01T00:00:00Z");
            let expected = format!("/{name} read_only");
            check(&Edit::Replace(changed), &[&expected]);
            check(&Edit::Patch(json!({ name: 9 })), &[&expected]);
            check(&Edit::Patch(json!({ name: null })), &[&expected]);
        }
        check(
            &Edit::Patch(json!({"subscription": {"plan": "pro"}})),
            &["/subscription read_only"],
        );
        check(
            &Edit::Patch(json!({"subscription": {"plan": "free"}, "version": 3})),
            &[],
        );
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let wrong = json!({"display_name": "a\u{7}", "avatar_url": "http://a.example/a.png", "locale": "en_US",
            "time_zone": 1, "preferences": {"hero_pool": [24], "x": 1}, "email": "a@b.example", "version": 4});
        let expected = [
            "/version read_only",
            "/avatar_url not_allowed",
            "/display_name not_allowed",
            "/email unknown",
            "/locale not_allowed",
            "/preferences/hero_pool/0 not_allowed",
            "/preferences/x unknown",
            "/time_zone wrong_type",
        ];
        check(&Edit::Replace(wrong.clone()), &expected);
        check(&Edit::Patch(wrong), &expected);
        for (document, expected) in [
            (json!({}), "/display_name required"),
            (json!({"display_name": null}), "/display_name required"),
            (json!({"display_name": ""}), "/display_name not_allowed"),
            (
                json!({"display_name": "ä".repeat(65)}),
                "/display_name not_allowed",
            ),
            (json!({"display_name": 7}), "/display_name wrong_type"),
            (json!("Ana"), " wrong_type"),
        ] {
            check(&Edit::Replace(document), &[expected]);
        }
        check(
            &Edit::Patch(json!({"display_name": null})),
            &["/display_name required"],
        );
        check(&Edit::Patch(json!([])), &[" wrong_type"]);
    }

    #[test]
    fn a_document_without_something_has_it_as_at_first_and_a_patch_leaves_it() {
        let mut profile = profile();
        let patch = json!({"locale": "de", "time_zone": "Europe/Berlin", "preferences": {"roles": [1], "skill": "low",
            "overlay": {"a": {"b": 1, "c": 2}}}});
        profile.details = Edit::Patch(patch).apply(&profile).expect("it is right");
        let patch = json!({"preferences": {"skill": null, "overlay": {"a": {"b": null, "d": 3}}}, "locale": null});
        let patched = Edit::Patch(patch).apply(&profile).expect("it is right");
        assert_eq!(patched.time_zone, profile.details.time_zone);
        assert_eq!(patched.locale, None);
        assert_eq!(patched.preferences.skill, None);
        assert_eq!(patched.preferences.roles, profile.details.preferences.roles);
        assert_eq!(
            Value::from(patched.preferences.overlay.clone()),
            json!({"a": {"c": 2, "d": 3}})
        );
        assert_eq!(
            profile.details.differences(&patched),
            ["locale", "preferences.skill", "preferences.overlay"]
        );
        let replaced = Edit::Replace(json!({"display_name": "Ana"})).apply(&profile);
        assert_eq!(
            replaced,
            Ok(Details::first(DisplayName::try_new("Ana").ok(), None))
        );
    }

    #[test]
    fn patches_are_merged_as_the_standard_has_it() {
        // RFC 7396, appendix A.
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, expected, "{target} {patch}");
        }
    }
}
