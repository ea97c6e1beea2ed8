//! Whatever is sent as a change, the profile stays one that can be read, sent back and kept.

use domain::{Timestamp, UserId};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use user_application::{
    Details, Edit, PREFERENCES_BYTES_MAX, Preferences, Profile, Subscription, Version, document,
};

fn profile(details: Details) -> Profile {
    let at = Timestamp::from_unix_ms(1_764_547_200_000);
    Profile {
        user: UserId::new(at, [7; 10]),
        steam_id: None,
        details,
        subscription: Subscription::default(),
        version: Version::new(3),
        created_at: at,
        updated_at: at,
    }
}

/// Names that mean something in a profile, and others.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "display_name",
        "avatar_url",
        "locale",
        "time_zone",
        "preferences",
        "favourite_heroes",
        "hero_pool",
        "roles",
        "skill",
        "overlay",
        "notifications",
        "version",
        "subscription",
        "id",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".{0,6}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..200_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!("high")),
        Just(json!("en")),
        ".{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(12, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn a_change_is_refused_with_places_or_can_be_kept_and_sent_back(wanted in any_json(), is_patch in any::<bool>()) {
        let before = profile(Details::first(None, None));
        let edit = if is_patch { Edit::Patch(wanted) } else { Edit::Replace(wanted) };
        match edit.apply(&before) {
            Ok(details) => {
                let kept = details.preferences.document();
                prop_assert!(kept.to_string().len() <= PREFERENCES_BYTES_MAX);
                let text: Value = serde_json::from_str(&kept.to_string())?;
                prop_assert_eq!(&Preferences::restored(&text), &details.preferences);
                let after = profile(details.clone());
                prop_assert_eq!(&Edit::Replace(document(&after)).apply(&after), &Ok(details.clone()));
                prop_assert_eq!(&Edit::Patch(json!({})).apply(&after), &Ok(details));
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty() && faults.len() <= 100);
                for fault in faults {
                    prop_assert!(fault.pointer.is_empty() || fault.pointer.starts_with('/'));
                }
            }
        }
    }

    #[test]
    fn a_profile_that_was_patched_is_patched_alike_again(wanted in any_json()) {
        let before = profile(Details::first(None, None));
        let edit = Edit::Patch(json!({ "preferences": { "overlay": wanted } }));
        if let Ok(details) = edit.apply(&before) {
            let after = profile(details.clone());
            prop_assert_eq!(edit.apply(&after), Ok(details));
        }
    }
}
