//! What everybody may know of keys.

use auth_application::SigningKey;
use serde_json::{Map, Value, json};

/// The set of these keys (RFC 7517): their public parts, and nothing else. Which of them are published is for whoever
/// gives them.
#[must_use]
pub fn key_set<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> String {
    let keys: Vec<_> = keys.into_iter().map(written).collect();
    json!({ "keys": keys }).to_string()
}

fn written(key: &SigningKey) -> Value {
    let members = key.public.members().into_iter();
    let members = members.chain([
        ("kid", key.id.as_str()),
        ("alg", key.public.algorithm().name()),
        ("use", "sig"),
    ]);
    let members = members.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(members.collect::<Map<_, _>>())
}
