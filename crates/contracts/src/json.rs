//! Finds members of a JSON object while checking all of it (RFC 8259).
//!
//! `serde_json` does the work, and is asked only for what takes neither
//! recursion nor room for values: to skip a value, and to say where one stands.
//! So numbers and nesting may have any size. Keys are taken as they were
//! written, too: one with half a surrogate pair (`"\ud800"`) is well-formed,
//! and no text.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize as _, Deserializer as _,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Deserializer, Error, value::RawValue};

/// What a text turned out to be.
#[derive(Debug)]
pub(crate) enum Document<'a, const N: usize> {
    /// An object, and what it holds under each of the names that were asked for.
    Object([Member<'a>; N]),
    /// Any other value.
    NoObject,
}

/// What an object holds under a name.
#[derive(Debug, Clone, Copy)]
pub enum Member<'a> {
    /// Nothing.
    Missing,
    /// A value, as it was written.
    Once(&'a str),
    /// More than one value.
    Repeated,
}

/// Checks that `text` is one JSON value and finds the members called `names` if
/// it is an object.
///
/// The error says where and why it is none, without any of it.
pub(crate) fn find_members<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<Document<'a, N>, Error> {
    let mut deserializer = Deserializer::from_str(text);
    let document = if text.trim_ascii_start().starts_with('{') {
        Document::Object(deserializer.deserialize_map(Members { names })?)
    } else {
        IgnoredAny::deserialize(&mut deserializer)?;
        Document::NoObject
    };
    deserializer.end()?;
    Ok(document)
}

/// Goes through the members of an object.
struct Members<'n, const N: usize> {
    names: &'n [&'n str; N],
}

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Member<'de>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = [Member::Missing; N];
        while let Some(key) = members.next_key::<&RawValue>()? {
            let Some(place) = position(self.names, key.get()) else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = members.next_value::<&RawValue>()?;
            found[place] = match found[place] {
                Member::Missing => Member::Once(value.get()),
                Member::Once(_) | Member::Repeated => Member::Repeated,
            };
        }
        Ok(found)
    }
}

/// Which of `names` a key, as written with its quotes, means.
fn position(names: &[&str], key: &str) -> Option<usize> {
    let key = text_of(key)?;
    names.iter().position(|name| *name == key)
}

/// The text that a JSON string, as written with its quotes, means; none if `value` is no string,
/// or one that no text can be.
#[must_use]
pub fn text_of(value: &str) -> Option<Cow<'_, str>> {
    if value.contains('\\') {
        return serde_json::from_str(value).ok().map(Cow::Owned);
    }
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_json(text: &str) -> bool {
        find_members(text, &["match_id"]).is_ok()
    }

    /// The library's own verdict, on the whole text at once.
    fn is_json_to_serde(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    /// Values of every kind around these scalars.
    fn nested(scalar: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
        scalar.prop_recursive(6, 64, 4, |inner| {
            let key = r#"([a-z]|\\[\\/"n]|\\u[0-9a-fA-F]{4}){0,3}"#;
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" ,\n"))),
                prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                    let members = members
                        .iter()
                        .map(|(key, value)| format!("\"{key}\" :\t{value}"));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    const NUMBER: &str = r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,9})?";

    /// JSON by the rules of RFC 8259.
    fn json() -> impl Strategy<Value = String> {
        nested(prop_oneof![
            NUMBER,
            r#""([ !#-\[\]-~é😀]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,6}""#,
            "true|false|null",
        ])
    }

    /// The same, sometimes with a mistake.
    fn almost_json() -> impl Strategy<Value = String> {
        nested(prop_oneof![
            NUMBER,
            "[-+]?[0-9.eE]{1,5}",
            "\"([ -~\u{e9}\u{1f600}]|\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-fA-F]{4}){0,6}\"",
            "true|false|null",
            "[ -~\t\n]{0,3}",
        ])
    }

    #[test]
    fn each_name_is_found_however_it_is_written() {
        let text = r#"{"c": [1, 2] , "\u0061":"x","b":null,"c":{}}"#;
        let found = match find_members(text, &["a", "b", "c", "d"]) {
            Ok(Document::Object(found)) => found,
            other => panic!("{other:?}"),
        };
        let [
            Member::Once(a),
            Member::Once(b),
            Member::Repeated,
            Member::Missing,
        ] = found
        else {
            panic!("{found:?}")
        };
        assert_eq!((a, b), (r#""x""#, "null"));
    }

    proptest! {
        #[test]
        fn whatever_the_grammar_allows_is_json(text in json()) {
            prop_assert!(is_json(&text));
        }

        #[test]
        fn a_text_is_json_exactly_when_serde_says_so(text in almost_json()) {
            prop_assert_eq!(is_json(&text), is_json_to_serde(&text));
        }

        #[test]
        fn one_wrong_byte_is_seen_as_serde_sees_it(
            text in almost_json(), at in any::<prop::sample::Index>(), byte in "[ -~]",
        ) {
            let mut characters: Vec<_> = text.chars().collect();
            if !characters.is_empty() {
                characters[at.index(text.chars().count())] = byte.chars().next().unwrap_or(' ');
            }
            let text = String::from_iter(characters);
            prop_assert_eq!(is_json(&text), is_json_to_serde(&text));
        }

        #[test]
        fn every_beginning_of_an_object_but_the_whole_is_none(text in json(), at in any::<prop::sample::Index>()) {
            let object = format!("{{\"a\":{text}}}");
            let characters = object.chars().count();
            let text: String = object.chars().take(at.index(characters)).collect();
            prop_assert!(!is_json(&text), "{}", text);
        }
    }
}
