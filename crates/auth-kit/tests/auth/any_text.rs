//! Whatever comes, nothing panics, and nothing but the honest token is taken.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use auth_kit::KeySet;
use auth_test_kit::{KeyKind, TestKey, encoded};
use identity::{Issuer, Verifier};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{NOW, World};

#[tokio::test]
async fn no_change_of_a_character_is_taken() -> Result<()> {
    let world = World::new().await?;
    for kind in [KeyKind::Es256, KeyKind::EdDsa] {
        world
            .issuer
            .add_key(TestKey::new(&format!("{kind:?}"), kind));
        let keys = KeySet::try_read(world.issuer.key_set().as_bytes())?;
        let (rules, token) = (world.rules()?, world.token());
        keys.judge(&rules, &token, NOW).context("it is honest")?;
        for place in 0..token.len() {
            for other in ["A", "Q", "g", "w", "-", ".", "=", ""] {
                if &token[place..=place] == other {
                    continue;
                }
                let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
                let judged = keys.judge(&rules, &changed, NOW);
                ensure!(judged.is_err(), "{other:?} at {place} of {token}");
            }
        }
    }
    Ok(())
}

fn rules() -> Verifier {
    Verifier {
        issuer: Issuer::try_new("https://login.example").expect("an issuer"),
        audience: "match-platform".to_owned(),
        skew: Duration::from_secs(30),
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_set_of_keys_that_makes_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "[{}\\[\\]\",:a-z0-9 ]{0,200}",
        member in prop::sample::select(vec!["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid", "d"]),
        value in "[A-Za-z0-9_=-]{0,60}",
    ) {
        _ = KeySet::try_read(&bytes);
        _ = KeySet::try_read(text.as_bytes());
        for kind in [KeyKind::Es256, KeyKind::EdDsa] {
            let mut key = TestKey::new("k", kind).public();
            key[member] = value.as_str().into();
            let set = KeySet::try_read(json!({ "keys": [key] }).to_string().as_bytes());
            let set = set.expect("a key of no use is skipped");
            prop_assert_eq!(set.len() + set.skipped(), 1);
        }
    }

    #[test]
    fn no_text_is_a_token_that_makes_it_panic(
        text in any::<String>(),
        parts in prop::collection::vec("[A-Za-z0-9_-]{0,60}", 0..5),
        header in "[{}\\[\\]\",:a-z0-9+ ]{0,80}",
    ) {
        let keys = json!({ "keys": [TestKey::new("k", KeyKind::EdDsa).public()] }).to_string();
        let keys = KeySet::try_read(keys.as_bytes()).expect("it is one");
        let with_header = format!("{}.e30.AAAA", encoded(header));
        for token in [text, parts.join("."), with_header] {
            prop_assert!(keys.judge(&rules(), &token, NOW).is_err());
        }
    }
}
