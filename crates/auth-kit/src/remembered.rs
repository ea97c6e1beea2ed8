//! Tokens that were taken, so that a signature is judged once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use domain::Timestamp;
use identity::Principal;
use ring::digest::{SHA256, digest};

use crate::{
    key::Key,
    key_set::{KeySet, NamedKey},
};

/// The SHA-256 of a token: the token itself is not kept.
type Print = [u8; 32];

/// So many tokens at most; for another one the oldest is forgotten.
pub(crate) struct Remembered {
    count_max: usize,
    tokens: HashMap<Print, Token>,
    /// The prints of all of them, the oldest first.
    order: VecDeque<Print>,
}

struct Token {
    principal: Arc<Principal>,
    key_name: String,
    key: Arc<Key>,
}

/// A token's SHA-256.
pub(crate) fn print(token: &str) -> Print {
    let digest = digest(&SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl Remembered {
    pub(crate) fn new(count_max: usize) -> Self {
        Self {
            count_max,
            tokens: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Who has sent the token of this print, if it was taken before, is not over yet, and its key is still one of these.
    pub(crate) fn find(
        &self,
        print: &Print,
        keys: &KeySet,
        now: Timestamp,
    ) -> Option<Arc<Principal>> {
        let token = self.tokens.get(print)?;
        let is_good = now < token.principal.expires_at && keys.has(&token.key_name, &token.key);
        is_good.then(|| Arc::clone(&token.principal))
    }

    /// Keeps a token that was taken by this key.
    pub(crate) fn keep(
        &mut self,
        print: Print,
        principal: Arc<Principal>,
        (key_name, key): NamedKey,
        now: Timestamp,
    ) {
        let token = Token {
            principal,
            key_name,
            key,
        };
        if self.tokens.insert(print, token).is_none() {
            self.order.push_back(print);
        }
        while let Some(oldest) = self.order.front() {
            let is_over = self
                .tokens
                .get(oldest)
                .is_none_or(|it| it.principal.expires_at <= now);
            if !is_over && self.order.len() <= self.count_max {
                return;
            }
            self.tokens.remove(oldest);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::UserId;
    use identity::{ClientId, Scopes};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);

    fn principal(expires_in_seconds: i64) -> Arc<Principal> {
        Arc::new(Principal {
            user: UserId::new(NOW, [1; 10]),
            client: ClientId::try_new("tests").expect("an id"),
            session: None,
            scopes: Scopes::NONE,
            authenticated_at: None,
            steam_id: None,
            name: None,
            picture: None,
            expires_at: Timestamp::from_unix_seconds(NOW.unix_seconds() + expires_in_seconds),
        })
    }

    /// A set of one key, and its name with the key.
    fn keys() -> (KeySet, NamedKey) {
        let text = format!(
            "{{\"keys\":[{{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{}\"}}]}}",
            "A".repeat(43)
        );
        let set = KeySet::try_read(text.as_bytes()).expect("it is a set");
        let key = Arc::clone(set.get("k").expect("it has one"));
        (set, ("k".to_owned(), key))
    }

    #[test]
    fn for_another_one_the_oldest_is_forgotten() {
        let (set, key) = keys();
        let mut remembered = Remembered::new(3);
        for token in 1..=4 {
            remembered.keep([token; 32], principal(300), key.clone(), NOW);
            // Once more changes nothing.
            remembered.keep([token; 32], principal(300), key.clone(), NOW);
        }
        let found = |token| remembered.find(&[token; 32], &set, NOW).is_some();
        assert_eq!([1, 2, 3, 4].map(found), [false, true, true, true]);
        assert_eq!((remembered.tokens.len(), remembered.order.len()), (3, 3));
    }

    #[test]
    fn those_that_are_over_make_room() {
        let (_, key) = keys();
        let mut remembered = Remembered::new(3);
        for token in 1..=3 {
            remembered.keep([token; 32], principal(0), key.clone(), NOW);
        }
        remembered.keep([4; 32], principal(300), key, NOW);
        assert_eq!((remembered.tokens.len(), remembered.order.len()), (1, 1));
    }
}
