//! Hides what is secret in an address, and knows a secret by its name.

use url::Url;

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Words that make a name that of a secret; "pass" and "auth" are in many longer ones.
const SECRET_WORDS: [&str; 8] = [
    "key", "token", "secret", "pass", "pwd", "auth", "pem", "sasl",
];

/// The address with its secrets masked: user information, and the query
/// parameters whose name speaks of a secret.
///
/// Without a secret the text comes back as it was. A text that is no address
/// is masked as a whole, for nobody can say where its secrets are.
#[must_use]
pub fn masked_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return MASK.to_owned();
    };
    // An `@` behind the host is what a password with an unescaped `/`, `?` or `#` leaves.
    let rest = [Some(url.path()), url.query(), url.fragment()];
    if !url.has_host() || rest.into_iter().flatten().any(|part| part.contains('@')) {
        return MASK.to_owned();
    }
    let has_user_information = !url.username().is_empty() || url.password().is_some();
    let has_secret_parameter = url.query_pairs().any(|(name, _)| is_secret_name(&name));
    if !has_user_information && !has_secret_parameter && url.fragment().is_none() {
        return text.to_owned();
    }
    if has_user_information {
        // Both fail only for addresses without a host, which were sent back above.
        let _ = url.set_password(None);
        let _ = url.set_username(MASK);
    }
    if has_secret_parameter {
        let pairs: Vec<(String, String)> = url.query_pairs().map(masked_pair).collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.set_fragment(url.fragment().is_some().then_some(MASK));
    url.into()
}

fn masked_pair(
    (name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>),
) -> (String, String) {
    let value = if is_secret_name(&name) { MASK } else { &value };
    (name.into_owned(), value.to_owned())
}

/// Whether a parameter or property of this name holds a secret: rather one too many.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_kept() {
        let check = |text: &str, expected: &str| assert_eq!(masked_url(text), expected);
        check("wss://feed.example/matches", "wss://feed.example/matches");
        check("ws://h:1?a=%20b", "ws://h:1?a=%20b");
        check("wss://user:pw@h/x", "wss://***@h/x");
        check("wss://user@h/x", "wss://***@h/x");
        check("wss://:pw@h/x", "wss://***@h/x");
        check("wss://h/x?api_key=s&a=1", "wss://h/x?api_key=***&a=1");
        check("wss://h/x?KEY=s", "wss://h/x?KEY=***");
        check(
            "wss://h/x?t=1&token=a&token=b",
            "wss://h/x?t=1&token=***&token=***",
        );
        check("wss://h/x?%6Bey=s", "wss://h/x?key=***");
        check(
            "wss://h/x?pwd=s&Pass=s&auth=s&access_token=s&league=7",
            "wss://h/x?pwd=***&Pass=***&auth=***&access_token=***&league=7",
        );
        check("wss://h/x#access", "wss://h/x#***");
        check("wss://user:p/w@h/x", "***");
        check("wss://user:1/w@h/x", "***");
        check("user:pw@h/x", "***");
        check("token=s", "***");
        check("", "***");
    }

    proptest! {
        #[test]
        fn a_planted_secret_never_shows(secret in "[a-z0-9/?#@:&=%. -]{0,12}zQz[a-z0-9/?@: -]{0,12}") {
            for text in [
                format!("wss://user:{secret}@h/x"),
                format!("wss://{secret}@h/x"),
                format!("{secret}@h/x"),
            ] {
                prop_assert!(!masked_url(&text).contains("zQz"), "{text}");
            }
            // An unescaped `&` begins another parameter.
            prop_assume!(!secret.contains('&'));
            let query = format!("wss://h/x?a=1&api_key={secret}&b=2");
            prop_assert!(!masked_url(&query).contains("zQz"));
        }
    }
}
